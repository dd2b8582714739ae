"""OffendersHook: the most frequent unknown values of each endpoint, and who sends them, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from threading import Lock

from stagenorm.core.folding import MAX_LENGTH
from stagenorm.events import Event, FindingKind, Inspected
from stagenorm.observe.heavy_hitters import HeavyHitters

_VALUES = 1_000
_PAIRS = 4_000
_CONSUMERS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Offender:
    """One unknown form at one endpoint.

    Attributes:
        endpoint: the endpoint's name.
        value: as clients wrote it, cut where it is longer than any accepted form.
        count: the most that it can have been seen.
        consumers: who sent it, as far as they are told apart; at most 5, the most frequent first.
    """

    endpoint: str
    value: str
    count: float
    consumers: tuple[str, ...]


class Offenders:
    """Counts unknown forms by endpoint. Endpoints must be few; forms and consumers may be endless.

    Args:
        capacity: how many forms are told apart exactly at each endpoint.
    """

    def __init__(self, capacity: int = _VALUES) -> None:
        self._capacity = capacity
        self._forms: dict[str, HeavyHitters[str]] = {}
        self._pairs: dict[str, HeavyHitters[tuple[str, str]]] = {}  # of a form and who sent it
        self._lock = Lock()

    def add(self, endpoint: str, value: str, consumer: str | None, weight: float = 1) -> None:
        """Count one form.

        Args:
            endpoint: the endpoint's name.
            value: what was sent.
            consumer: who sent it, or None where nobody knows.
            weight: how many it stands for.
        """
        value = _cut(value)
        with self._lock:
            if endpoint not in self._forms:
                self._forms[endpoint] = HeavyHitters(self._capacity)
                self._pairs[endpoint] = HeavyHitters(max(self._capacity, _PAIRS))
            self._forms[endpoint].add(value, weight)
            if consumer is not None:
                self._pairs[endpoint].add((value, _cut(consumer)), weight)

    def top(self, number: int) -> list[Offender]:
        """The most frequent forms, at most so many of each endpoint, the most frequent first."""
        with self._lock:
            found = [
                Offender(name, hitter.key, hitter.count, tuple(senders[hitter.key][:_CONSUMERS_SHOWN]))
                for name, forms in self._forms.items()
                for senders in (self._senders(name),)
                for hitter in forms.top(number)
            ]
        return sorted(found, key=lambda offender: -offender.count)

    def _senders(self, endpoint: str) -> defaultdict[str, list[str]]:
        """The consumers of each form, the most frequent first."""
        senders = defaultdict(list)
        pairs = self._pairs[endpoint]
        for pair in pairs.top(len(pairs)):
            value, consumer = pair.key
            senders[value].append(consumer)
        return senders


class OffendersHook(Offenders):
    """Keeps the most frequent unknown forms of each endpoint of a boundary."""

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        if isinstance(event, Inspected) and event.findings:
            for finding in event.findings:
                if finding.kind is FindingKind.UNKNOWN and isinstance(finding.raw, str):
                    self.add(event.endpoint, finding.raw, event.consumer)


def _cut(text: str) -> str:
    """What is kept of a text: no more than any form has, and nothing that cannot be written as UTF-8."""
    cut = text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "\N{HORIZONTAL ELLIPSIS}"
    return cut.encode("utf-8", "backslashreplace").decode()
