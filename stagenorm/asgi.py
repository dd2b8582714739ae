"""ASGI adapter: buffer, ask the Boundary, replay. All behaviour is in ``boundary/``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
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
        self._elsewhere = boundary.elsewhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; websockets, lifespan and unguarded paths go straight to the application."""
        if scope.get("path") in self._elsewhere and not scope.get("root_path"):
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, root = scope["path"], scope.get("root_path")
        if root:
            path = path[len(_mount_prefix(path, root)) :]
        guard = self.boundary.open(scope["method"], path)
        if guard is None:
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        request = Request(
            guard,
            scope["method"],
            path,
            scope.get("raw_path"),
            scope.get("query_string", b""),
            scope["headers"],
            client[0] if client else None,
        )
        if guard.wants_body(request):
            message = await receive()
            if message["type"] != "http.request" or message.get("more_body"):
                request.body, receive = await _buffer(message, receive, self.boundary.max_body_bytes)
            else:
                request.body, receive = message.get("body", b""), _replay([message], receive)
        verdict = self.boundary.inspect(request)
        if isinstance(verdict, Reject):
            await send({"type": "http.response.start", "status": verdict.status, "headers": list(verdict.headers)})
            await send({"type": "http.response.body", "body": verdict.body})
            return
        if isinstance(verdict, Rewrite):
            scope, receive = _rewritten(scope, receive, request, verdict)
        await self.app(scope, receive, _with_headers(send, verdict) if verdict.headers else send)


def _mount_prefix(path: str, root_path: str) -> str:
    """The part of the path that a mount has taken: as in Starlette, only whole segments count."""
    root = root_path.rstrip("/")
    return root if (path == root or path.startswith(root + "/")) else ""


async def _buffer(message: Message, receive: Receive, limit: int) -> tuple[bytes | Unread, Receive]:
    """Hold a body of at most ``limit`` bytes, and give it back to whoever reads next."""
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > limit or not more:
            body = b"".join(chunks)
            return body if size <= limit else Unread.TOO_LARGE, _replay([_body(body, more=more)], receive)
        message = await receive()
    return Unread.INCOMPLETE, _replay([_body(b"".join(chunks), more=True), message], receive)


def _body(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """Give held messages first, then whatever the server says: more of the body, or a disconnect."""
    messages.reverse()

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _rewritten(scope: Scope, receive: Receive, request: Request, verdict: Rewrite) -> tuple[Scope, Receive]:
    scope = dict(scope)  # the server and outer middleware keep their own
    if verdict.path is not None:
        prefix = scope["path"].removesuffix(request.path)
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
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *verdict.headers]
        await send(message)

    return send_with_headers
