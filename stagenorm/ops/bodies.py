"""Reading a request's body within its limits of size and time, and as the document that it must be."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeVar

import anyio
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from stagenorm.ops.problems import ProblemError

MAX_BYTES = 256 << 10
SECONDS = 5.0
"""Until the last byte of a body must be there."""
_SHOWN = 5
Document = TypeVar("Document", bound=BaseModel)


async def read_body(request: Request, seconds: float) -> bytes:
    """The whole body.

    Args:
        request: whose it is.
        seconds: until the last byte must be there.

    Raises:
        ProblemError: it has more than 256 KiB, or takes too long.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > len(str(MAX_BYTES)) or int(declared) > MAX_BYTES):
        raise _too_large()
    body = bytearray()
    try:
        with anyio.fail_after(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise _too_large()
    except TimeoutError as error:
        raise too_slow(seconds) from error
    except ClientDisconnect as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "incomplete", "the sender went away") from error
    return bytes(body)


def parse(request: Request, body: bytes, model: type[Document]) -> Document:
    """The document that a body holds.

    Raises:
        ProblemError: it is of another media type, or no such document.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "send it as Content-Type: application/json")
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "not-understood", f"{_faults(error)}.") from error


def _faults(error: ValidationError) -> str:
    """The first faults in words, without anything that was sent but the places where they are."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    words = [f"{_place(fault['loc'])}{fault['msg'].removeprefix('Value error, ')}" for fault in faults[:_SHOWN]]
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return "; ".join(words) + more


def _place(location: tuple[int | str, ...]) -> str:
    place = ascii("/".join(map(str, location)))[1:-1][:64]
    return f"{place}: " if place else ""


def too_slow(seconds: float) -> ProblemError:
    """408: the last byte did not come within some seconds."""
    detail = f"the body was not there within {seconds:g} s: send it at once"
    return ProblemError(HTTPStatus.REQUEST_TIMEOUT, "too-slow", detail, {"connection": "close"})


def _too_large() -> ProblemError:
    """Made anew for each: an error that is raised again keeps every frame it was raised in, bodies included."""
    detail = f"the body has more than {MAX_BYTES} bytes: send less"
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", detail)
