"""Serving one of the applications here alone, until the process is told to stop. The only file that imports uvicorn."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from starlette.types import ASGIApp

from stagenorm.errors import MissingExtraError, ServiceError

try:
    import uvicorn
except ModuleNotFoundError as error:
    raise MissingExtraError("serving the ops app alone", "ops") from error


def serve(app: ASGIApp, host: str, port: int, listening: Callable[[], None]) -> None:
    """Serve an application; it returns when the process is interrupted or terminated.

    Args:
        app: what is served.
        host: the address to listen at.
        port: the port.
        listening: called once it listens there.

    Raises:
        ServiceError: it cannot listen there.
    """
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)  # a name that is no address
        raise ServiceError(f"nothing can listen at {host}, port {port}: {why}") from error
    listening()
    config = uvicorn.Config(
        app,
        host,
        port,
        lifespan="off",
        ws="none",
        log_level="warning",
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])
