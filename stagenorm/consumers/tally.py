"""Tally: the requests of each consumer as they are read, kept by moment, so that a window can be laid over them later."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

HOUR, DAY = 3600, 86_400
_EXACT = 8_000_000  # moments of four bytes that are held one by one
_CONSUMERS = 100_000
OTHERS = "all others"
"""The network and the family of what comes when there are already 100,000 consumers."""


class Consumer(NamedTuple):
    """Who called what.

    Attributes:
        endpoint: its name.
        network: where the requests came from.
        internal: whether that is the operator's own.
        family: of the user agent.
    """

    endpoint: str
    network: str
    internal: bool
    family: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The requests of one consumer within a window.

    Attributes:
        consumer: who.
        requests: how many.
        first: seconds since the epoch.
        last: seconds since the epoch.
        days: requests by the beginning of each day of UTC.
    """

    consumer: Consumer
    requests: int
    first: int
    last: int
    days: dict[int, int]


@dataclass
class Tally:
    """The moments of requests by consumer.

    Beyond eight million requests moments are kept to the hour, and beyond 100,000 consumers the rest is one for each
    endpoint, so that memory is bounded whatever is read.
    """

    exact: dict[Consumer, array[int]] = field(default_factory=dict)
    hourly: dict[Consumer, Counter[int]] = field(default_factory=dict)
    held: int = 0

    def add(self, consumer: Consumer, moments: Iterable[int]) -> None:
        """Count requests.

        Args:
            consumer: who sent them.
            moments: seconds since the epoch of each.
        """
        kept = self.exact.get(consumer)
        if kept is None:
            if len(self.exact) >= _CONSUMERS:
                consumer = consumer._replace(network=OTHERS, family=OTHERS)
            kept = self.exact.setdefault(consumer, array("I"))
        before = len(kept)
        kept.extend(moments)
        self.held += len(kept) - before
        if self.held > _EXACT:
            self._to_the_hour()

    def _to_the_hour(self) -> None:
        for consumer, moments in self.exact.items():
            self.hourly.setdefault(consumer, Counter()).update(moment - moment % HOUR for moment in moments)
            del moments[:]
        self.held = 0

    def merge(self, other: Tally) -> None:
        """Take over what another one holds."""
        for consumer, moments in other.exact.items():
            self.add(consumer, moments)
        for consumer, hours in other.hourly.items():
            self.hourly.setdefault(consumer, Counter()).update(hours)

    def since(self, begin: int, end: int) -> Iterator[Seen]:
        """The consumers that were seen from a moment to another, both included.

        Args:
            begin: seconds since the epoch.
            end: seconds since the epoch.
        """
        for consumer in {**self.exact, **self.hourly}:
            moments = sorted(self.exact.get(consumer, ()))
            within = moments[bisect_left(moments, begin) : bisect_right(moments, end)]
            hours = {
                hour: count
                for hour, count in self.hourly.get(consumer, {}).items()
                if begin <= hour + HOUR - 1 and hour <= end
            }
            if within or hours:
                ends = [*within[:1], *within[-1:], *hours]
                requests = len(within) + sum(hours.values())
                yield Seen(consumer, requests, min(ends), max(ends), _by_day(within, hours))


def _by_day(moments: Sequence[int], hours: Mapping[int, int]) -> dict[int, int]:
    days: Counter[int] = Counter()
    place = 0
    while place < len(moments):
        day = moments[place] - moments[place] % DAY
        end = bisect_left(moments, day + DAY, place)
        days[day] = end - place
        place = end
    for hour, count in hours.items():
        days[hour - hour % DAY] += count
    return dict(sorted(days.items()))
