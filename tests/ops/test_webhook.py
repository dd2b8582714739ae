"""The webhook over HTTP: what acts and what does not, what the trail says, and what the sender is answered."""

import asyncio
import hashlib
import hmac
import json
from collections import Counter

import pytest
from starlette.requests import Request

from stagenorm import Mode
from stagenorm.core.modes import Actor
from stagenorm.events import Downgraded
from stagenorm.ops import ops_app, signatures
from stagenorm.ops.bodies import MAX_BYTES, read_body
from stagenorm.ops.credentials import WebhookSecret
from stagenorm.ops.problems import ProblemError
from stagenorm.stores import control
from tests.ops.conftest import ACTS, NEWER, NOW, TOKEN, WRITTEN, firing


def test_a_firing_alert_pulls_everything_back_and_latches_it(service, body):
    service.set("enforce", 50, "funds")
    answer = service.signed(body)
    assert answer.status_code == 200
    assert answer.json() == {
        "result": "done",
        "sender": "standard-webhooks",
        "verified": True,
        "endpoints": [None],
    }
    for endpoint in (None, "companies", "funds"):
        assert (service.state(endpoint).mode, service.state(endpoint).latched) == (Mode.WARN, True)
    assert service.modes.view.state("companies").mode is Mode.WARN  # this process at once
    (entry, *_) = service.store.trail(1)
    assert (entry.actor, entry.author) == (Actor.ALERT, "standard-webhooks")
    assert entry.reason == "alert Rejects fires (delivery msg_1)"
    assert service.results == ["done"]
    assert service.downgrades == [Downgraded(Actor.ALERT, None)]


def test_an_alert_with_an_endpoint_pulls_that_back_alone(service):
    answer = service.signed(firing({**ACTS, "endpoint": "companies"}))
    assert answer.json()["endpoints"] == ["companies"]
    assert service.state("companies").latched
    assert service.state("funds").mode is Mode.ENFORCE


@pytest.mark.parametrize("others", [{"endpoint": "http-metrics"}, {}])
def test_an_endpoint_that_there_is_not_means_everything(service, others):
    service.signed(firing({**ACTS, "endpoint": "companies"}, {**ACTS, **others}))
    assert service.state("companies").latched
    assert service.state("funds").latched


@pytest.mark.parametrize(
    "ignored",
    [
        firing(ACTS, status="resolved"),
        firing({"stagenorm": "other"}),
        firing({}),
        firing(),
        firing({"severity": "page"}),
    ],
)
def test_what_is_not_configured_to_act_is_ignored(service, ignored):
    answer = service.signed(ignored)
    assert (answer.status_code, answer.json()["result"]) == (200, "ignored")
    assert service.state().mode is Mode.ENFORCE
    assert service.store.trail(1) == []
    assert service.results == ["ignored"]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"status": "firing"},
        {"status": 3, "labels": {}},
        {"status": "firing", "labels": {"stagenorm": None, "x": 1}},
    ],
)
def test_an_odd_alert_keeps_no_other_from_acting(service, odd):
    delivery = json.loads(firing({**ACTS, "endpoint": "companies"}))
    delivery["alerts"] = [odd, *delivery["alerts"], odd]
    assert service.signed(json.dumps(delivery).encode()).json()["endpoints"] == ["companies"]
    assert service.state("companies").latched
    assert service.state("funds").mode is Mode.ENFORCE


def test_an_alert_acts_by_its_name_where_that_is_configured(start):
    service = start(alerts=["Rejects"])
    assert service.signed(firing({})).json()["result"] == "done"
    assert service.signed(firing({"alertname": "Other"}), "msg_2").json()["result"] == "ignored"


def test_an_alert_that_resolves_raises_nothing(service, body):
    service.signed(body)
    service.signed(firing(ACTS, status="resolved"), "msg_2")
    assert (service.state().mode, service.state().latched) == (Mode.WARN, True)


def test_what_is_down_already_is_a_duplicate(service, body):
    assert service.by_bearer(body).json()["result"] == "done"
    assert service.by_bearer(body).json()["result"] == "duplicate"
    assert len(service.store.trail(9)) == 1


@pytest.mark.parametrize("where", ["file", "redis"])
def test_an_id_acts_once_whichever_worker_gets_it(start, valkey, fresh_file, body, where):
    url = valkey.fresh_url() if where == "redis" else fresh_file()
    first, second = start(url), start(url)
    assert first.signed(body).json()["result"] == "done"
    first.unlatch()
    first.set("enforce")
    for worker in (first, second):
        assert worker.signed(body).json()["result"] == "duplicate"
        assert worker.state().mode is Mode.ENFORCE
    assert second.signed(body, "msg_2").json()["result"] == "done"


