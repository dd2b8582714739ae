"""The boundary as a whole: consumers and shares, listeners, bodies that are not held, and its own failures."""

import logging
from collections import Counter

import pytest
from msgspec.structs import replace

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    ConfigurationError,
    Endpoint,
    FixedModes,
    FormField,
    JsonField,
    JsonKeys,
    Mode,
    ModeState,
    ModeView,
    PathField,
    QueryField,
    Term,
    Vocabulary,
)
from stagenorm.boundary.request import Request, Unread
from stagenorm.core.overlays import Overlays, TemporaryAlias
from stagenorm.events import FindingKind

JSON = (b"content-type", b"application/json")
HALF = FixedModes(ModeView(ModeState(Mode.ENFORCE, share=50)))


def test_without_modes_it_stays_in_warn(outcome_of):
    boundary = Boundary(INVESTMENT_STAGES, [Endpoint("e", "GET", "/", [QueryField("q")])])
    guard = boundary.open("GET", "/")
    verdict = boundary.inspect(Request(guard, guard.announced([]), "GET", "/", None, b"q=x", [], None))
    assert outcome_of(verdict) == "pass"
    assert verdict.headers


def test_modes_may_be_replaced_while_it_runs(guarded, outcome_of):
    endpoint = guarded(QueryField("q"), mode="off")
    for mode, outcome in ((Mode.ENFORCE, "reject"), (Mode.WARN, "pass"), (Mode.ENFORCE, "reject")):
        endpoint.boundary.modes = FixedModes(ModeView(ModeState(mode)))
        assert outcome_of(endpoint.send(query=b"q=x")) == outcome
    endpoint.boundary.modes.view = ModeView(ModeState(Mode.ENFORCE), None, {"e": ModeState(Mode.OFF)})
    assert outcome_of(endpoint.send(query=b"q=x")) == "pass"


@pytest.mark.parametrize("header", [None, "X-Consumer"])
def test_a_share_is_sticky_by_consumer(guarded, outcome_of, header):
    endpoint = guarded(QueryField("q"), consumer_header=header)
    endpoint.boundary.modes = HALF

    def outcomes(names):
        for name in names:
            sent = (
                {"client": name} if header is None else {"headers": [(b"x-consumer", name.encode())], "client": "same"}
            )
            yield outcome_of(endpoint.send(query=b"q=x", **sent))

    names = [f"consumer {number}" for number in range(200)]
    first = list(outcomes(names))
    assert 60 < Counter(first)["reject"] < 140
    assert list(outcomes(names)) == first
    assert endpoint.events[-1].consumer == names[-1]
    assert {event.in_share for event in endpoint.events} == {True, False}
    again = guarded(QueryField("q"), consumer_header=header, salt="another")
    again.boundary.modes = HALF
    endpoint = again
    assert list(outcomes(names)) != first


def test_the_share_of_a_boundary_without_a_salt_stays_what_it_is(guarded, outcome_of):
    endpoint = guarded(QueryField("q"))
    endpoint.boundary.modes = FixedModes(ModeView(ModeState(Mode.ENFORCE, share=10)))
    held = [n for n in range(100) if outcome_of(endpoint.send(query=b"q=x", client=f"consumer-{n}")) == "reject"]
    assert held == [11, 53, 68, 71, 96]


def test_without_a_consumer_only_the_whole_share_enforces(guarded, outcome_of):
    for options in ({}, {"consumer_header": "x-consumer"}):
        endpoint = guarded(QueryField("q"), **options)
        endpoint.boundary.modes = FixedModes(ModeView(ModeState(Mode.ENFORCE, share=99.9)))
        assert outcome_of(endpoint.send(query=b"q=x")) == "pass"
        assert endpoint.events[-1].consumer is None
        endpoint.boundary.modes = FixedModes(ModeView(ModeState(Mode.ENFORCE)))
        assert outcome_of(endpoint.send(query=b"q=x")) == "reject"


def test_the_first_of_several_consumer_headers_counts(guarded):
    endpoint = guarded(QueryField("q"), consumer_header="X-Key")
    endpoint.send(headers=[(b"x-other", b"0"), (b"x-key", b"\xe9"), (b"x-key", b"2")])
    assert endpoint.events[-1].consumer == "\xe9"


