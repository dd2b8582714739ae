"""Census: how the written forms of a stream fall on a vocabulary, and which unknown ones are the most frequent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stagenorm.core.folding import MAX_LENGTH
from stagenorm.core.normalizer import Match, Normalizer, Unknown
from stagenorm.events import FindingKind
from stagenorm.observe.heavy_hitters import HeavyHitters

KINDS = (FindingKind.CANONICAL, FindingKind.ALIAS, FindingKind.UNKNOWN)
"""The kinds of finding that a single written form can be."""
_DISTINCT_FORMS = 10_000


@dataclass(frozen=True, slots=True)
class UnknownForm:
    """One unknown written form and how often it was seen.

    Attributes:
        unknown: the form, cut where it is too long, with reason and suggestions.
        count: the most that it can have been seen, in weight.
        at_least: the least that it must have been seen; the same as count while the census is exact.
    """

    unknown: Unknown
    count: float
    at_least: float


class Census:
    """Counts written forms as canonical, alias or unknown, in bounded memory however many there are.

    Args:
        normalizer: of the vocabulary they are held against.
        capacity: how many distinct unknown forms are told apart exactly.

    Attributes:
        seen: how many values of each kind.
        weights: the same in weight.
    """

    def __init__(self, normalizer: Normalizer, capacity: int = _DISTINCT_FORMS) -> None:
        self.seen: Counter[FindingKind] = Counter()
        self.weights: dict[FindingKind, float] = dict.fromkeys(KINDS, 0)
        self._normalizer = normalizer
        self._unknown: HeavyHitters[str] = HeavyHitters(capacity)

    def add(self, raw: str, weight: float = 1) -> Match | None:
        """Count one written form.

        Args:
            raw: the form as written.
            weight: how much it counts, 0 or more.

        Returns:
            What it means, or None where it is unknown.
        """
        match = self._normalizer.find(raw)
        kind = FindingKind.UNKNOWN if match is None else FindingKind.CANONICAL if match.exact else FindingKind.ALIAS
        self.seen[kind] += 1
        self.weights[kind] += weight
        if match is None:
            self._unknown.add(raw if len(raw) <= MAX_LENGTH else raw[:MAX_LENGTH] + "\N{HORIZONTAL ELLIPSIS}", weight)
        return match

    @property
    def exact(self) -> bool:
        """Whether every unknown form was told apart, so that the counts of unknown forms are exact."""
        return self._unknown.exact

    @property
    def distinct_unknown(self) -> int:
        """How many distinct unknown forms are told apart: all of them while exact, at least so many otherwise."""
        return len(self._unknown)

    def unknown_forms(self, number: int) -> list[UnknownForm]:
        """The most frequent unknown forms by weight, explained, the most frequent first."""
        forms = []
        for hitter in self._unknown.top(number):
            found = self._normalizer(hitter.key)
            assert isinstance(found, Unknown)
            forms.append(UnknownForm(found, hitter.count, hitter.at_least))
        return forms
