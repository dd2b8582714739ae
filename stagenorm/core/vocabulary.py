"""Term and Vocabulary: canonical values with order, labels and aliases, expanded into one finite table.

Everything that is accepted stands in that table; nothing else in stagenorm owns an alias.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stagenorm.core.folding import SEPARATOR, Reason, defect, fold, spell
from stagenorm.errors import VocabularyError

_LINE_CHARACTERS = frozenset("\t\n\v\f\r\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Term:
    """One canonical value.

    Attributes:
        value: the canonical string, exactly as hosts store it.
        label: how a person writes it; the value itself if empty.
        aliases: other written forms that mean the same, in any spelling that folds apart.

    Raises:
        VocabularyError: aliases is one string, whose letters would each be an alias.
    """

    value: str
    label: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.aliases, str):
            raise VocabularyError(f"term {self.value!a}: aliases is one string: write ({self.aliases!a},)")


class Vocabulary:
    """A closed, ordered set of canonical values and every folded form that means one of them.

    Args:
        name: what people call it, in messages and reports.
        terms: in their order, first to last.
        suffixes: words that may follow any form without changing its meaning ("round").

    Raises:
        VocabularyError: no terms, an empty or unprintable form, a value twice, two terms that claim one form, or
            suffixes that are one string, whose letters would each be a suffix.
    """

    def __init__(self, name: str, terms: Iterable[Term], *, suffixes: Iterable[str] = ()) -> None:
        if isinstance(suffixes, str):
            raise VocabularyError(f"vocabulary {name!r}: suffixes is one string: write ({suffixes!a},)")
        self.name = name
        self.terms = tuple(terms)
        self.suffixes = tuple(suffixes)
        if not self.terms:
            raise VocabularyError(f"vocabulary {name!r} has no terms: give at least one")
        self.values: tuple[str, ...] = tuple(term.value for term in self.terms)
        self._rank = {value: rank for rank, value in enumerate(self.values)}
        if len(self._rank) < len(self.values):
            twice = next(value for value in self.values if self.values.count(value) > 1)
            raise VocabularyError(f"vocabulary {name!r} holds the value {twice!r} twice: remove one")
        self.forms: Mapping[str, str] = MappingProxyType(self._expand(("",)))
        """Folded forms without suffixes, each with its value: what suggestions are drawn from."""
        self.table: Mapping[str, str] = MappingProxyType(self._expand(("", *self.suffixes)))
        """Every accepted folded form, each with its value."""

    def _expand(self, suffixes: tuple[str, ...]) -> dict[str, str]:
        table: dict[str, str] = {}
        for term in self.terms:
            for written in (term.value, term.label or term.value, *term.aliases):
                for suffix in suffixes:
                    form = self._fold(term, f"{written}{SEPARATOR}{suffix}" if suffix else written)
                    owner = table.setdefault(form, term.value)
                    if owner != term.value:
                        raise VocabularyError(
                            f"vocabulary {self.name!r}: {owner!r} and {term.value!r} both claim the form {form!r} "
                            f"(from {written!r}): remove it from one of them"
                        )
        return table

    def _fold(self, term: Term, written: str) -> str:
        # White space may stand in what clients write; a vocabulary is printed, a line a form.
        unprintable = next((ch for ch in written if ch in _LINE_CHARACTERS), None)
        found = (Reason.CONTROL, unprintable) if unprintable else defect(written)
        if found:
            reason, ch = found
            where = f" ({spell(ch)})" if ch else ""
            raise VocabularyError(
                f"vocabulary {self.name!r}, term {term.value!a}: the form {written!a} is refused as "
                f"{reason.value}{where}: write it with plain, visible letters"
            )
        return fold(written)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, value: object) -> bool:
        """Whether a value is canonical, to the letter."""
        return isinstance(value, str) and value in self._rank

    def __repr__(self) -> str:
        return f"<Vocabulary {self.name}: {', '.join(self.values)}>"

    def label(self, value: str) -> str:
        """How a person writes a canonical value. Raises VocabularyError for any other value."""
        return self.terms[self._position(value)].label or value

    def compare(self, left: str, right: str) -> int:
        """Order two canonical values: -1, 0 or 1 as left comes before, is, or comes after right.

        Raises:
            VocabularyError: one of them is not canonical.
        """
        first, second = self._position(left), self._position(right)
        return (first > second) - (first < second)

    def is_later(self, left: str, right: str) -> bool:
        """Whether left comes after right in the vocabulary's order. Raises VocabularyError as compare does."""
        return self.compare(left, right) > 0

    def _position(self, value: str) -> int:
        try:
            return self._rank[value]
        except KeyError:
            raise VocabularyError(
                f"{value!a} is not a canonical value of {self.name!r} ({', '.join(self.values)}): normalize it first"
            ) from None

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, over the ordered values, their labels and the whole table: what a review signs."""
        lines = [f"{term.value}\t{term.label}" for term in self.terms]
        lines += [f"{form}\t{value}" for form, value in sorted(self.table.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
