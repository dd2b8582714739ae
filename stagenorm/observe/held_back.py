"""HeldBack: counts of plain requests kept back a little, because counting one at a time would cost more than judging it."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock

Take = Callable[[Sequence[int], Sequence[float]], None]


class HeldBack:
    """Keeps numbers of values and seconds of requests back, and hands them on some at a time. Safe between threads.

    Args:
        take: is handed the numbers of values and the seconds of some requests, by one thread at a time.
        most: how many requests are kept back at most.
    """

    __slots__ = ("_lock", "_most", "_pending", "_take")

    def __init__(self, take: Take, most: int) -> None:
        self._take = take
        self._most = most
        self._pending: deque[tuple[int, float]] = deque()
        self._lock = Lock()

    def add(self, values: int, seconds: float) -> None:
        """Keep one request back, and hand all on if there are many."""
        self._pending.append((values, seconds))
        if len(self._pending) >= self._most:
            self.flush()

    def flush(self) -> None:
        """Hand all on."""
        with self._lock:  # only one takes out, so what it counts is there
            pending = [self._pending.popleft() for _ in range(len(self._pending))]
            if pending:
                values, seconds = zip(*pending, strict=True)
                self._take(values, seconds)


class Tally:
    """How many seconds fell below each bound: what a histogram of one series holds. Safe between threads.

    Args:
        bounds: rising; the last bucket beyond them has none.

    Attributes:
        buckets: how many fell into each, not cumulated.
        total: the sum of all.
    """

    __slots__ = ("_bounds", "_lock", "buckets", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._lock = Lock()
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: Sequence[float]) -> None:
        """Sort some in."""
        with self._lock:
            self.total += sum(seconds)
            for each in seconds:
                self.buckets[bisect_left(self._bounds, each)] += 1
