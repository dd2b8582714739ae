"""The ops app under a WSGI host, through a2wsgi: the only file that imports it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp

from stagenorm.errors import MissingExtraError

try:
    from a2wsgi import ASGIMiddleware
except ModuleNotFoundError as error:
    raise MissingExtraError("the ops app under a WSGI host", "ops") from error

Environ = dict[str, Any]
WSGIApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class OpsMount:
    """A WSGI application, with ASGI applications below some of its paths.

    Args:
        app: the host's own application; it gets every other path.
        mounts: ASGI applications by prefix, such as ``{"/_ops/stagenorm": ops_app(boundary)}``.
    """

    def __init__(self, app: WSGIApp, mounts: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._mounts = dict(mounts)
        self._bridges: dict[tuple[int, str], WSGIApp] = {}

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        path: str = environ.get("PATH_INFO", "")
        for prefix in self._mounts:
            if path == prefix or path.startswith(f"{prefix}/"):
                below = {
                    "REMOTE_PORT": "0",  # a2wsgi tells no client without one, and some servers give none
                    **environ,
                    "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + prefix,
                    "PATH_INFO": path[len(prefix) :],
                }
                return self._bridge(prefix)(below, start_response)
        return self._app(environ, start_response)

    def _bridge(self, prefix: str) -> WSGIApp:
        """A bridge runs an event loop in a thread, which a fork leaves behind: so each process makes its own."""
        key = os.getpid(), prefix
        bridge = self._bridges.get(key)
        if bridge is None:
            app: Any = self._mounts[prefix]  # a2wsgi has types of its own for the same thing
            made: Any = ASGIMiddleware(app)
            bridge = self._bridges.setdefault(key, made)
        return bridge
