"""The ops app and what is deprecated, beside a WSGI host: through a2wsgi, which only this file imports."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from threading import Event, Timer
from typing import Any

from stagenorm.boundary.boundary import Boundary
from stagenorm.errors import MissingExtraError
from stagenorm.ops.bodies import MAX_BYTES, SECONDS, too_slow
from stagenorm.ops.mounting import PREFIX, Mounts
from stagenorm.ops.problems import ProblemError

try:
    from a2wsgi import ASGIMiddleware
except ModuleNotFoundError as error:
    raise MissingExtraError("the ops app beside a WSGI host", "ops") from error

Environ = dict[str, Any]
WSGIApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class OpsMiddleware:
    """Serves the ops app below a prefix and ``/api/deprecations``; the host gets every other request.

    Args:
        app: the host.
        boundary: the host's.
        prefix: where the ops app lies, once one of its secrets is set.

    Raises:
        ConfigurationError: as ``ops_app`` does.
    """

    def __init__(self, app: WSGIApp, boundary: Boundary, *, prefix: str = PREFIX) -> None:
        self._app = app
        self._mounts = Mounts(boundary, prefix)
        self._bridges: dict[tuple[int, str], WSGIApp] = {}

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        path: str = environ.get("PATH_INFO", "")
        at = self._mounts.find(path)
        if at is None:
            return self._app(environ, start_response)
        if not _is_utf8(path):
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return [b""]
        try:
            with _in_time(environ):
                body = _whole_body(environ)
        except ProblemError as error:
            return _answer(error, start_response)
        below = {
            "REMOTE_PORT": "0",  # a2wsgi tells no client without one, and some servers give none
            **environ,
            "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + at,
            "PATH_INFO": path[len(at) :],
            **body,
        }
        return self._bridge(at)(below, start_response)

    def _bridge(self, at: str) -> WSGIApp:
        """A bridge runs an event loop in a thread, which a fork leaves behind: so each process makes its own."""
        key = os.getpid(), at
        if key not in self._bridges:
            app: Any = self._mounts.apps[at]  # a2wsgi has types of its own for the same thing
            bridge: Any = ASGIMiddleware(app)
            self._bridges.setdefault(key, bridge)
        return self._bridges[key]


def _is_utf8(path: str) -> bool:
    try:
        path.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _answer(problem: ProblemError, start_response: Callable[..., Any]) -> Iterable[bytes]:
    response = problem.response()
    told = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
    headers = [header for header in told if header[0] != "connection"]  # PEP 3333: the server's own
    start_response(f"{problem.status.value} {problem.status.phrase}", headers)
    return [bytes(response.body)]


@contextmanager
def _in_time(environ: Environ) -> Iterator[None]:
    """Stop waiting for a body where its server does not buffer and tells its socket: a synchronous worker of gunicorn's.

    Raises:
        ProblemError: the body was too slow.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None:
        yield
        return
    late = Event()

    def end() -> None:
        late.set()
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RD)  # not TLS's own, which would answer in the clear

    timer = Timer(SECONDS, end)
    timer.start()
    try:
        yield
    except Exception:  # a body that ends too soon is each worker's own error
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    if late.is_set():
        raise too_slow(SECONDS)


def _whole_body(environ: Environ) -> Environ:
    """The body read to its end or just beyond the limit: the bridge waits for a sender that is gone."""
    declared = environ.get("CONTENT_LENGTH", "")
    if declared.isdecimal() and len(declared) < 10:
        wanted = min(int(declared), MAX_BYTES + 1)
    else:
        wanted = MAX_BYTES + 1 if environ.get("wsgi.input_terminated") else 0
    body = bytearray()
    while len(body) < wanted and (chunk := environ["wsgi.input"].read(wanted - len(body))):
        body += chunk
    return {"wsgi.input": BytesIO(bytes(body)), "CONTENT_LENGTH": str(len(body))}