def test_listeners_hear_everything_of_every_part(guarded):
    endpoint = guarded(PathField("p"), QueryField("q"), JsonField("$.s[*]"), path="/{p}", mode="warn")
    endpoint.send(b'{"s":["seed","SEED","x"]}', path="/seed", query=b"q=growth", client="10.0.0.1")
    (event,) = endpoint.events
    assert (event.endpoint, event.mode, event.consumer, event.error) == ("e", Mode.WARN, "10.0.0.1", None)
    assert event.counts == {FindingKind.CANONICAL: 2, FindingKind.ALIAS: 1, FindingKind.UNKNOWN: 2}
    assert endpoint.findings() == [("unknown", "q", "growth"), ("alias", "/s/1", "SEED"), ("unknown", "/s/2", "x")]
    assert 0 < event.seconds < 10


def test_without_listeners_the_verdict_is_the_same(guarded, outcome_of):
    fields = [JsonField("$.s[*]"), JsonKeys("$.k")]
    bodies = [
        *(b'{"s":["seed"],"k":{"seed":1}}', b'{"s":["Seed"],"k":{"SEED":1}}', b'{"s":["x"]}', b'{"s":[', b"{}"),
        *(b'{"s":["seed"],"s":["x"],"k":{}}', b'{"k":{"seed":1},"s":[]}', b'{"s":["s\\u0065ed"],"k":{}}'),
    ]
    for more in ([], [QueryField("q")]):
        heard, unheard = guarded(*fields, *more), guarded(*fields, *more)
        unheard.boundary.hooks.clear()
        for body in bodies:
            one, other = heard.send(body), unheard.send(body)
            assert outcome_of(one) == outcome_of(other), body
            assert getattr(one, "body", None) == getattr(other, "body", None)
        assert len(heard.events) == len(bodies)
        assert not unheard.events


@pytest.mark.parametrize(
    ("field", "path", "query"),
    [(PathField("p"), "/x", b""), (QueryField("q"), "/seed", b"q=x"), (QueryField("q", required=True), "/seed", b"")],
)
def test_a_good_body_does_not_excuse_another_part(guarded, outcome_of, field, path, query):
    endpoint = guarded(field, JsonField("$.s"), path="/{p}")
    for _ in ("with a listener", "without"):
        assert outcome_of(endpoint.send(b'{"s":"seed"}', path=path, query=query)) == "reject"
        endpoint.boundary.hooks.clear()


def test_a_name_that_is_a_value_too_is_told_apart(guarded):
    verdict = guarded(JsonField("$.seed"), JsonKeys("$.k")).send(b'{"seed":"Series A","k":{"seed":1}}')
    assert verdict.body == b'{"seed":"series-a","k":{"seed":1}}'


@pytest.mark.parametrize("why", [why for why in Unread if why is not Unread.TOO_LARGE])
def test_a_body_that_is_not_held_is_unreadable(guarded, problem_of, why):
    for field in (JsonField("$.s"), FormField("s")):
        endpoint = guarded(field)
        problem = problem_of(endpoint.send(why, headers=[]))
        assert problem["detail"] == f"body: the body is not read: {why.value}."
        assert endpoint.counts() == {"unreadable": 1}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (Unread.TOO_LARGE, [JSON, (b"transfer-encoding", b"chunked")]),
        (b" " * 101, [JSON]),
        (b"", [JSON, (b"content-length", b"101")]),
        (b"", [(b"content-length", b"000101")]),
        (b"", [JSON, (b"content-length", b"0" * 30 + b"101")]),
        (b"", [JSON, (b"content-length", b"9" * 30)]),
    ],
)
def test_a_body_over_the_limit_is_too_large_however_it_comes(guarded, problem_of, body, headers):
    endpoint = guarded(JsonField("$.s"), max_body_bytes=100)
    problem = problem_of(endpoint.send(body, headers=headers))
    assert (problem["status"], problem["detail"]) == (413, "body: the body has more than 100 bytes: send less.")
    assert endpoint.counts() == {"too-large": 1}


