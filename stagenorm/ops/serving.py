"""Serving one of the applications here alone, until the process is told to stop. The only file that imports uvicorn."""

from __future__ import annotations

from starlette.types import ASGIApp

from stagenorm.errors import MissingExtraError

try:
    import uvicorn
except ModuleNotFoundError as error:
    raise MissingExtraError("serving the ops app alone", "ops") from error


def serve(app: ASGIApp, host: str, port: int) -> None:
    """Serve an application; it returns when the process is interrupted or terminated.

    Args:
        app: what is served.
        host: the address to listen at.
        port: the port.
    """
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
    uvicorn.Server(config).run()
