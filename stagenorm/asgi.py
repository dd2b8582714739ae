"""ASGI adapter: buffer, ask the Boundary, replay. All behaviour is in ``boundary/``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from stagenorm.boundary.boundary import Boundary
from stagenorm.boundary.request import Pass, Reject, Request, Rewrite, Unread

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class StageNormMiddleware:
    """Guards an ASGI 3 application.

    Args:
        app: the application.
        boundary: what decides.
    """

    def __init__(self, app: ASGIApp, boundary: Boundary) -> None:
        self.app = app
        self.boundary = boundary
        # FastAPI's own, by which it routes whatever the scope says.
        self._root_path: str = getattr(app, "root_path", "")
        self._elsewhere = frozenset[str]() if self._root_path else boundary.elsewhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; websockets, lifespan and unguarded paths go straight to the application."""
        if (scope.get("path") in self._elsewhere and not scope.get("root_path")) or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        root_path = self._root_path or scope.get("root_path")
        if root_path:
            path = _below(path, root_path)
        guard = self.boundary.open(scope["method"], path)
        if guard is None:
            await self.app(scope, receive, send)
            return
        body: bytes | Unread = b""
        held: list[Message] = []
        announced = guard.announced(scope["headers"])
        if announced.is_wanted:
            message = await receive()
            held.append(message)
            if message["type"] == "http.request" and not message.get("more_body"):
                body = message.get("body", b"")
            else:
                body = await _buffer(held, receive, self.boundary.max_body_bytes)
        headers, client = scope["headers"], scope.get("client")
        peer = client[0] if client else None
        if self.boundary.lets_pass(guard, announced, path, headers, peer, body):
            await self.app(scope, _replay(held, receive), send)
            return
        query = scope.get("query_string", b"")
        request = Request(guard, announced, scope["method"], path, scope.get("raw_path"), query, headers, peer, body)
        verdict = self.boundary.inspect(request)
        if isinstance(verdict, Reject):
            await _answer(send, verdict)
            return
        if isinstance(verdict, Rewrite):
            scope = _rewritten(scope, request, verdict)
            if verdict.body is not None:
                held = [_body(verdict.body, more=False)]
        await self.app(
            scope,
            _replay(held, receive) if held else receive,
            _with_headers(send, verdict) if verdict.headers else send,
        )


def _below(path: str, root_path: str) -> str:
    """The path without what a mount has taken: as in Starlette, only whole segments, and to the letter."""
    if not path.startswith(root_path):
        return path
    rest = path[len(root_path) :]
    return path if rest and rest[0] != "/" else rest


async def _buffer(held: list[Message], receive: Receive, limit: int) -> bytes | Unread:
    """Hold a body of at most ``limit`` bytes, and leave in ``held`` what must be given back for it."""
    collected = bytearray()  # not a list: a client may send its body a byte at a time
    message = held.pop()
    while message["type"] == "http.request":
        collected += message.get("body", b"")
        more = message.get("more_body", False)
        if len(collected) > limit or not more:
            body = bytes(collected)
            held.append(_body(body, more=more))
            return body if len(body) <= limit else Unread.TOO_LARGE
        message = await receive()
    held += [_body(bytes(collected), more=True), message]
    return Unread.INCOMPLETE


def _body(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """Give held messages first, then whatever the server says: more of the body, or a disconnect."""
    messages.reverse()

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _answer(send: Send, verdict: Reject) -> None:
    with suppress(OSError):  # a server may raise it when the client has gone
        await send({"type": "http.response.start", "status": verdict.status, "headers": list(verdict.headers)})
        await send({"type": "http.response.body", "body": verdict.body})


def _rewritten(scope: Scope, request: Request, verdict: Rewrite) -> Scope:
    new: Scope = {}
    if verdict.path is not None:
        new.update(path=scope["path"].removesuffix(request.path) + verdict.path, raw_path=verdict.raw_path)
    if verdict.query is not None:
        new["query_string"] = verdict.query
    if verdict.body is not None and isinstance(request.body, bytes) and len(verdict.body) != len(request.body):
        length = b"%d" % len(verdict.body)
        new["headers"] = [each if each[0] != b"content-length" else (each[0], length) for each in scope["headers"]]
    return {**scope, **new} if new else scope  # the server and outer middleware keep their own


def _with_headers(send: Send, verdict: Pass | Rewrite) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            # A new message: the application may send one that it keeps.
            message = {**message, "headers": [*message.get("headers", ()), *verdict.headers]}
        await send(message)

    return send_with_headers
