"""The relay: takes what a stock Alertmanager posts, signs it after Standard Webhooks, and passes it on.

It answers what the service answered, so that Alertmanager retries exactly when the service wants it to. It believes
whoever reaches it, so it listens on loopback only. The only file here that imports httpx.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from http import HTTPStatus

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stagenorm.errors import ConfigurationError, MissingExtraError
from stagenorm.ops import signatures
from stagenorm.ops.bodies import read_body
from stagenorm.ops.credentials import WebhookSecret
from stagenorm.ops.problems import ProblemError, answer_http, answer_problem

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("the relay", "ops") from error

_BODY_SECONDS = 5.0
_WEBHOOK = "/webhooks/alertmanager"
_NO_TARGET = f"the target is no service's webhook: write http://host:port/prefix{_WEBHOOK}, or https"


def relay_app(
    target: str, secret: WebhookSecret, *, seconds: float = 5.0, clock: Callable[[], float] = time.time
) -> Starlette:
    """An application that signs and forwards what is posted to ``/``.

    Args:
        target: the URL of the service's webhook.
        secret: one that the service knows.
        seconds: until the service must have answered.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: the target is no HTTP URL.
    """
    try:
        url = httpx.URL(target)
    except httpx.InvalidURL as error:
        raise ConfigurationError(_NO_TARGET) from error
    if url.scheme not in ("http", "https") or not url.host or not url.path.endswith(_WEBHOOK):
        raise ConfigurationError(_NO_TARGET)

    async def forward(request: Request) -> Response:
        media_type = request.headers.get("content-type", "")
        if media_type.partition(";")[0].strip().lower() != "application/json":  # as a browser may send it to anybody
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "post it as application/json")
        body = await read_body(request, _BODY_SECONDS)
        headers = {
            "content-type": "application/json",
            **signatures.sign(secret.key, f"msg_{uuid.uuid4().hex}", clock(), body),
        }
        try:
            with anyio.fail_after(seconds):
                async with httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
                    answer = await client.post(url, content=body, headers=headers)
        except TimeoutError as error:
            detail = f"the service did not answer within {seconds:g} s"
            raise ProblemError(HTTPStatus.GATEWAY_TIMEOUT, "too-slow", detail) from error
        except httpx.HTTPError as error:
            detail = f"the service cannot be reached: {type(error).__name__}"
            raise ProblemError(HTTPStatus.BAD_GATEWAY, "unreachable", detail) from error
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    return Starlette(
        routes=[Route("/", forward, methods=["POST"])],
        exception_handlers={ProblemError: answer_problem, HTTPException: answer_http},
    )
