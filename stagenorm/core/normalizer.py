"""Normalizer: a raw value in, a Match or an Unknown out, never a default.

Only lookup and the explanation of a refusal live here; what is accepted is the vocabulary's table.
"""

from __future__ import annotations

from dataclasses import dataclass

from stagenorm.core.folding import (
    MAX_LENGTH,
    SEPARATOR,
    Reason,
    defect,
    fold,
    is_null_like,
    is_too_long,
    latin_skeleton,
    spell,
)
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.errors import UnknownValueError

_MAX_SUGGESTIONS = 3
_MEMO_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Match:
    """A written form that the vocabulary holds.

    Attributes:
        value: the canonical value.
        raw: the form as it was written.
        exact: whether raw is the canonical value to the letter.
    """

    value: str
    raw: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the vocabulary does not hold.

    Attributes:
        raw: the value as it came, of any type.
        reason: why it is refused.
        suggestions: at most three canonical values that a typing error could have meant. Never an answer.
    """

    raw: object
    reason: Reason
    suggestions: tuple[str, ...] = ()

    @property
    def explanation(self) -> str:
        """The reason as a sentence in ASCII without its full stop; the value is cut to 64 characters."""
        return _explain(self)


class Normalizer:
    """Looks written forms up in a vocabulary's table. Safe to share between threads.

    Args:
        vocabulary: the closed set to look in.
    """

    __slots__ = ("_memo", "vocabulary")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        # Spellings seen before, hits only. Bounded, so that a client cannot grow it.
        self._memo: dict[object, Match] = {value: Match(value, value, exact=True) for value in vocabulary}

    def __call__(self, raw: object) -> Match | Unknown:
        """Look one value up; any object may be passed, and nothing is raised."""
        try:
            return self._memo[raw]
        except (KeyError, TypeError):  # TypeError: an unhashable container
            if isinstance(raw, str):
                return self.find(raw) or self._refuse(raw)
            return Unknown(raw, Reason.NOT_A_STRING)

    def find(self, raw: str) -> Match | None:
        """Look a string up without explaining a miss: what a caller with many values and few explanations wants."""
        match = self._memo.get(raw)
        if match is None and not is_too_long(raw):
            value = self.vocabulary.table.get(fold(raw))
            if value is not None:
                match = Match(value, raw, exact=False)
                if len(self._memo) < _MEMO_SIZE:
                    self._memo[raw] = match
        return match

    def canonical(self, raw: object) -> str:
        """The canonical value of a written form.

        Raises:
            UnknownValueError: the vocabulary does not hold it; the error carries reason and suggestions.
        """
        found = self(raw)
        if isinstance(found, Unknown):
            raise UnknownValueError(found, self.vocabulary.values)
        return found.value

    def _refuse(self, raw: str) -> Unknown:
        found = defect(raw)
        if found is None:
            folded = fold(raw)
            if is_null_like(folded):
                return Unknown(raw, Reason.NULL_LIKE)
            return Unknown(raw, Reason.NOT_IN_VOCABULARY, self._suggest(folded))
        reason = found[0]
        if reason is Reason.LOOKALIKE:
            return Unknown(raw, reason, self._suggest(latin_skeleton(fold(raw))))
        return Unknown(raw, reason)

    def _suggest(self, folded: str) -> tuple[str, ...]:
        """Canonical values whose forms are a typing error away, nearest first."""
        initials = _short_words(folded)
        nearest: dict[str, int] = {}
        for form, value in self.vocabulary.forms.items():
            limit = max(1, len(form) // 4)
            # A short word is the whole meaning ("series d" is no misspelt "series a"), so it must stand as it is.
            if abs(len(form) - len(folded)) <= limit and _short_words(form) == initials:
                distance = _edit_distance(folded, form)
                if distance <= min(limit, nearest.get(value, limit)):
                    nearest[value] = distance
        return tuple(sorted(nearest, key=nearest.__getitem__)[:_MAX_SUGGESTIONS])


def _short_words(folded: str) -> list[str]:
    return [word for word in folded.split(SEPARATOR) if len(word) <= 2]


def _edit_distance(left: str, right: str) -> int:
    """Levenshtein's distance in code points."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def _explain(unknown: Unknown) -> str:
    raw, reason = unknown.raw, unknown.reason
    if not isinstance(raw, str):
        return f"a value of type {type(raw).__name__} stands where a string belongs"
    shown = ascii(raw if len(raw) <= 64 else raw[:63] + "\N{HORIZONTAL ELLIPSIS}")
    found = defect(raw)
    part = spell(found[1]) if found and found[1] else ""
    return {
        Reason.EMPTY: "the value is empty",
        Reason.NULL_LIKE: f"{shown} says that there is no value",
        Reason.TOO_LONG: f"the value has more than {MAX_LENGTH} characters",
        Reason.SURROGATE: f"{shown} holds a lone surrogate ({part})",
        Reason.CONTROL: f"{shown} holds a control character ({part})",
        Reason.BIDIRECTIONAL: f"{shown} holds a bidirectional control character ({part})",
        Reason.INVISIBLE: f"{shown} holds an invisible character ({part})",
        Reason.LOOKALIKE: f"{shown} holds a letter of another script that looks Latin ({part})",
    }.get(reason, f"{shown} is not in the vocabulary")
