"""Serving an ASGI application on loopback, in a thread of this process, for as long as a block runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stagenorm.errors import ConfigurationError, MissingExtraError

try:
    import uvicorn
except ModuleNotFoundError as error:
    raise MissingExtraError("the demo", "demo") from error

_STOP_SECONDS = 10


@contextmanager
def serving(app: Any, port: int) -> Iterator[str]:
    """Serve an application until the block ends.

    Args:
        app: an ASGI application.
        port: on 127.0.0.1; 0 takes a free one.

    Yields:
        The base URL.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    with _listener(port) as listener:
        config = uvicorn.Config(
            app, lifespan="off", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="stagenorm-demo", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)


def _listener(port: int) -> socket.socket:
    """A listening socket: clients queue at it from now on, so nobody has to wait for the server to be ready."""
    # With the protocol named, asyncio knows it for TCP and switches Nagle's delay off.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"port {port} cannot be had ({error.strerror}): give another, or 0 for any") from error
    return listener
