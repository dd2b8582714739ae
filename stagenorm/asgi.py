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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; websockets, lifespan and unguarded paths go straight to the application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        prefix = _mount_prefix(path, scope.get("root_path", ""))
        guard = self.boundary.open(scope["method"], path[len(prefix) :] if prefix else path)
        if guard is None:
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        request = Request(
            guard,
            scope["method"],
            path[len(prefix) :],
            scope.get("raw_path"),
            scope.get("query_string", b""),
            scope["headers"],
            client[0] if client else None,
        )
        if guard.wants_body(request.headers):
            request.body, receive = await _buffer(receive, self.boundary.max_body_bytes)
        verdict = self.boundary.inspect(request)
        if isinstance(verdict, Reject):
            with suppress(OSError):  # a server may raise it when the client has gone
                await send({"type": "http.response.start", "status": verdict.status, "headers": list(verdict.headers)})
                await send({"type": "http.response.body", "body": verdict.body})
            return
        if isinstance(verdict, Rewrite):
            scope, receive = _rewritten(scope, receive, prefix, verdict)
        await self.app(scope, receive, _with_headers(send, verdict))


def _mount_prefix(path: str, root_path: str) -> str:
    """The part of the path that a mount has taken: as in Starlette, only whole segments, and to the letter."""
    length = len(root_path)
    return root_path if length and path.startswith(root_path) and path[length : length + 1] in ("", "/") else ""


async def _buffer(receive: Receive, limit: int) -> tuple[bytes | Unread, Receive]:
    """Hold a body of at most ``limit`` bytes, and give it back to whoever reads next."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return Unread.INCOMPLETE, _replay([_body(b"".join(chunks), more=True), message], receive)
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        if chunk:
            chunks.append(chunk)
            size += len(chunk)
        if size > limit or not more:
            body = b"".join(chunks)
            held = body if size <= limit else Unread.TOO_LARGE
            return held, _replay([_body(body, more=more)], receive)


def _body(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """Give held messages first, then whatever the server says: more of the body, or a disconnect."""
    held = iter(messages)

    async def replay() -> Message:
        for message in held:
            return message
        return await receive()

    return replay


def _rewritten(scope: Scope, receive: Receive, prefix: str, verdict: Rewrite) -> tuple[Scope, Receive]:
    scope = dict(scope)  # the server and outer middleware keep their own
    if verdict.path is not None:
        scope.update(path=prefix + verdict.path, raw_path=verdict.raw_path)
    if verdict.query is not None:
        scope["query_string"] = verdict.query
    if verdict.body is not None:
        length = b"%d" % len(verdict.body)
        scope["headers"] = [(k, length if k == b"content-length" else v) for k, v in scope["headers"]]
        receive = _replace_first(receive, _body(verdict.body, more=False))
    return scope, receive


def _replace_first(receive: Receive, message: Message) -> Receive:
    """Drop the one message that holds the judged body, and give another in its place."""
    first = [message]

    async def replaced() -> Message:
        original = await receive()
        return first.pop() if first else original

    return replaced


def _with_headers(send: Send, verdict: Pass | Rewrite) -> Send:
    if not verdict.headers:
        return send

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            # A new message: the application may send one that it keeps.
            message = {**message, "headers": [*message.get("headers", ()), *verdict.headers]}
        await send(message)

    return send_with_headers
