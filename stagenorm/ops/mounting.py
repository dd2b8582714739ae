"""What a host's middleware serves beside the host: which application lies below which path."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from starlette.types import ASGIApp

from stagenorm.boundary.boundary import Boundary
from stagenorm.ops.app import ops_app
from stagenorm.ops.credentials import ALERTMANAGER_TOKEN, TOKEN_KEY, WEBHOOK_SECRETS
from stagenorm.ops.deprecations import deprecations_app

PREFIX = "/_ops/stagenorm"
DEPRECATIONS = "/api/deprecations"
"""Where the notices that clients get say that it is."""

_logger = logging.getLogger("stagenorm")


class Mounts:
    """Applications by path.

    The ops app is among them as soon as the environment holds one of its secrets, and then it needs all that it needs.

    Args:
        boundary: whose modes, deprecations and webhooks they are.
        prefix: where the ops app lies.

    Raises:
        ConfigurationError: as ``ops_app`` does.
    """

    def __init__(self, boundary: Boundary, prefix: str = PREFIX) -> None:
        self.apps: Mapping[str, ASGIApp] = {DEPRECATIONS: deprecations_app(boundary)}
        if any(name in os.environ for name in (TOKEN_KEY, WEBHOOK_SECRETS, ALERTMANAGER_TOKEN)):
            self.apps = {prefix: ops_app(boundary), **self.apps}
        else:
            _logger.info("no ops app at %s: %s is not set", prefix, TOKEN_KEY)

    def find(self, path: str) -> str | None:
        """The mount that a path lies at or below, or None."""
        return next((at for at in self.apps if path == at or path.startswith(f"{at}/")), None)
