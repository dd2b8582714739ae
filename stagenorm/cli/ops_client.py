"""Asking a running service. The commands do HTTP here only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from stagenorm.errors import MissingExtraError, ServiceError
from stagenorm.observe.offenders import Offender
from stagenorm.urls import without_secrets

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("asking a service", "cli") from error

_PATIENCE = 10.0  # seconds
_NO_TOKEN = "set STAGENORM_TOKEN to a token that the service knows: stagenorm token issue"  # noqa: S105


class Answer(NamedTuple):
    """What a GET was answered.

    Attributes:
        status: of HTTP.
        text: the body.
        date: the header, as it was sent.
    """

    status: int
    text: str
    date: str | None


def get(url: str, token: str | None = None) -> Answer:
    """Ask for a URL.

    Args:
        url: with a user and password in it, if it wants them.
        token: goes as a bearer token.

    Raises:
        ServiceError: it is no HTTP URL, nobody answers, or what answers is no HTTP.
    """
    return _ask("GET", url, {"Authorization": f"Bearer {token}"} if token else {})


def post_json(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post a body of JSON.

    Args:
        url: with a user and password in it, if it wants them.
        body: as it is sent.
        headers: go with it.

    Raises:
        ServiceError: as get does.
    """
    return _ask("POST", url, {"Content-Type": "application/json", **headers}, body)


def _ask(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    try:
        target = httpx.URL(url)
        if target.scheme not in ("http", "https") or not target.host:
            raise ServiceError(f"{without_secrets(url)} is no HTTP URL: write http://host:port/path")
        raw = {name.encode(): value.encode() for name, value in headers.items()}
        response = httpx.request(method, target, headers=raw, content=body, timeout=_PATIENCE, trust_env=False)
    except httpx.InvalidURL as error:
        raise ServiceError(f"{without_secrets(url)} is no HTTP URL: write http://host:port/path") from error
    except (httpx.HTTPError, OSError, ValueError) as error:  # what answers may be no HTTP
        raise ServiceError(f"{without_secrets(url)} cannot be reached ({ascii(str(error))[1:-1]})") from error
    return Answer(response.status_code, response.text, response.headers.get("date"))


def offenders_of_service(url: str, token: str | None) -> list[Offender]:
    """What ``GET /offenders`` of an ops app says.

    Args:
        url: where the ops app is mounted.
        token: the operator's.

    Raises:
        ServiceError: it cannot be reached, refuses, or answers something else.
    """
    target = f"{url.rstrip('/')}/offenders"
    answer, name = get(target, token), without_secrets(target)
    if answer.status in (401, 403):
        raise ServiceError(f"{name} refused ({answer.status}): {_NO_TOKEN}")
    if answer.status == 404:
        raise ServiceError(
            f"{name} answered 404: is the ops app mounted there, and does the service have its secrets set?"
        )
    if answer.status != 200:
        raise ServiceError(f"{name} answered {answer.status}: is the ops app mounted there?")
    try:
        return [
            Offender(
                str(each["endpoint"]), str(each["value"]), float(each["count"]), tuple(map(str, each["consumers"]))
            )
            for each in json.loads(answer.text)["offenders"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"{name} answered no list of offenders: is the ops app mounted there?") from error
