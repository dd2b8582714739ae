"""WSGI adapter: buffer, ask the Boundary, replay. All behaviour is in ``boundary/``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from stagenorm.boundary.boundary import Boundary
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
        request = Request(
            guard,
            environ["REQUEST_METHOD"],
            path,
            None,
            environ.get("QUERY_STRING", "").encode("latin-1"),
            _headers(environ),
            environ.get("REMOTE_ADDR"),
        )
        if guard.wants_body(request):
            request.body = _buffer(environ, self.boundary.max_body_bytes)
        verdict = self.boundary.inspect(request)
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
    # PEP 3333: environ strings hold bytes as Latin-1. Invalid UTF-8 becomes U+FFFD, which no vocabulary holds.
    return text.encode("latin-1").decode("utf-8", "replace")


def _native(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _headers(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    """The request headers as the server kept them; repeated ones come joined by commas."""
    headers = []
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers.append((key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")))
        elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            headers.append((key.replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")))
    return headers


def _buffer(environ: WSGIEnvironment, limit: int) -> bytes | Unread:
    """Hold a body of at most ``limit`` bytes, and give it back to whoever reads next."""
    stream = environ["wsgi.input"]
    declared = environ.get("CONTENT_LENGTH", "")
    wanted = int(declared) if declared.isdigit() else None
    if wanted is None and not environ.get("wsgi.input_terminated"):
        # PEP 3333 lets nobody read past Content-Length, so without one there is no body that could be read.
        return Unread.NO_LENGTH if "HTTP_TRANSFER_ENCODING" in environ else b""
    body = _read(stream, limit + 1 if wanted is None else wanted)
    if wanted is None and len(body) > limit:
        environ["wsgi.input"] = _Chained(body, stream)
        return Unread.TOO_LARGE
    environ["wsgi.input"] = BytesIO(body)
    return body if wanted is None or len(body) == wanted else Unread.INCOMPLETE


def _read(stream: Any, size: int) -> bytes:
    """Read up to ``size`` bytes: a stream may give less at a time."""
    chunks = []
    while size > 0:
        chunk = stream.read(size)
        if not chunk:
            break
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _rewrite(environ: WSGIEnvironment, verdict: Rewrite) -> None:
    if verdict.path is not None:
        environ["PATH_INFO"] = verdict.path.encode("utf-8").decode("latin-1")
    if verdict.query is not None:
        environ["QUERY_STRING"] = verdict.query.decode("latin-1")
    if verdict.body is not None:
        environ["wsgi.input"] = BytesIO(verdict.body)
        if environ.get("CONTENT_LENGTH"):
            environ["CONTENT_LENGTH"] = str(len(verdict.body))


class _Chained:
    """What was held of a stream, then the stream: for a body that is too large to hold whole."""

    def __init__(self, held: bytes, stream: Any) -> None:
        self._held = BytesIO(held)
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        held = self._held.read(size)
        return held + self._stream.read(size) if size < 0 else held or bytes(self._stream.read(size))

    def readline(self, size: int = -1) -> bytes:
        line = self._held.readline(size)
        done = line.endswith(b"\n") or (0 <= size <= len(line))
        return line if done else line + bytes(self._stream.readline(size - len(line) if size >= 0 else -1))

    def readlines(self, _hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Any:
        return iter(self.readline, b"")
