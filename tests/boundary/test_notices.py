"""Notices: structured response headers that name field and finding, and never what a client sent."""

import time
from datetime import datetime, timedelta, timezone

import http_sf
import pytest

from stagenorm import JsonField, JsonKeys, PathField, QueryField


def notice(verdict):
    """The Stagenorm-Notice header as RFC 9651 reads it: pairs of field and finding."""
    (value,) = [value for name, value in verdict.headers if name == b"stagenorm-notice"]
    return [(str(item), str(parameters["finding"])) for item, parameters in http_sf.parse(value, tltype="list")]


def test_each_pair_of_field_and_finding_is_told_once(guarded):
    endpoint = guarded(QueryField("q"), JsonField("$.s[*]"), JsonKeys("$.k"), mode="warn")
    verdict = endpoint.send(b'{"s":["Seed","SEED","x","y"],"k":{"Seed":1,"z":1}}', query=b"q=Seed")
    assert sorted(notice(verdict)) == [
        ("$.k", "alias"),
        ("$.k", "unknown"),
        ("$.s[*]", "alias"),
        ("$.s[*]", "unknown"),
        ("q", "alias"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "$.stage",
        "$['it\"s']",
        r"$['a\\b']",
        "$['\u00e9 %']",
        "$['\U0001f600\u202e']",
        '$["tab\\t"]',
        "$['100%']",
        "$['del\x7f']",
    ],
)
def test_any_label_is_a_string_that_reads_back(guarded, path):
    endpoint = guarded(JsonField(path, required=True), mode="warn")
    assert notice(endpoint.send(b"{}")) == [(path, "unreadable")]


def test_a_part_that_is_not_read_is_told_as_a_whole(guarded):
    assert notice(guarded(JsonField("$.s"), mode="warn").send(b"{")) == [("body", "unreadable")]


def test_what_a_client_sent_stands_in_no_header(guarded):
    secret = "s3cr3t"
    endpoint = guarded(PathField("p"), QueryField("q"), JsonField("$.s"), JsonKeys("$.k"), path="/{p}", mode="warn")
    verdict = endpoint.send(
        f'{{"s":"{secret}","k":{{"{secret}":1}}}}'.encode(), query=f"q={secret}".encode(), path=f"/{secret}"
    )
    assert secret.encode() not in b"".join(part for pair in verdict.headers for part in pair)


def test_the_deprecation_is_linked(guarded):
    verdict = guarded(QueryField("q"), mode="warn").send(query=b"q=Seed")
    assert dict(verdict.headers)[b"link"] == b'</api/deprecations>; rel="deprecation"'
    assert set(dict(verdict.headers)) == {b"stagenorm-notice", b"link"}


def test_dates_are_told_where_they_are_configured(guarded):
    east = timezone(timedelta(hours=2))
    dates = {
        "deprecation": datetime(2026, 1, 2, 3, 4, 5, tzinfo=east),
        "sunset": datetime(2026, 7, 1, 0, 30, tzinfo=east),
    }
    headers = dict(guarded(QueryField("q"), mode="warn", dates=dates).send(query=b"q=Seed").headers)
    assert headers[b"deprecation"] == b"@1767315845"
    assert http_sf.parse(headers[b"deprecation"], tltype="item")[0] == dates["deprecation"]
    assert headers[b"sunset"] == b"Tue, 30 Jun 2026 22:30:00 GMT"


def test_dates_are_told_in_gmt_wherever_the_server_stands(guarded, monkeypatch):
    dates = {"sunset": datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))}
    endpoint = guarded(QueryField("q"), mode="warn", dates=dates)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        headers = dict(endpoint.send(query=b"q=Seed").headers)
    time.tzset()
    assert headers[b"sunset"] == b"Tue, 30 Jun 2026 22:30:00 GMT"


def test_one_date_may_stand_without_the_other(guarded):
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for name in ("deprecation", "sunset"):
        headers = dict(guarded(QueryField("q"), mode="warn", dates={name: moment}).send(query=b"q=Seed").headers)
        assert {b"deprecation", b"sunset"} & set(headers) == {name.encode()}


def test_nothing_is_told_where_nothing_was_found(guarded):
    endpoint = guarded(QueryField("q"), mode="warn", dates={"sunset": datetime(2026, 1, 1, tzinfo=timezone.utc)})
    assert endpoint.send(query=b"q=seed").headers == ()
