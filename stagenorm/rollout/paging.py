"""Paging: what a person must look at becomes an alert in Alertmanager, which knows whom to call. It imports httpx."""

from __future__ import annotations

from collections.abc import Sequence

from stagenorm.core.progress import EVERYWHERE
from stagenorm.errors import MissingExtraError, ServiceError
from stagenorm.rollout.controller import Wait
from stagenorm.rollout.driver import Told
from stagenorm.times import moment
from stagenorm.urls import without_secrets

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("paging", "cli") from error

ALERT = "StagenormRolloutWaitsForYou"
_SECONDS = 10.0


def page(url: str, told: Sequence[Told], now: float, lasts: float) -> None:
    """Post what pages; nothing where nothing does. It never pulls anything back.

    Args:
        url: Alertmanager's.
        told: a round of the controller.
        now: seconds since the epoch.
        lasts: seconds until it counts as resolved, unless it is posted again.

    Raises:
        ServiceError: Alertmanager did not take it.
    """
    alerts = [
        {
            "labels": {"alertname": ALERT, "severity": "page", "gate": result.gate, **_endpoint(each.track.name)},
            "annotations": {"summary": f"The rollout waits: {result.why}", "action": result.remedy},
            "startsAt": moment(now),
            "endsAt": moment(now + lasts),
        }
        for each in told
        if isinstance(each.outcome, Wait)
        for result in each.outcome.results
        if result.page
    ]
    if not alerts:
        return
    try:
        answer = httpx.post(f"{url}/api/v2/alerts", json=alerts, timeout=_SECONDS, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        failed = f"{without_secrets(url)} cannot be reached, so nobody is paged: {type(error).__name__}"
        raise ServiceError(failed) from error
    if answer.status_code != httpx.codes.OK:
        raise ServiceError(
            f"{without_secrets(url)} answered {answer.status_code}, so nobody is paged: is it an Alertmanager?"
        )


def _endpoint(name: str) -> dict[str, str]:
    return {} if name == EVERYWHERE else {"endpoint": name}
