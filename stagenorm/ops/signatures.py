"""Who sent a webhook: one policy for each sender. Sans-IO: bytes and headers in, an answer out; time comes in.

Secrets are compared on raw bytes, in constant time. Headers come as a mapping with names in lower case, and a repeated
one joined by a comma (RFC 9110, 5.2): an id, a time or a token that is there twice fits nothing that was signed.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest, digest

from stagenorm.core.token import Token

TOLERANCE_SECONDS = 300
"""How far a signed timestamp may lie in the past or in the future."""
_MAX_SIGNATURES = 16
_ID = re.compile(rb"[!-~]{1,128}")
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")

GRAFANA_SIGNATURE = b"x-grafana-alerting-signature"
GRAFANA_TIMESTAMP = b"x-grafana-alerting-timestamp"


class Sender(Token):
    """Whose policy judged a delivery."""

    STANDARD_WEBHOOKS = "standard-webhooks"
    GRAFANA = "grafana"
    ALERTMANAGER = "alertmanager"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A delivery that may act.

    Attributes:
        sender: whose policy admitted it.
        delivery: what sets a signed delivery apart from every other; None where nothing does. Only a signature over
            the body makes a sender verified, so one without a delivery id never is.
    """

    sender: Sender
    delivery: str | None = None

    @property
    def verified(self) -> bool:
        """Whether a signature over the body proves it."""
        return self.delivery is not None


@dataclass(frozen=True, slots=True)
class Refused:
    """A delivery that is not authentic, or not timely.

    Attributes:
        sender: whose policy refused it.
        detail: why, and what to do; it holds nothing that was sent.
    """

    sender: Sender
    detail: str


def standard_webhooks(
    headers: Mapping[bytes, bytes], body: bytes, keys: Sequence[bytes], now: float
) -> Admitted | Refused:
    """Judge a delivery after Standard Webhooks, version 1, symmetric.

    Args:
        headers: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` among them.
        body: as it was sent.
        keys: any of them may have signed.
        now: seconds since the epoch.
    """
    identifier = headers.get(b"webhook-id", b"")
    timestamp = headers.get(b"webhook-timestamp", b"")
    if not _ID.fullmatch(identifier):
        return Refused(Sender.STANDARD_WEBHOOKS, "webhook-id must be 1 to 128 visible ASCII characters")
    if not _is_timely(timestamp, now):
        return Refused(Sender.STANDARD_WEBHOOKS, f"webhook-timestamp {_UNTIMELY}")
    given = headers.get(b"webhook-signature", b"").split(b" ", _MAX_SIGNATURES)
    if len(given) > _MAX_SIGNATURES:
        return Refused(Sender.STANDARD_WEBHOOKS, f"webhook-signature may list at most {_MAX_SIGNATURES} signatures")
    signed = b"%b.%b.%b" % (identifier, timestamp, body)
    for key in keys:
        expected = b"v1," + b2a_base64(digest(key, signed, "sha256"), newline=False)
        for signature in given:
            if compare_digest(expected, signature):
                return Admitted(Sender.STANDARD_WEBHOOKS, identifier.decode("ascii"))
    return Refused(Sender.STANDARD_WEBHOOKS, _NO_KEY)


def sign(key: bytes, delivery: str, now: float, body: bytes) -> dict[str, str]:
    """The headers that make a delivery one of Standard Webhooks.

    Args:
        key: the secret's bytes.
        delivery: its id, anew for each.
        now: seconds since the epoch.
        body: as it will be sent.
    """
    timestamp = str(int(now))
    signed = b"%b.%b.%b" % (delivery.encode("ascii"), timestamp.encode("ascii"), body)
    signature = b2a_base64(digest(key, signed, "sha256"), newline=False).decode("ascii")
    return {"webhook-id": delivery, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}


def grafana(headers: Mapping[bytes, bytes], body: bytes, secrets: Sequence[bytes], now: float) -> Admitted | Refused:
    """Judge a delivery of Grafana's webhook contact point with an HMAC signature and a timestamp header.

    Args:
        headers: ``X-Grafana-Alerting-Signature`` and ``X-Grafana-Alerting-Timestamp`` among them.
        body: as it was sent.
        secrets: as they are written in the contact point; any of them may have signed.
        now: seconds since the epoch.
    """
    timestamp = headers.get(GRAFANA_TIMESTAMP)
    if timestamp is None:
        return Refused(
            Sender.GRAFANA,
            "there is no timestamp header, so this could be a replay: set the contact point's HMAC timestamp header "
            "to X-Grafana-Alerting-Timestamp",
        )
    if not _is_timely(timestamp, now):
        return Refused(Sender.GRAFANA, f"X-Grafana-Alerting-Timestamp {_UNTIMELY}")
    signature = headers.get(GRAFANA_SIGNATURE, b"")
    signed = b"%b:%b" % (timestamp, body)
    for secret in secrets:
        expected = digest(secret, signed, "sha256").hex()
        if compare_digest(expected.encode(), signature):
            return Admitted(Sender.GRAFANA, expected[:32])  # Grafana names no delivery, and this one is like no other
    return Refused(Sender.GRAFANA, _NO_KEY)


def alertmanager(headers: Mapping[bytes, bytes], token: bytes, *, is_private: bool) -> Admitted | Refused:
    """Judge a delivery of a stock Alertmanager, which cannot sign. It is admitted, and never called verified.

    Args:
        headers: ``Authorization`` among them.
        token: the bearer token that Alertmanager is configured with.
        is_private: whether nobody on the way could read the token: loopback, TLS, or an operator says so.
    """
    if not is_private:
        return Refused(
            Sender.ALERTMANAGER,
            "a bearer token is taken over TLS or from loopback only: use TLS, run stagenorm relay beside Alertmanager, "
            "or set STAGENORM_ALERTMANAGER_PLAIN_HTTP=allow",
        )
    if not compare_digest(bearer_token(headers), token):
        return Refused(Sender.ALERTMANAGER, "this bearer token is not STAGENORM_ALERTMANAGER_TOKEN")
    return Admitted(Sender.ALERTMANAGER)


def bearer_token(headers: Mapping[bytes, bytes]) -> bytes:
    """The token of an ``Authorization: Bearer`` header; empty where there is none."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token if scheme.lower() == b"bearer" else b""


_NO_KEY = "no signature in it was made with a secret of STAGENORM_WEBHOOK_SECRETS"
_UNTIMELY = f"must be in seconds, within {TOLERANCE_SECONDS} of now: check both clocks"


def _is_timely(timestamp: bytes, now: float) -> bool:
    return bool(_TIMESTAMP.fullmatch(timestamp)) and abs(now - int(timestamp)) <= TOLERANCE_SECONDS
