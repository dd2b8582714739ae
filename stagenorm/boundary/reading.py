"""What reading one part of a request yields, and how one declared field judges a value.

``Slot`` is the only place where the boundary asks a normalizer; ``Reading`` is what the readers of all parts return.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from stagenorm.boundary.fields import Field
from stagenorm.core.folding import defect, fold
from stagenorm.core.normalizer import Normalizer, Unknown
from stagenorm.events import Finding, FindingKind

MAX_FINDINGS = 100
"""Findings of one kind kept of one part; beyond it they are only counted, so that no body makes a larger answer."""

_REMEMBERED = 1024
_ALIAS = FindingKind.ALIAS  # looked up once: before Python 3.12 that is slow
AN_ALIAS = "the value is an alias"


class Slot:
    """A declared field bound to the normalizer that judges its values.

    Args:
        declared: the field.
        normalizer: of the field's own vocabulary, or of the boundary's.

    Attributes:
        label: how notices, problems and events name the field.
        required: whether its absence is a finding.
        find: looks a form up: a Match, or None.
        canonical: the canonical values.
        spelled: the canonical values as JSON strings.
    """

    __slots__ = ("_respelled", "canonical", "declared", "find", "label", "normalizer", "required", "spelled")

    def __init__(self, declared: Field, normalizer: Normalizer) -> None:
        self.declared = declared
        self.normalizer = normalizer
        self.label = declared.label
        self.required = bool(getattr(declared, "required", False))
        self.find = normalizer.find
        self.canonical = frozenset(normalizer.vocabulary.values)
        self._respelled: dict[str, tuple[bytes, bytes]] = {}  # seen before; bounded, so that no client grows it
        self.spelled = {value: json.dumps(value, ensure_ascii=False).encode() for value in self.canonical}

    def respelled(self, raw: str) -> tuple[bytes, bytes] | None:
        """An alias as it stands in a JSON body without backslashes, and what stands there instead.

        None if it is no alias, or if its bytes might stand in a body otherwise than as a string.
        """
        known = self._respelled.get(raw)
        if known is None:
            match = self.find(raw)
            if match is None or not countable(raw):
                return None
            known = spelled(raw), self.spelled[match.value]
            if len(self._respelled) < _REMEMBERED:
                self._respelled[raw] = known
        return known

    def explain(self, kind: FindingKind, where: str, raw: object, detail: str) -> Finding:
        """A finding in full, with suggestions for an unknown value."""
        allowed = self.normalizer.vocabulary.values
        found = self.normalizer(raw) if kind is FindingKind.UNKNOWN else None
        if isinstance(found, Unknown):
            return Finding(kind, self.label, where, raw, found.explanation, found.suggestions, allowed)
        return Finding(kind, self.label, where, raw, detail, (), allowed)


def countable(text: str) -> bool:
    """Whether a text can only stand in a JSON document as a string, so that its bytes may be counted."""
    return "," not in text and ":" not in text


def spelled(text: str) -> bytes:
    """A string as it stands in a JSON body without backslashes."""
    return b'"%s"' % text.encode()


Aliases = Mapping[tuple[str, str], str]
"""Temporary aliases that count now: pairs of a vocabulary's name and a folded form, each with its canonical value."""

NO_ALIASES: Aliases = MappingProxyType({})


