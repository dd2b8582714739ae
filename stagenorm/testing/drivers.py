"""Minimal ASGI and WSGI servers in one process: they hand an app the bytes of a request exactly as they are.

Test clients of frameworks cannot serve here, because they parse, sort and quote what must arrive raw.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import unquote, unquote_to_bytes

from stagenorm.testing.requests import GeneratedRequest

PATIENCE = 30.0
"""How long an app may take to answer, in seconds."""


@dataclass(frozen=True)
class Answer:
    """What an app answered; status 500 with the exception where it raised one, as a server would."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    error: Exception | None = None


class Driver(Protocol):
    """Sends one request to an app."""

    def __call__(self, request: GeneratedRequest, /) -> Answer:
        """The app's answer."""


@contextmanager
def driving(app: Any) -> Iterator[Driver]:
    """A driver for an ASGI 3 or WSGI app; with ASGI, the app's lifespan runs around it if it has one."""
    if not is_asgi(app):
        yield lambda request: _call_wsgi(app, request)
        return
    # A loop in a thread of its own: the caller's thread may be running one already.
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Awaitable[Any]) -> Any:
        async def bounded() -> Any:
            return await asyncio.wait_for(work, PATIENCE)

        return asyncio.run_coroutine_threadsafe(bounded(), loop).result()

    lifespan = _Lifespan(app)
    try:
        run(lifespan.startup())
        try:
            yield lambda request: run(_call_asgi(app, request, lifespan.state))
        finally:
            run(lifespan.shutdown())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def is_asgi(app: Any) -> bool:
    """Whether an app takes ``(scope, receive, send)`` rather than ``(environ, start_response)``."""
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__):
        return True
    try:
        inspect.signature(app).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


class _Lifespan:
    """Runs an app's startup and shutdown; an app that takes no lifespan has none."""

    def __init__(self, app: Any) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        self._task = asyncio.ensure_future(self._app(scope, self._received.get, self._sent.put))
        await self._tell("startup")

    async def shutdown(self) -> None:
        assert self._task is not None
        await self._tell("shutdown")
        if not self._task.done():
            await self._task

    async def _tell(self, phase: str) -> None:
        assert self._task is not None
        await self._received.put({"type": f"lifespan.{phase}"})
        answer = asyncio.ensure_future(self._sent.get())
        await asyncio.wait((self._task, answer), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():  # the app ended or raised instead: it takes no lifespan
            answer.cancel()
            self._task.exception()
        elif answer.result()["type"] == f"lifespan.{phase}.failed":
            raise RuntimeError(f"the app failed in its {phase}: {answer.result().get('message', '')}")


async def _call_asgi(app: Any, request: GeneratedRequest, state: dict[str, Any]) -> Answer:
    half = len(request.body) // 2
    incoming = [request.body[:half], request.body[half:]] if half else [request.body]
    sent: list[dict[str, Any]] = []
    answered = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if incoming:
            return {"type": "http.request", "body": incoming.pop(0), "more_body": bool(incoming)}
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path.decode("latin-1")),
        "raw_path": request.path,
        "query_string": request.query,
        "root_path": "",
        "headers": list(request.headers),
        "client": ("127.0.0.1", 50000),
        "server": ("localhost", 80),
        "state": dict(state),
    }
    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - whatever it is, a server answers 500
        return Answer(500, error=error)
    start = next((message for message in sent if message["type"] == "http.response.start"), None)
    if start is None:
        return Answer(500, error=RuntimeError("the app sent no response"))
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(start["status"], tuple((bytes(k).lower(), bytes(v)) for k, v in start.get("headers", ())), body)


def _call_wsgi(app: Callable[..., Any], request: GeneratedRequest) -> Answer:
    started: list[tuple[str, list[tuple[str, str]]]] = []
    body: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], None]:
        started.append((status, headers))
        return body.append

    try:
        chunks = app(_environ(request), start_response)
        try:
            body += chunks
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
    except Exception as error:  # noqa: BLE001 - whatever it is, a server answers 500
        return Answer(500, error=error)
    if not started:
        return Answer(500, error=RuntimeError("the app sent no response"))
    status, headers = started[-1]
    pairs = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    return Answer(int(status.split()[0]), pairs, b"".join(body))


def _environ(request: GeneratedRequest) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        headers[key] = f"{headers[key]},{value.decode('latin-1')}" if key in headers else value.decode("latin-1")
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **headers,
    }
