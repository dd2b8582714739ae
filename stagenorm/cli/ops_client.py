"""Asking a running service's ops app. The commands do HTTP here only."""

from __future__ import annotations

from stagenorm.errors import MissingExtraError, ServiceError
from stagenorm.observe.offenders import Offender

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("asking a service", "cli") from error

_PATIENCE = 10.0  # seconds
_NO_TOKEN = "set STAGENORM_TOKEN to a token that the service knows: stagenorm token issue"  # noqa: S105


def offenders_of_service(url: str, token: str | None) -> list[Offender]:
    """What ``GET /offenders`` of an ops app says.

    Args:
        url: where the ops app is mounted.
        token: the operator's.

    Raises:
        ServiceError: it cannot be reached, refuses, or answers something else.
    """
    target = f"{url.rstrip('/')}/offenders"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = httpx.get(target, headers=headers, timeout=_PATIENCE)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServiceError(f"{target} cannot be reached: {error}") from error
    if response.status_code in (401, 403):
        raise ServiceError(f"{target} refused ({response.status_code}): {_NO_TOKEN}")
    if response.status_code == 404:
        raise ServiceError(
            f"{target} answered 404: is the ops app mounted there, and does the service have its secrets set?"
        )
    if response.status_code != 200:
        raise ServiceError(f"{target} answered {response.status_code}: is the ops app mounted there?")
    try:
        return [
            Offender(
                str(each["endpoint"]), str(each["value"]), float(each["count"]), tuple(map(str, each["consumers"]))
            )
            for each in response.json()["offenders"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"{target} answered no list of offenders: is the ops app mounted there?") from error
