"""Declared: the database and the targets that a service names in ``stagenorm.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stagenorm.backfill.target import Target
from stagenorm.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class DeclaredTargets:
    """What is to become canonical, by name.

    Attributes:
        database: the URL of where it is stored, or None where an option or the environment names it.
        named: each target by its name.
    """

    database: str | None = None
    named: Mapping[str, Target] = field(default_factory=dict)

    def choose(self, name: str = "") -> Target:
        """A target by its name; without one, the only target there is.

        Raises:
            ConfigurationError: there is none of that name, or a name is needed.
        """
        if not name and len(self.named) == 1:
            return next(iter(self.named.values()))
        if name in self.named:
            return self.named[name]
        there = ", ".join(map(ascii, self.named)) or "none: add [[backfill.targets]] with name, table and column"
        raise ConfigurationError(
            f"there is no target {name!a}: the targets are {there}" if name else f"say which target: they are {there}"
        )