def test_a_body_of_just_the_limit_is_read(guarded, outcome_of):
    body = b'{"s":"seed"}'
    for more in (0, 1):
        endpoint = guarded(JsonField("$.s"), max_body_bytes=len(body) - more)
        assert outcome_of(endpoint.send(body)) == ("reject" if more else "pass")


def wanted(guarded, *headers, field=None):
    endpoint = guarded(field or JsonField("$.s"), max_body_bytes=100)
    guard = endpoint.boundary.open("POST", "/e")
    return guard.announced(headers).is_wanted


def test_a_body_is_held_only_where_it_can_be_judged(guarded):
    assert wanted(guarded)
    assert wanted(guarded, JSON, (b"content-length", b"100"))
    assert wanted(guarded, JSON, (b"transfer-encoding", b"chunked"))
    assert wanted(guarded, (b"content-type", b"text/plain")), "there may be none"
    assert not wanted(guarded, JSON, (b"content-length", b"101"))
    assert not wanted(guarded, (b"content-type", b"text/plain"), (b"content-length", b"1"))
    assert not wanted(guarded, (b"content-type", b"text/plain"), (b"transfer-encoding", b"chunked"))
    assert not wanted(guarded, field=QueryField("q"))
    assert wanted(guarded, field=FormField("f"))


def test_a_media_type_that_is_not_read_is_told_of_a_body_without_a_length_too(guarded, problem_of):
    problem = problem_of(guarded(JsonField("$.s")).send(b"{}", headers=[(b"content-type", b"text/plain")]))
    assert problem["status"] == 415


def test_a_required_value_needs_a_body(guarded, problem_of, outcome_of):
    endpoint = guarded(JsonField("$.a", required=True), JsonKeys("$.b", required=True), JsonField("$.c"))
    problem = problem_of(endpoint.send(b""))
    assert [(error["field"], error["detail"]) for error in problem["errors"]] == [
        ("$.a", "the value is required and there is no body"),
        ("$.b", "the value is required and there is no body"),
    ]
    assert outcome_of(guarded(JsonField("$.a")).send(b"")) == "pass"


FAILURES = [("off", "pass"), ("warn", "pass"), ("enforce", "reject"), ("outside", "pass")]


@pytest.mark.parametrize(("situation", "outcome"), FAILURES)
def test_its_own_failure_is_a_finding_and_logged(guarded, outcome_of, monkeypatch, caplog, situation, outcome):
    endpoint = guarded(JsonField("$.s"), mode=situation)
    guard = endpoint.boundary.open("POST", "/e")
    request = Request(guard, guard.announced([JSON]), "POST", "/e", None, b"", [JSON], None, b'{"s":"seed"}')
    monkeypatch.setattr(type(guard), "read", lambda *_, **__: 1 / 0)
    with caplog.at_level(logging.ERROR, "stagenorm"):
        verdict = endpoint.boundary.inspect(request)
    assert outcome_of(verdict) == outcome
    assert [record.message for record in caplog.records] == ["the boundary failed on endpoint e"]
    (event,) = endpoint.events
    assert isinstance(event.error, ZeroDivisionError)
    assert [tuple(finding)[:2] for finding in event.findings] == [(FindingKind.FAILED, "request")]


def test_a_temporary_alias_counts_in_every_part_of_a_request(guarded):
    fields = [PathField("p"), QueryField("q"), JsonField("$.s"), JsonField("$.l[0]"), JsonKeys("$.k")]
    one, form = guarded(*fields, path="/{p}", clock=lambda: 99.9), guarded(FormField("f"), clock=lambda: 99.9)
    alias = TemporaryAlias("investment-stages", "serie-a", "series-a", 100.0, "anna", "an import")
    for each in (one, form):
        each.boundary.modes.view = ModeView(ModeState(Mode.ENFORCE), overlays=Overlays((alias,)))
    body = b'{"s":"Serie A","l":["serie-a"],"k":{"SERIE A":1}}'
    verdict = one.send(body, path="/Serie A", query=b"q=Serie%20A")
    assert (verdict.path, verdict.query) == ("/series-a", b"q=series-a")
    assert verdict.body == b'{"s":"series-a","l":["series-a"],"k":{"series-a":1}}'
    assert form.form(b"f=serie_a").body == b"f=series-a"
    one.send(body, path="/Serie A", query=b"q=Serie%20A", headers=[JSON, (b"signature", b"x")])
    assert one.counts() == {"sealed-alias": 5}


