"""Sampler: everything while there is little, a share of it beyond, and for each how many it stands for. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock

from stagenorm.errors import ConfigurationError

_MINUTE = 60.0


class Sampler:
    """Decides for each occurrence of a key whether it is kept. Keys must be few: all are remembered.

    Args:
        a_minute: how many of a key are kept in each minute, whatever follows.
        probability: with which any beyond them is kept, above 0 and at most 1.

    Raises:
        ConfigurationError: one of them is out of its range.
    """

    def __init__(self, a_minute: int = 10, probability: float = 0.1) -> None:
        if a_minute < 0:
            raise ConfigurationError(f"a_minute is {a_minute}: give 0 or more")
        if not 0 < probability <= 1:
            raise ConfigurationError(f"probability is {probability:g}: give a number above 0, at most 1")
        self._a_minute = a_minute
        self._probability = probability
        self._seen: dict[Hashable, tuple[float, int]] = {}
        self._lock = Lock()

    def weigh(self, key: Hashable, now: float, chance: float) -> float:
        """How many occurrences this one stands for; 0 if it is not kept.

        Args:
            key: of what kind it is.
            now: in seconds, of a clock that only grows.
            chance: a number from 0 to 1, drawn for it.
        """
        with self._lock:
            began, seen = self._seen.get(key, (now, 0))
            if now - began >= _MINUTE:
                began, seen = now, 0
            self._seen[key] = began, seen + 1
        if seen < self._a_minute:
            return 1
        return 1 / self._probability if chance < self._probability else 0
