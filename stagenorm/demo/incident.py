"""The incident: one consumer of the canary ships a bad release, and the service pulls itself back to warn.

Everything is real but the two programs that a demo cannot bring: here a few lines play Prometheus, which asks the shipped
rule's question, and Alertmanager behind ``stagenorm relay``, which posts and signs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from stagenorm.core.canary import in_share
from stagenorm.core.modes import Mode, ModeState
from stagenorm.demo.client import post, send
from stagenorm.demo.phases import Phase, PhaseResult
from stagenorm.demo.service import Service
from stagenorm.demo.traffic import CONSUMERS, Call, bad_release
from stagenorm.observe.rules.alerts import DOWNGRADE, FEWEST_REJECTS, PAGE_BURN
from stagenorm.observe.rules.watched import WatchedEndpoint
from stagenorm.ops.signatures import sign

ALERT = "StagenormEnforceRejects"
_SHARE = 10
_SCRAPE = 50  # requests between two looks at the ratio
_BAD = 100


@dataclass(frozen=True, slots=True)
class Incident:
    """What happened.

    Attributes:
        consumer: whose release was bad.
        before: the canary while every client was good.
        during: the same requests among those of the bad release, until the alert fired.
        after: the same requests again, once the service had pulled itself back.
        status: what the webhook was answered.
        seconds: from the alert until the service no longer enforced.
        state: what the switch said then.
        refusal: what a controller that wanted to go on was told; empty if it was not refused.
    """

    consumer: str
    before: PhaseResult
    during: PhaseResult
    after: PhaseResult
    status: int
    seconds: float
    state: ModeState
    refusal: str


def canary_consumer() -> str:
    """One of the consumers that the canary holds."""
    return next(each for each in CONSUMERS if in_share(each, _SHARE, "stagenorm"))


def suffer(service: Service, url: str, calls: Sequence[Call], consumer: str) -> Incident:
    """Go through it.

    Args:
        service: what is guarded.
        url: where it serves.
        calls: of clients that have all been mended.
        consumer: who ships the bad release; in the canary's share.
    """
    canary = Phase(Mode.ENFORCE, _SHARE)
    before, during = PhaseResult(canary), PhaseResult(canary)
    service.begin(before)
    send(url, calls, before.clients.hear)
    service.watch(during)
    bad = bad_release(consumer, _BAD)
    mixed = [call for pair in zip(bad, calls, strict=False) for call in pair]
    for at in range(0, len(mixed), _SCRAPE):
        send(url, mixed[at : at + _SCRAPE], during.clients.hear)
        if _fires(during):
            break
    started = time.monotonic()
    status = post(f"{url}{service.webhook}", *_delivery(service))
    state = service.state
    seconds = time.monotonic() - started
    after = PhaseResult(Phase(state.mode))
    service.watch(after)
    send(url, mixed, after.clients.hear)
    return Incident(consumer, before, during, after, status, seconds, state, service.try_to_go_on())


def _fires(saw: PhaseResult) -> bool:
    """The shipped rule's question, without its windows."""
    requests, rejects = saw.boundary.requests, saw.boundary.rejected
    return rejects >= FEWEST_REJECTS and rejects > PAGE_BURN * WatchedEndpoint("any").reject_budget * requests


def _delivery(service: Service) -> tuple[bytes, dict[str, str]]:
    labels = {"alertname": ALERT, **DOWNGRADE}
    body = json.dumps({"version": "4", "alerts": [{"status": "firing", "labels": labels}]}).encode()
    signed = sign(service.webhook_secret.key, "demo-incident", time.time(), body)
    return body, {"content-type": "application/json", **signed}