def test_a_temporary_alias_of_an_endpoint_counts_there_alone_and_goes_before_one_of_all(guarded):
    one = guarded(QueryField("q"), clock=lambda: 99.9)  # the endpoint is called e
    everywhere, there, elsewhere = (
        TemporaryAlias("investment-stages", "bridge", value, 100.0, "anna", "an import", endpoint)
        for value, endpoint in (("seed", None), ("series-a", "e"), ("series-b", "another"))
    )
    for stored, meant in (((there, everywhere, elsewhere), b"series-a"), ((elsewhere, everywhere), b"seed")):
        one.boundary.modes.view = ModeView(ModeState(Mode.ENFORCE), overlays=Overlays(stored))
        assert one.send(query=b"q=bridge").query == b"q=" + meant


def test_its_own_failure_is_told_to_the_client_without_detail(guarded, problem_of, monkeypatch):
    monkeypatch.setattr("stagenorm.boundary.guard.Guard.read", lambda *_, **__: 1 / 0)
    problem = problem_of(guarded(QueryField("q")).send(query=b"q=seed"))
    assert problem == {
        "type": "urn:stagenorm:problem:boundary-failed",
        "title": "The service could not check this request",
        "status": 500,
        "detail": "request: the check itself failed.",
        "errors": [{"field": "request", "finding": "failed", "detail": "the check itself failed"}],
    }


def test_a_switch_that_cannot_be_read_lets_the_request_pass_as_in_warn(guarded, outcome_of, caplog):
    class Broken:
        @property
        def view(self):
            raise LookupError

    endpoint = guarded(QueryField("q"))
    endpoint.boundary.modes = Broken()
    assert outcome_of(endpoint.send(query=b"q=x")) == "pass"
    assert endpoint.counts() == {"failed": 1}
    assert endpoint.events[-1].mode is Mode.WARN
    assert "the boundary failed" in caplog.text


def test_two_vocabularies_of_one_name_are_refused(guarded):
    other = Vocabulary(INVESTMENT_STAGES.name, [Term("seed", "Seed")])
    with pytest.raises(ConfigurationError, match="two vocabularies are named 'investment-stages': rename one"):
        guarded(JsonField("$.s"), JsonField("$.t", vocabulary=other))
    again = Vocabulary("a", [Term("seed", "Seed")])
    guarded(JsonField("$.s", vocabulary=again), JsonField("$.t", vocabulary=Vocabulary("a", [Term("seed", "Seed")])))


def test_a_quick_look_that_fails_is_no_verdict(guarded, outcome_of, monkeypatch):
    endpoint = guarded(JsonField("$.s"))
    endpoint.boundary.open("POST", "/e").count_canonical = lambda _: 1 / 0
    assert outcome_of(endpoint.send(b'{"s":"seed"}')) == "pass"
    assert outcome_of(endpoint.send(b'{"s":"x"}')) == "reject"


@pytest.mark.parametrize("mode", ["off", "warn", "enforce", "outside"])
@pytest.mark.parametrize("consumer_header", [None, "X-Key"])
def test_a_listener_hears_the_same_by_the_quick_look_and_by_the_full_one(guarded, mode, consumer_header):
    endpoint = guarded(JsonField("$.s"), mode=mode, consumer_header=consumer_header)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"12"), (b"x-key", b"ada")]
    endpoint.send(b'{"s":"seed"}', headers=headers, client="10.0.0.1")
    guard = endpoint.boundary.open("POST", "/e")
    guard.count_canonical = None
    endpoint.send(b'{"s":"seed"}', headers=headers, client="10.0.0.1")
    quick, full = endpoint.events
    assert replace(quick, seconds=0) == replace(full, seconds=0)
    assert quick.seconds > 0