def test_an_id_that_found_nothing_to_lower_never_acts_either(service, body):
    service.by_bearer(body)
    assert service.signed(body).json()["result"] == "duplicate"
    service.unlatch()
    service.set("enforce")
    assert service.signed(body).json()["result"] == "duplicate"
    assert service.state().mode is Mode.ENFORCE
    assert service.downgrades == [Downgraded(Actor.ALERT, None)]


def test_an_id_acts_once_though_workers_know_other_endpoints(start, fresh_file, body):
    """As while a new release is rolled out: for one everything is meant, for the other one endpoint."""
    url = fresh_file()
    delivery = firing({**ACTS, "endpoint": "funds"})
    old, new = start(url), start(url)
    old.boundary.endpoints = old.boundary.endpoints[:1]
    old.app = ops_app(old.boundary, credentials=old.credentials, clock=lambda: old.now)
    assert old.signed(delivery).json()["endpoints"] == [None]
    old.unlatch()
    old.set("enforce", 100, "funds")
    assert new.signed(delivery).json()["result"] == "duplicate"
    assert new.state("funds").mode is Mode.ENFORCE


def test_deliveries_that_change_nothing_hide_no_history(service, body):
    service.set("enforce", 30)
    service.by_bearer(body)
    for number in range(120):
        assert service.signed(body, f"msg_{number}").json()["result"] == "duplicate"
    undone = control.undo(service.store, control.Change(Actor.OPERATOR, "bob", "test", NOW))
    assert undone.after.everywhere.share == 30


def test_an_id_is_remembered_whatever_happened_since(service, body):
    service.signed(body)
    service.unlatch()
    for share in [*range(1, 101)] * 2:
        service.set("enforce", share)
    assert service.signed(body).json()["result"] == "duplicate"
    assert service.state().mode is Mode.ENFORCE


def test_a_replay_of_grafanas_acts_once(service):
    delivery = firing(ACTS, version="1")
    signed = hmac.new(WRITTEN.encode(), b"%d:%b" % (NOW, delivery), hashlib.sha256).hexdigest()
    headers = {"x-grafana-alerting-signature": signed, "x-grafana-alerting-timestamp": f"{NOW:.0f}"}
    answer = service.deliver(delivery, headers)
    assert answer.json() == {"result": "done", "sender": "grafana", "verified": True, "endpoints": [None]}
    service.unlatch()
    service.set("enforce")
    assert service.deliver(delivery, headers).json()["result"] == "duplicate"
    del headers["x-grafana-alerting-timestamp"]
    assert service.deliver(delivery, headers).status_code == 401


def test_both_secrets_count_while_they_rotate(service, body):
    assert service.signed(body, "msg_1", WRITTEN).status_code == 200
    assert service.signed(body, "msg_2", NEWER).status_code == 200


PRIVATE = [
    ({}, 200),
    ({"client": ("::1", 5000)}, 200),
    ({"client": ("10.0.0.7", 5000), "scheme": "https"}, 200),
    ({"client": ("10.0.0.7", 5000)}, 401),
    ({"client": ("testclient", 5000)}, 401),
]


@pytest.mark.parametrize(("connection", "status"), PRIVATE)
def test_a_bearer_token_comes_over_loopback_or_tls(service, body, connection, status):
    answer = service.by_bearer(body, **connection)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["verified"] is False


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via", "forwarded"])
def test_loopback_behind_a_proxy_is_not_private(service, body, header):
    answer = service.deliver(body, {"authorization": f"Bearer {TOKEN}", header: "127.0.0.1"})
    assert answer.status_code == 401


def test_a_good_token_does_not_help_a_bad_signature(service, body):
    assert service.signed(body, authorization=f"Bearer {TOKEN}").status_code == 200
    bad = {"webhook-signature": "v1,AAAA", "authorization": f"Bearer {TOKEN}"}
    assert service.signed(body, "msg_2", **bad).status_code == 401


DEEP = b"[" * 100_000
MANY = json.dumps({"version": "4", "alerts": [{"status": "firing", "labels": {}}] * 5_000}).encode()
TINY = b'{"version":"4","alerts":[' + b",".join([b"{}"] * 10_000) + b"]}"
BAD = {
    "not JSON": (b"{", 400),
    "empty": (b"", 400),
    "null": (b"null", 400),
    "a list": (b"[]", 400),
    "not UTF-8": (b'{"version":"\xff"}', 400),
    "deeply nested": (DEEP, 400),
    "deeply nested where it is not read": (b'{"version":"4","alerts":[],"x":' + DEEP + b"}", 400),
    "of version 3": (firing(ACTS, version="3"), 400),
    "of Grafana's version": (firing(ACTS, version="1"), 400),
    "of a version that is a number": (firing(ACTS).replace(b'"version": "4"', b'"version": 4'), 400),
    "without a version": (b'{"alerts":[]}', 400),
    "without alerts": (b'{"version":"4"}', 400),
    "with an alert that is none": (b'{"version":"4","alerts":[3]}', 400),
    "with labels that are none": (b'{"version":"4","alerts":[{"labels":3}]}', 400),
    "with 10,000 alerts": (TINY, 400),
    "with 5,000 good alerts": (MANY, 400),
    "oversized": (firing(ACTS) + b" " * MAX_BYTES, 413),
}


