"""The ops app and what is deprecated, beside an ASGI host."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from stagenorm.boundary.boundary import Boundary
from stagenorm.ops.mounting import PREFIX, Mounts


class OpsMiddleware:
    """Serves the ops app below a prefix and ``/api/deprecations``; the host gets every other request.

    Args:
        app: the host.
        boundary: the host's.
        prefix: where the ops app lies, once one of its secrets is set.

    Raises:
        ConfigurationError: as ``ops_app`` does.
    """

    def __init__(self, app: ASGIApp, boundary: Boundary, *, prefix: str = PREFIX) -> None:
        self._app = app
        self._mounts = Mounts(boundary, prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        root = scope.get("root_path", "")
        at = self._mounts.find(scope["path"].removeprefix(root)) if scope["type"] == "http" else None
        if at is None:
            await self._app(scope, receive, send)
        else:
            await self._mounts.apps[at]({**scope, "root_path": root + at}, receive, send)
