"""An alert's webhook: who sent it, what in it acts, and pulling that back. Everything but the HTTP around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from stagenorm.core.modes import Actor
from stagenorm.errors import StoreError
from stagenorm.events import WebhookResult
from stagenorm.ops import signatures
from stagenorm.ops.credentials import Credentials
from stagenorm.ops.models import Alert
from stagenorm.ops.signatures import Admitted, Refused, Sender
from stagenorm.stores import ModeResolver, control
from stagenorm.stores.control import Change

_NAMED = 3
_NAME_SHOWN = 64


def judge(
    credentials: Credentials, headers: Mapping[bytes, bytes], body: bytes, now: float, *, is_private: bool
) -> Admitted | Refused:
    """Who sent a delivery. Its headers choose the policy, and no other is tried after it.

    Args:
        credentials: what senders prove themselves with.
        headers: names in lower case.
        body: as it was sent.
        now: seconds since the epoch.
        is_private: whether the connection is TLS or from loopback.
    """
    if any(name.startswith(b"webhook-") for name in headers):
        keys = [secret.key for secret in credentials.webhook_secrets]
        return signatures.standard_webhooks(headers, body, keys, now)
    if signatures.GRAFANA_SIGNATURE in headers:
        secrets = [secret.written for secret in credentials.webhook_secrets]
        return signatures.grafana(headers, body, secrets, now)
    if b"authorization" in headers and credentials.alertmanager_token:
        private = is_private or credentials.plain_http
        return signatures.alertmanager(headers, credentials.alertmanager_token, is_private=private)
    return Refused(
        Sender.UNKNOWN,
        "sign it after Standard Webhooks (stagenorm relay does) or with Grafana's HMAC, or set "
        "STAGENORM_ALERTMANAGER_TOKEN and send it as a bearer token",
    )


def targets(
    alerts: Collection[Alert], names: Collection[str], endpoints: Collection[str]
) -> Mapping[str | None, list[str]]:
    """What the alerts of a delivery pull back: the names of those that act, by endpoint; None stands for everything.

    Args:
        alerts: the delivery's.
        names: of the alerts that act without the label ``stagenorm="downgrade"``.
        endpoints: those that there are. An alert that names none of them, or no endpoint at all, is for everything.
    """
    found: dict[str | None, list[str]] = {}
    for alert in alerts:
        name = alert.label("alertname")
        if alert.status == "firing" and (name in names or alert.label("stagenorm") == "downgrade"):
            endpoint = alert.label("endpoint")
            found.setdefault(endpoint if endpoint in endpoints else None, []).append(name)
    return {None: [name for each in found.values() for name in each]} if None in found else found


@dataclass(frozen=True, slots=True)
class PulledBack:
    """What became of the targets of a delivery.

    Attributes:
        result: of the whole delivery.
        lowered: the targets of which something was stored.
        error: why the store did not take it, or None.
    """

    result: WebhookResult
    lowered: tuple[str | None, ...] = ()
    error: StoreError | None = None


def pull_back(
    modes: ModeResolver, admitted: Admitted, wanted: Mapping[str | None, list[str]], now: float
) -> PulledBack:
    """Lower and latch every target. Where the store does not take it, this process holds itself at warn.

    A signed delivery acts once, in whichever process, because the trail keeps its id. Blocks while the store answers.
    """
    lowered: list[str | None] = []
    failure: StoreError | None = None
    for endpoint, names in wanted.items():
        change = Change(Actor.ALERT, admitted.sender.value, _reason(names, endpoint, admitted.delivery), now)
        try:
            once = admitted.verified
            entry = control.downgrade(modes.store, change, endpoint=endpoint, default=modes.default, once=once)
        except Exception as error:  # noqa: BLE001 - a store of somebody else's may raise anything
            failure = error if isinstance(error, StoreError) else StoreError(f"{type(error).__name__}: {error}")
            modes.hold_at_warn(endpoint, now)
            continue
        if entry:
            lowered.append(endpoint)
    if lowered:
        modes.refresh()  # the push would do it within milliseconds, but the sender may look at once
    result = WebhookResult.NOT_STORED if failure else WebhookResult.DONE if lowered else WebhookResult.DUPLICATE
    return PulledBack(result, tuple(lowered), failure)


def _reason(names: list[str], endpoint: str | None, delivery: str | None) -> str:
    distinct = list(dict.fromkeys(names))
    shown = ", ".join(name[:_NAME_SHOWN] for name in distinct[:_NAMED])
    more = f" and {len(distinct) - _NAMED} more" if len(distinct) > _NAMED else ""
    where = f" on {endpoint}" if endpoint else ""
    return f"alert {shown}{more} fires{where}" + (f" (delivery {delivery})" if delivery else "")
