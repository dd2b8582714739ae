"""HeavyHitters: the most frequent keys of an endless stream, in bounded memory.

The Space-Saving algorithm (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data
Streams, ICDT 2005), for weighted keys. Pure; knows nothing of stages.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class HeavyHitter(Generic[Key]):
    """One key that is being counted.

    Attributes:
        key: the key.
        count: the most that it can have been seen, in weight.
        error: by how much count may be too high; 0 where it is exact.
    """

    key: Key
    count: float
    error: float

    @property
    def at_least(self) -> float:
        """The least that it must have been seen, in weight."""
        return self.count - self.error


class HeavyHitters(Generic[Key]):
    """Counts at most ``capacity`` keys at a time; a new key takes the place, and the count, of the least frequent.

    Exact while there are no more distinct keys than places. After that, with N the weight of the whole stream: a
    key's true weight lies between ``at_least`` and ``count``, no error exceeds N / capacity, and every key whose true
    weight exceeds N / capacity is among those counted.

    Args:
        capacity: how many keys are counted at a time, at least 1.

    Attributes:
        total: the weight of the whole stream.
        exact: whether every key ever seen is still counted, without error.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}: give at least 1")
        self.total: float = 0
        self.exact = True
        self._capacity = capacity
        self._counted: dict[Key, HeavyHitter[Key]] = {}
        # One entry a key, with the count it once had. Counts only grow, so an entry is never too high, and the first
        # entry that is still right is the least frequent key. The number sets keys with equal counts in order.
        self._heap: list[tuple[float, int, Key]] = []
        self._entries = 0

    def add(self, key: Key, weight: float = 1) -> None:
        """See a key.

        Args:
            key: what was seen.
            weight: how much it counts; 0 counts nothing.

        Raises:
            ValueError: the weight is negative or no number.
        """
        if not weight >= 0:
            raise ValueError(f"weight is {weight}: give 0 or more")
        if weight == 0:
            return
        self.total += weight
        known = self._counted.get(key)
        if known:
            known.count += weight
            return
        inherited = self._evict() if len(self._counted) == self._capacity else 0
        self._counted[key] = HeavyHitter(key, inherited + weight, inherited)
        self._entries += 1
        heappush(self._heap, (inherited + weight, self._entries, key))

    def _evict(self) -> float:
        """Drop the least frequent key and return its count."""
        self.exact = False
        while True:
            count, entry, key = self._heap[0]
            current = self._counted[key].count
            if current == count:
                heappop(self._heap)
                del self._counted[key]
                return count
            heapreplace(self._heap, (current, entry, key))

    def top(self, number: int) -> list[HeavyHitter[Key]]:
        """The keys with the highest counts, highest first; of equal counts the one that came first."""
        return sorted(self._counted.values(), key=lambda hitter: -hitter.count)[:number]

    def __len__(self) -> int:
        """How many keys are being counted now."""
        return len(self._counted)