@pytest.mark.parametrize(("delivery", "status"), BAD.values(), ids=BAD)
def test_an_authentic_delivery_that_is_not_understood_changes_nothing(service, delivery, status):
    answer = service.signed(delivery)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert len(answer.content) < 2000
    assert service.state().mode is Mode.ENFORCE
    assert service.store.trail(1) == []
    assert service.results == ["not-understood"]


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_another_media_type_is_refused(service, body, media_type):
    answer = service.signed(body, **{"content-type": media_type})
    assert answer.status_code == 415
    assert service.state().mode is Mode.ENFORCE


NOT_AUTHENTIC = {
    "nothing": {},
    "forged": {"webhook-id": "m", "webhook-timestamp": f"{NOW:.0f}", "webhook-signature": "v1,AAAA"},
    "half of the headers": {"webhook-id": "m"},
    "a wrong token": {"authorization": "Bearer wrong"},
    "an odd token": {"authorization": "Bearer \xe9"},
    "Grafana's without a time": {"x-grafana-alerting-signature": "00"},
    "Grafana's that is forged": {"x-grafana-alerting-signature": "00", "x-grafana-alerting-timestamp": f"{NOW:.0f}"},
}


@pytest.mark.parametrize("headers", NOT_AUTHENTIC.values(), ids=NOT_AUTHENTIC)
def test_what_is_not_authentic_changes_nothing(service, body, headers):
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = service.deliver(body, encoded)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in answer.headers
    assert service.state().mode is Mode.ENFORCE
    assert service.results == ["not-authentic"]


def test_a_list_of_a_thousand_signatures_is_refused_whatever_it_holds(service, body):
    good = signatures.sign(WebhookSecret.parse(WRITTEN).key, "msg_1", service.now, body)
    listed = " ".join([good["webhook-signature"], *["v1,AAAA"] * 999])
    answer = service.deliver(body, {**good, "webhook-signature": listed})
    assert (answer.status_code, service.state().mode) == (401, Mode.ENFORCE)


@pytest.mark.parametrize("identifier", ["m\r\nset-cookie: a=b", "m\n", "m\0", "m m", "m" * 129])
def test_an_id_that_would_break_a_header_or_a_log_is_refused_though_it_is_signed(service, body, identifier):
    answer = service.signed(body, identifier)
    assert (answer.status_code, service.state().mode) == (401, Mode.ENFORCE)
    assert "set-cookie" not in answer.headers
    assert "a=b" not in answer.text


def test_what_was_signed_in_time_and_comes_late_has_expired(service, body):
    headers = signatures.sign(WebhookSecret.parse(WRITTEN).key, "msg_1", service.now, body)
    service.now += 301
    assert service.deliver(body, headers).status_code == 401
    service.now -= 602
    assert service.deliver(body, headers).status_code == 401


def test_a_hook_that_fails_changes_nothing(service, body, caplog):
    def fail(_):
        raise RuntimeError("hook")

    service.boundary.hooks.insert(0, fail)
    assert service.signed(body).status_code == 200
    assert service.results == ["done"]
    assert "hook" in caplog.text


def test_no_secret_is_logged_or_shown(service, body, caplog):
    caplog.set_level(0)
    service.by_bearer(body, token="wrong-token-of-somebody")
    service.signed(body, "msg_1", "whsec_" + "d3Jvbmctd3JvbmctYW5kLXdyb25nLWFnYWlu")
    answers = service.by_bearer(body).text + service.signed(body, "msg_3").text
    seen = caplog.text + answers + repr(service.options) + repr(service.app.state)
    for secret in (TOKEN, WRITTEN, NEWER, "wrong-token-of-somebody"):
        assert secret not in seen
    assert Counter(service.results) == {"not-authentic": 2, "done": 1, "duplicate": 1}


def test_each_refusal_is_an_error_of_its_own():
    """One that is raised again keeps every frame that it was ever raised in."""

    async def refused():
        async def receive():
            return {"type": "http.request", "body": b" " * (MAX_BYTES + 1), "more_body": False}

        try:
            await read_body(Request({"type": "http", "method": "POST", "headers": []}, receive), 1)
        except ProblemError as error:
            return error

    assert asyncio.run(refused()) is not asyncio.run(refused())
