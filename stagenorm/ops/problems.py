"""Problem documents: every error of the ops app, in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stagenorm.ops.models import Problem


class ProblemError(Exception):
    """A request is answered with a problem.

    Args:
        status: of the response.
        slug: the stable part of the problem's type.
        detail: what was wrong and what to do; it holds nothing that was sent.
        headers: of the response.
    """

    def __init__(self, status: HTTPStatus, slug: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.headers = headers

    def response(self) -> Response:
        """The problem document."""
        document = Problem(
            type=f"urn:stagenorm:problem:{self.slug}",
            title=self.status.phrase,
            status=self.status.value,
            detail=str(self),
        )
        headers = {"cache-control": "no-store", **(self.headers or {})}
        return JSONResponse(document.model_dump(), self.status, headers, media_type="application/problem+json")


def unauthorized(detail: str) -> ProblemError:
    """401: whoever asks has not proved who they are."""
    return ProblemError(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, {"www-authenticate": "Bearer"})


def not_stored(detail: str) -> ProblemError:
    """503: the store did not take it, or could not be read."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", detail)


def answer_problem(_: Request, error: Exception) -> Response:
    """Starlette's way to a ProblemError's response."""
    assert isinstance(error, ProblemError)
    return error.response()


def answer_http(_: Request, error: Exception) -> Response:
    """What the router itself refuses: a path or a method that there is not."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return ProblemError(status, status.phrase.lower().replace(" ", "-"), f"{status.phrase}.", error.headers).response()
