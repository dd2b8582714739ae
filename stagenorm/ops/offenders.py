"""What the ops app needs of a list of offenders: a snapshot, however it was counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable


class Offender(Protocol):
    """An unknown value and how often it was seen."""

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""

    @property
    def value(self) -> str:
        """As clients wrote it."""

    @property
    def count(self) -> float:
        """How often it was seen, at most."""

    @property
    def consumers(self) -> Iterable[str]:
        """Who sent it, as far as they are told apart."""


@runtime_checkable
class Offenders(Protocol):
    """Knows the most frequent unknown values."""

    def top(self, number: int) -> Iterable[Offender]:
        """The most frequent of each endpoint, at most so many of each, the most frequent first."""
