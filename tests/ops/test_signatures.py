"""The policies by themselves: bytes and headers in, admitted or refused out."""

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from stagenorm.ops.credentials import WebhookSecret
from stagenorm.ops.signatures import (
    TOLERANCE_SECONDS,
    Admitted,
    Refused,
    Sender,
    alertmanager,
    grafana,
    sign,
    standard_webhooks,
)

# The vector of the Standard Webhooks specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = WebhookSecret.parse(SECRET).key
VECTOR = {
    b"webhook-id": b"msg_p5jXN8AQM9LWM0D4loKWxJek",
    b"webhook-timestamp": b"1614265330",
    b"webhook-signature": b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'
THEN = 1614265330.0


def test_the_published_vector_is_admitted():
    found = standard_webhooks(VECTOR, BODY, [KEY], THEN)
    assert found == Admitted(Sender.STANDARD_WEBHOOKS, "msg_p5jXN8AQM9LWM0D4loKWxJek")
    assert found.verified


def test_what_the_standard_client_signs_is_admitted_and_the_other_way_round():
    now = datetime.now(timezone.utc)
    signature = Webhook(SECRET).sign("msg_1", now, BODY.decode())
    headers = {
        b"webhook-id": b"msg_1",
        b"webhook-timestamp": str(int(now.timestamp())).encode(),
        b"webhook-signature": signature.encode(),
    }
    assert isinstance(standard_webhooks(headers, BODY, [KEY], now.timestamp()), Admitted)
    assert Webhook(SECRET).verify(BODY, sign(KEY, "msg_2", now.timestamp(), BODY)) == json.loads(BODY)


def test_grafanas_signature_is_admitted():
    headers = {
        b"x-grafana-alerting-signature": b"22fa362e179e150a7005766ee09f7a41a115d22c6499140a58c3eb23b8e70198",
        b"x-grafana-alerting-timestamp": b"1700000000",
    }
    found = grafana(headers, b'{"a":1}', [b"other", b"gkey"], 1_700_000_000.0)
    assert isinstance(found, Admitted)
    assert found.verified
    assert found != grafana(headers, b'{"a":2}', [b"gkey"], 1_700_000_000.0)
    del headers[b"x-grafana-alerting-timestamp"]
    refused = grafana(headers, b'{"a":1}', [b"gkey"], 1_700_000_000.0)
    assert "timestamp header" in refused.detail


@pytest.mark.parametrize("signatures", [1, 2, 16])
def test_any_of_several_signatures_and_any_of_several_keys_will_do(signatures):
    given_ = b"v1,AAAA " * (signatures - 1) + VECTOR[b"webhook-signature"]
    found = standard_webhooks({**VECTOR, b"webhook-signature": given_}, BODY, [b"x" * 24, KEY], THEN)
    assert isinstance(found, Admitted)


CHANGES = {
    "forged": {b"webhook-signature": b"v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    "no signature": {b"webhook-signature": b""},
    "without its version": {b"webhook-signature": VECTOR[b"webhook-signature"][3:]},
    "of another version": {b"webhook-signature": b"v2" + VECTOR[b"webhook-signature"][2:]},
    "an asymmetric one": {b"webhook-signature": b"v1a" + VECTOR[b"webhook-signature"][2:]},
    "truncated": {b"webhook-signature": VECTOR[b"webhook-signature"][:-1]},
    "a header twice": {b"webhook-signature": b"v1,AAAA, " + VECTOR[b"webhook-signature"] + b", "},
    "a thousand entries": {b"webhook-signature": b" ".join([VECTOR[b"webhook-signature"]] * 1000)},
    "another id": {b"webhook-id": b"msg_other"},
    "no id": {b"webhook-id": b""},
    "an id that breaks a line": {b"webhook-id": b"msg_1\r\nx-evil: 1"},
    "a long id": {b"webhook-id": b"m" * 129},
    "another time": {b"webhook-timestamp": b"1614265331"},
    "no time": {b"webhook-timestamp": b""},
    "a time that is a fraction": {b"webhook-timestamp": b"1614265330.0"},
    "a time with digits of another script": {b"webhook-timestamp": "١٦١٤٢٦٥٣٣٠".encode()},
    "a time with a sign": {b"webhook-timestamp": b"+1614265330"},
    "a huge time": {b"webhook-timestamp": b"9" * 5000},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_authentic_is_refused(change):
    assert isinstance(standard_webhooks({**VECTOR, **change}, BODY, [KEY], THEN), Refused)


@pytest.mark.parametrize("header", VECTOR)
def test_each_header_is_needed(header):
    headers = {name: value for name, value in VECTOR.items() if name != header}
    assert isinstance(standard_webhooks(headers, BODY, [KEY], THEN), Refused)


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b" ", b"", BODY.replace(b"2", b"3", 1)])
def test_a_body_that_was_changed_is_refused(body):
    assert isinstance(standard_webhooks(VECTOR, body, [KEY], THEN), Refused)


@pytest.mark.parametrize(("late", "expected"), [(300, Admitted), (301, Refused), (-300, Admitted), (-301, Refused)])
def test_five_minutes_each_way(late, expected):
    assert TOLERANCE_SECONDS == 300
    assert isinstance(standard_webhooks(VECTOR, BODY, [KEY], THEN + late), expected)


@given(st.dictionaries(st.sampled_from([*VECTOR, b"x"]), st.binary(max_size=200)), st.binary(max_size=50))
def test_nothing_at_all_makes_it_raise_or_admit(headers, body):
    assert isinstance(standard_webhooks(headers, body, [KEY], THEN), Refused)
    assert isinstance(grafana(headers, body, [KEY], THEN), Refused)


def test_a_bearer_token_is_admitted_and_never_called_verified():
    found = alertmanager({b"authorization": b"Bearer secret-token"}, b"secret-token", is_private=True)
    assert found == Admitted(Sender.ALERTMANAGER)
    assert not found.verified


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"Bearer ", b"Bearer secret-toke", b"Bearer secret-token ", b"Basic secret-token"]
)
def test_another_bearer_token_is_refused(header):
    assert isinstance(alertmanager({b"authorization": header}, b"secret-token", is_private=True), Refused)


def test_a_bearer_token_that_others_could_read_is_refused():
    found = alertmanager({b"authorization": b"Bearer secret-token"}, b"secret-token", is_private=False)
    assert "stagenorm relay" in found.detail
