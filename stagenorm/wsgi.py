"""WSGI adapter: buffer, ask the Boundary, replay. All behaviour is in ``boundary/``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BufferedReader, BytesIO, RawIOBase
from typing import TYPE_CHECKING, Any

from stagenorm.boundary.boundary import Boundary
from stagenorm.boundary.headers import length
from stagenorm.boundary.request import Reject, Request, Rewrite, Unread

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class StageNormMiddleware:
    """Guards a WSGI application (PEP 3333).

    Args:
        app: the application.
        boundary: what decides.
    """

    def __init__(self, app: WSGIApplication, boundary: Boundary) -> None:
        self.app = app
        self.boundary = boundary

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request; unguarded paths go straight to the application."""
        path = _decoded(environ.get("PATH_INFO", ""))
        guard = self.boundary.open(environ["REQUEST_METHOD"], path)
        if guard is None:
            return self.app(environ, start_response)
        headers = _headers(environ)
        announced = guard.announced(headers)
        body = _buffer(environ, self.boundary.max_body_bytes) if announced.is_wanted else b""
        peer = environ.get("REMOTE_ADDR")
        if self.boundary.lets_pass(guard, announced, path, headers, peer, body):
            return self.app(environ, start_response)
        query = environ.get("QUERY_STRING", "").encode("latin-1")
        verdict = self.boundary.inspect(
            Request(guard, announced, environ["REQUEST_METHOD"], path, None, query, headers, peer, body)
        )
        if isinstance(verdict, Reject):
            start_response(f"{verdict.status} {HTTPStatus(verdict.status).phrase}", _native(verdict.headers))
            return [verdict.body]
        if isinstance(verdict, Rewrite):
            _rewrite(environ, verdict)
        if not verdict.headers:
            return self.app(environ, start_response)

        def start_with_headers(
            status: str, headers: list[tuple[str, str]], *exc_info: Any
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *_native(verdict.headers)], *exc_info)

        return self.app(environ, start_with_headers)


def _decoded(text: str) -> str:
    # PEP 3333: environ strings hold bytes as Latin-1. Invalid UTF-8 becomes surrogates, which no vocabulary holds.
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def _native(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _headers(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    """The request headers as the server kept them; repeated ones come joined by commas."""
    headers = []
    for key, value in environ.items():
        prefixed = key.startswith("HTTP_")
        name = key[5:] if prefixed else key
        # RFC 3875 has two without the prefix; with it they are copies, or a client's "Content_Length" in disguise.
        if prefixed != (name in ("CONTENT_TYPE", "CONTENT_LENGTH")) and (prefixed or value):
            # Some servers leave the optional white space around a value in.
            headers.append((name.replace("_", "-").lower().encode("latin-1"), value.strip(" \t").encode("latin-1")))
    return headers


def _buffer(environ: WSGIEnvironment, limit: int) -> bytes | Unread:
    """Hold a body of at most ``limit`` bytes, and give it back to whoever reads next."""
    stream = environ["wsgi.input"]
    declared = environ.get("CONTENT_LENGTH", "")
    wanted = length(declared.strip(" \t").encode("latin-1"))
    if wanted is None and declared:
        return Unread.NO_LENGTH  # not a plain number: Django and Werkzeug read different numbers, or none
    if wanted is None and not environ.get("wsgi.input_terminated"):
        if "HTTP_TRANSFER_ENCODING" in environ:
            return Unread.NO_LENGTH
        # PEP 3333 lets nobody read past Content-Length, so without one there is no body that could be read.
        environ["wsgi.input"] = BytesIO()
        return b""
    body, failure = _read(stream, limit + 1 if wanted is None else wanted)
    if failure is None and (len(body) <= limit if wanted is None else len(body) == wanted):
        environ["wsgi.input"] = BytesIO(body)
        return body
    environ["wsgi.input"] = BufferedReader(_Chained(body, stream, failure))
    return Unread.TOO_LARGE if len(body) > limit else Unread.INCOMPLETE


def _read(stream: Any, size: int) -> tuple[bytes, Exception | None]:
    """Read up to ``size`` bytes, and what ended it: a stream may give less at a time, or fail in its server's way."""
    chunks = []
    try:
        while size > 0 and (chunk := stream.read(size)):
            chunks.append(chunk)
            size -= len(chunk)
    except Exception as error:  # noqa: BLE001  every server has its own
        return b"".join(chunks), error
    return b"".join(chunks), None


def _rewrite(environ: WSGIEnvironment, verdict: Rewrite) -> None:
    if verdict.path is not None:
        environ["PATH_INFO"] = verdict.path.encode("utf-8", "surrogateescape").decode("latin-1")
    if verdict.query is not None:
        environ["QUERY_STRING"] = verdict.query.decode("latin-1")
    if verdict.body is not None:
        environ["wsgi.input"] = BytesIO(verdict.body)
        if environ.get("CONTENT_LENGTH"):
            environ["CONTENT_LENGTH"] = str(len(verdict.body))


class _Chained(RawIOBase):
    """What was held of a stream, then the stream: for a body that is not judged but handed on."""

    def __init__(self, held: bytes, stream: Any, failure: Exception | None) -> None:
        self._held = BytesIO(held)
        self._stream = stream
        self._failure = failure

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._held.read(len(buffer))
        if not chunk and self._failure:
            raise self._failure  # read again, a stream that failed may say that it just ended
        chunk = chunk or self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)
