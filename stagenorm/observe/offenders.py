"""OffendersHook: the most frequent unknown values of each endpoint, and who sends them, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

from stagenorm.core.folding import MAX_LENGTH
from stagenorm.events import Event, FindingKind, Inspected
from stagenorm.observe.heavy_hitters import HeavyHitters

_VALUES = 1_000
_PAIRS = 4_000
_CONSUMERS_SHOWN = 5


class Form(NamedTuple):
    """An unknown written form, and the canonical values that a typing error could have meant."""

    value: str
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offender:
    """One unknown form at one endpoint.

    Attributes:
        endpoint: the endpoint's name.
        value: as the client wrote it, cut where it is longer than any accepted form.
        count: the most that it can have been seen.
        at_least: the least that it must have been seen.
        suggestions: canonical values that a typing error could have meant.
        consumers: who sent it and how often at most, the most frequent first.
    """

    endpoint: str
    value: str
    count: float
    at_least: float
    suggestions: tuple[str, ...]
    consumers: tuple[tuple[str, float], ...]

    def as_json(self) -> dict[str, Any]:
        """The same for machines: what ``GET /offenders`` lists."""
        return {
            "endpoint": self.endpoint,
            "value": self.value,
            "count": self.count,
            "at_least": self.at_least,
            "suggestions": list(self.suggestions),
            "consumers": [{"consumer": consumer, "count": count} for consumer, count in self.consumers],
        }


class Offenders:
    """Counts unknown forms by endpoint. Endpoints must be few; forms and consumers may be endless.

    Args:
        capacity: how many forms are told apart exactly at each endpoint.
    """

    def __init__(self, capacity: int = _VALUES) -> None:
        self._capacity = capacity
        self._forms: dict[str, HeavyHitters[Form]] = {}
        self._pairs: dict[str, HeavyHitters[tuple[Form, str]]] = {}
        self._lock = Lock()

    def add(self, endpoint: str, form: Form, consumer: str | None, weight: float = 1) -> None:
        """Count one form.

        Args:
            endpoint: the endpoint's name.
            form: what was sent.
            consumer: who sent it, or None where nobody knows.
            weight: how many it stands for.
        """
        form = Form(_cut(form.value), form.suggestions)
        with self._lock:
            if endpoint not in self._forms:
                self._forms[endpoint] = HeavyHitters(self._capacity)
                self._pairs[endpoint] = HeavyHitters(max(self._capacity, _PAIRS))
            self._forms[endpoint].add(form, weight)
            if consumer is not None:
                self._pairs[endpoint].add((form, _cut(consumer)), weight)

    def top(self, number: int) -> list[Offender]:
        """The most frequent forms over all endpoints, the most frequent first."""
        with self._lock:
            found = [
                (hitter, name, senders[hitter.key])
                for name, forms in self._forms.items()
                for senders in (self._senders(name),)
                for hitter in forms.top(number)
            ]
        found.sort(key=lambda each: -each[0].count)
        return [
            Offender(
                name,
                hitter.key.value,
                hitter.count,
                hitter.at_least,
                hitter.key.suggestions,
                tuple(senders[:_CONSUMERS_SHOWN]),
            )
            for hitter, name, senders in found[:number]
        ]

    def _senders(self, endpoint: str) -> defaultdict[Form, list[tuple[str, float]]]:
        """The consumers of each form, the most frequent first."""
        senders = defaultdict(list)
        pairs = self._pairs[endpoint]
        for pair in pairs.top(len(pairs)):
            form, consumer = pair.key
            senders[form].append((consumer, pair.count))
        return senders


class OffendersHook:
    """Keeps the most frequent unknown forms of each endpoint.

    Args:
        capacity: how many forms are told apart exactly at each endpoint.

    Attributes:
        offenders: what is known so far.
    """

    def __init__(self, capacity: int = _VALUES) -> None:
        self.offenders = Offenders(capacity)

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        if not isinstance(event, Inspected) or not event.findings:
            return
        for finding in event.findings:
            if finding.kind is FindingKind.UNKNOWN and isinstance(finding.raw, str):
                self.offenders.add(event.endpoint, Form(finding.raw, finding.suggestions), event.consumer)

    def top(self, number: int = 100) -> list[Offender]:
        """The most frequent forms over all endpoints, the most frequent first."""
        return self.offenders.top(number)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "\N{HORIZONTAL ELLIPSIS}"
