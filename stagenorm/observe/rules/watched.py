"""Watched: what rules and dashboards need to know of a service. Only values live here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stagenorm.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class WatchedEndpoint:
    """One endpoint that is watched.

    Attributes:
        name: as its Endpoint has it.
        reject_budget: the share of its enforced requests that may be rejected, above 0 and at most 0.1.

    Raises:
        ConfigurationError: one of them cannot be.
    """

    name: str
    reject_budget: float = 0.001

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"endpoint name {self.name!a}: write it as the service's Endpoint has it")
        if not 0 < self.reject_budget <= 0.1:  # ten times the budget pages, and more than all cannot be rejected
            raise ConfigurationError(
                f"endpoint {self.name!r}: reject_budget is {self.reject_budget:g}: give a share above 0, at most 0.1"
            )


@dataclass(frozen=True, slots=True)
class Watched:
    """A service that is watched.

    Attributes:
        endpoints: at least one.
        ops_url: where its ops app is mounted, as Alertmanager reaches it.
    """

    endpoints: tuple[WatchedEndpoint, ...]
    ops_url: str