class Reading:
    """What one part of a request holds.

    Args:
        canonical: how many canonical values were found so far.
        aliases: temporary aliases to judge by, beside the vocabularies.

    Attributes:
        canonical: how many canonical values there are.
        counts: how many findings there are of each other kind.
        rewrite: makes the part anew with every alias replaced and all else as it was; None if there is none.
    """

    __slots__ = ("_aliases", "_noted", "canonical", "counts", "rewrite")

    def __init__(self, canonical: int = 0, aliases: Aliases = NO_ALIASES) -> None:
        self.canonical = canonical
        self._aliases = aliases
        self.counts: dict[FindingKind, int] = {}
        self.rewrite: Callable[[], bytes] | None = None
        self._noted: list[tuple[FindingKind, Slot | str, str, object, str]] = []

    def add(  # noqa: PLR0917 - by position it is called faster
        self,
        kind: FindingKind,
        of: Slot | str,
        where: str = "",
        raw: object = None,
        detail: str = "",
        times: int = 1,
    ) -> None:
        """Count a finding that is not canonical, and note it while there is room for its kind.

        Args:
            kind: what it is.
            of: the field, or the name of the part that concerns every field in it.
            where: JSON pointer, parameter name, or empty.
            raw: the value as the client wrote it.
            detail: why, where the field's normalizer does not say it.
            times: how often it was found.
        """
        before = self.counts.get(kind, 0)
        self.counts[kind] = before + times
        if before < MAX_FINDINGS:
            self._noted.append((kind, of, where, raw, detail))

    def judge(self, slot: Slot, where: str, raw: str, *, times: int = 1) -> str | None:
        """Look one value up and count what it is; returns the canonical value of an alias, to be put in its place."""
        value = self.meaning(slot, raw)
        if value is None:
            self.add(FindingKind.UNKNOWN, slot, where, raw, times=times)
        elif value == raw:
            self.canonical += times
        else:
            self.add(FindingKind.ALIAS, slot, where, raw, detail=AN_ALIAS, times=times)
            return value
        return None

    def meaning(self, slot: Slot, raw: str) -> str | None:
        """The canonical value that a form has now, by the vocabulary or by a temporary alias; None if it has none."""
        match = slot.find(raw)
        if match is not None:
            return match.value
        if not self._aliases or defect(raw):
            return None
        value = self._aliases.get((slot.normalizer.vocabulary.name, fold(raw)))
        return value if value in slot.canonical else None  # what is stored may be of another version

    def labels(self, kind: FindingKind) -> list[str]:
        """The distinct fields with findings of a kind."""
        return list(
            dict.fromkeys(of if isinstance(of, str) else of.label for noted, of, *_ in self._noted if noted is kind)
        )

    def findings(self) -> list[Finding]:
        """The noted findings, explained. Explaining costs more than finding, so it is left to who asks."""
        return [
            Finding(kind, of, where, raw, detail) if isinstance(of, str) else of.explain(kind, where, raw, detail)
            for kind, of, where, raw, detail in self._noted
        ]

    def sealed(self) -> Reading:
        """The same reading where nothing may be rewritten: an alias is then a finding of its own kind."""
        detail = f"{AN_ALIAS}, and a digest or signature forbids rewriting it: send a canonical value"
        sealed = Reading(self.canonical)
        for kind, of, where, raw, why in self._noted:
            is_alias = kind is FindingKind.ALIAS
            sealed._noted.append(
                (FindingKind.SEALED_ALIAS, of, where, raw, detail) if is_alias else (kind, of, where, raw, why)
            )
        sealed.counts = {
            FindingKind.SEALED_ALIAS if kind is FindingKind.ALIAS else kind: times
            for kind, times in self.counts.items()
        }
        return sealed

    @classmethod
    def of_aliases(cls, aliases: Sequence[tuple[Slot, str]], times: int, canonical: int, rewritten: bytes) -> Reading:
        """A reading in which all that is not canonical are aliases.

        Args:
            aliases: each distinct one with its field, MAX_FINDINGS at most.
            times: how many values are aliases.
            canonical: how many are canonical.
            rewritten: the part with all aliases replaced.
        """
        reading = cls(canonical)
        reading.counts[_ALIAS] = times
        reading._noted = [(_ALIAS, slot, "", raw, AN_ALIAS) for slot, raw in aliases]
        reading.rewrite = lambda: rewritten
        return reading

    @classmethod
    def of(cls, kind: FindingKind, part: str, detail: str) -> Reading:
        """A reading with one finding that concerns a whole part."""
        reading = cls()
        reading.add(kind, part, detail=detail)
        return reading
