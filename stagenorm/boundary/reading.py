"""What reading one part of a request yields, and how one declared field judges a value.

``Slot`` is the only place where the boundary asks a normalizer; ``Reading`` is what json_body, parameters and the
path reader all return.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import AnyStr

from stagenorm.boundary.fields import Field
from stagenorm.core.normalizer import Match, Normalizer, Unknown
from stagenorm.events import Finding, FindingKind

MAX_FINDINGS = 100
"""Findings kept of one part of a request; beyond it they are only counted, so that no body makes a larger answer."""


class Slot:
    """A declared field bound to the normalizer that judges its values.

    Args:
        declared: the field.
        normalizer: of the field's own vocabulary, or of the boundary's.
    """

    __slots__ = ("_allowed", "canonical", "declared", "find", "label", "normalizer", "required", "spelled")

    def __init__(self, declared: Field, normalizer: Normalizer) -> None:
        self.declared = declared
        self.normalizer = normalizer
        self.label = declared.label
        self.required = bool(getattr(declared, "required", False))
        self.canonical = frozenset(normalizer.vocabulary.values)
        self._allowed = normalizer.vocabulary.values
        self.spelled = {value: json.dumps(value, ensure_ascii=False).encode() for value in self.canonical}
        self.find: Callable[[str], Match | None] = normalizer.find

    def alias(self, where: str, raw: str) -> Finding:
        """The finding for a form that is not canonical but means a canonical value."""
        return Finding(FindingKind.ALIAS, self.label, where, raw, "the value is an alias", (), self._allowed)

    def unknown(self, where: str, raw: str) -> Finding:
        """The finding for a value that the vocabulary does not hold, explained."""
        found = self.normalizer(raw)
        assert isinstance(found, Unknown)
        return Finding(FindingKind.UNKNOWN, self.label, where, raw, found.explanation, found.suggestions, self._allowed)

    def unreadable(self, where: str, detail: str, raw: object = None) -> Finding:
        """The finding for a place where readers would differ or no value can be."""
        return Finding(FindingKind.UNREADABLE, self.label, where, raw, detail, (), self._allowed)


def splice(text: AnyStr, edits: Iterable[tuple[int, int, AnyStr]]) -> AnyStr:
    """A text with spans (start, end, replacement), in order and apart from each other, replaced."""
    pieces: list[AnyStr] = []
    at = 0
    for start, end, replacement in edits:
        pieces += [text[at:start], replacement]
        at = end
    pieces.append(text[at:])
    return text[:0].join(pieces)


class Reading:
    """What one part of a request holds.

    Args:
        canonical: how many canonical values were found so far.

    Attributes:
        canonical: how many canonical values there are.
        counts: how many findings there are of each other kind.
        findings: the first of those, at most MAX_FINDINGS.
        rewrite: makes the part anew with every alias replaced and all else as it was; None if there is none.
    """

    __slots__ = ("_allowed", "canonical", "counts", "findings", "rewrite")

    def __init__(self, canonical: int = 0) -> None:
        self.canonical = canonical
        self.counts: dict[FindingKind, int] = {}
        self.findings: list[Finding] = []
        self.rewrite: Callable[[], bytes] | None = None

    def add(self, finding: Finding, times: int = 1) -> None:
        """Count a finding that is not canonical, and keep it while there is room."""
        self._count(finding.kind, times)
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)

    def add_unknown(self, slot: Slot, where: str, raw: str) -> None:
        """Count an unknown value, and explain it while there is room: explaining costs more than finding."""
        if len(self.findings) < MAX_FINDINGS:
            self.add(slot.unknown(where, raw))
        else:
            self._count(FindingKind.UNKNOWN, 1)

    def _count(self, kind: FindingKind, times: int) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + times

    @classmethod
    def of(cls, finding: Finding) -> Reading:
        """A reading with one finding."""
        reading = cls()
        reading.add(finding)
        return reading
