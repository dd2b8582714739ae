"""Strategies for single values: forms that a vocabulary holds, and strings and other values that it must refuse."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import cycle

from hypothesis import strategies as st

from stagenorm.core.folding import MAX_LENGTH, fold
from stagenorm.core.vocabulary import Term, Vocabulary

# Ways to write one separator. Listed here once more on purpose: a test that took them from the folding could not see
# one go missing there.
_SEPARATORS = (
    " ",
    "-",
    "_",
    "  ",
    " - ",
    "__",
    "\t",
    "\xa0",
    "\u2010",
    "\u2011",
    "\u2013",
    "\u2014",
    "\u2212",
    "\u3000",
)
_ENDS = ("", "", "", " ", "\t", "\n", "-", "_", "\u2003")
_WORDS = re.compile(r"([\s_-]+)")
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_SWAPPED = {ord(ch): ch.swapcase() for ch in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
_UPPER = {code: ch for code, ch in _SWAPPED.items() if ch.isupper()}
_LETTERS: tuple[dict[int, int] | dict[int, str], ...] = ({}, _SWAPPED, _UPPER, _FULL_WIDTH)
_SEEDS = st.lists(st.integers(0, 1000), min_size=1, max_size=6)

_LISTS = (", ", ",", "/", " - ", " / ", ";", " | ", " and ", " to ", "&")
_AFFIXES = (
    "early {}",
    "post-{}",
    "pre-{}",
    "{}+",
    "{} 2",
    "{} stage",
    "{}?",
    "({})",
    "{}.",
    "late {} extension",
    "#{}",
)
_FOREIGN = ("growth", "Series D", "series-b+", "Pre-Series A", "angel", "bridge", "IPO", "a", "grant", "mezzanine", "0")

_LOOKALIKES = {"a": "\u0430", "c": "\u0441", "e": "\u0435", "i": "\u0456", "o": "\u043e", "p": "\u0440", "s": "\u0455"}
_UNSEEN = (
    *("\u200b", "\u200d", "\ufeff", "\xad", "\u2060", "\u3164", "\ufe0f"),  # invisible
    *("\u202e", "\u200f", "\u2066", "\u061c"),  # bidirectional
    *("\x00", "\x07", "\x1b", "\x1f", "\x7f", "\x9f"),  # control characters
    *("\ud800", "\udbff", "\udc00", "\udfff"),  # lone surrogates
)
_NULL_LIKES = ("", " ", "N/A", "none", "null", "-", "\n", "NaN", "unknown", "undefined", "?", "n.a.")
_NOT_STRINGS: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.just([]),
    st.just({}),
)

# A strategy is checked and measured when it is first drawn from, so one a vocabulary is built once.
_once = lru_cache(maxsize=256)


@_once
def canonical(vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    """Canonical values, to the letter."""
    return st.sampled_from(vocabulary.values)


@_once
def aliases(vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    """Written forms that mean a canonical value and are none to the letter.

    They differ from what the vocabulary declares (values, labels, aliases, each with every suffix) in case, width,
    separators and white space at the ends.
    """
    return st.sampled_from(vocabulary.terms).flatmap(lambda term: aliases_of(vocabulary, term))


@_once
def aliases_of(vocabulary: Vocabulary, term: Term) -> st.SearchStrategy[str]:
    """Written forms as of ``aliases``, that mean one term."""
    declared = [term.label or term.value, *term.aliases, term.value]
    forms = [
        f"{written} {suffix}" if suffix else written for suffix in ("", *vocabulary.suffixes) for written in declared
    ]
    spelled = st.builds(_respelled, st.sampled_from(forms), _SEEDS, st.sampled_from(_ENDS), st.sampled_from(_ENDS))
    return spelled.map(lambda text: f"{text} " if text in vocabulary else text)


def _respelled(form: str, choices: list[int], before: str, after: str) -> str:
    """A form in other letters and separators. Of letters only ASCII ones change, so that it folds back for sure."""
    chosen = cycle(choices)
    words = _WORDS.split(form)
    words[0::2] = [word.translate(_LETTERS[next(chosen) % len(_LETTERS)]) for word in words[0::2]]
    separators = _SEPARATORS if len(form) < MAX_LENGTH // 3 else "-_ "  # a long form has no room for longer ones
    words[1::2] = [separators[next(chosen) % len(separators)] for _ in words[1::2]]
    return before + "".join(words) + after


@_once
def unknowns(vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    """Plausible strings outside the vocabulary: other values, near misses, parts of forms, and lists of forms."""
    forms = _forms(vocabulary)
    candidates = st.one_of(
        st.sampled_from(_FOREIGN),
        forms.flatmap(_near_misses),
        forms.flatmap(_parts),
        st.builds("{}{}{}".format, forms, st.sampled_from(_LISTS), forms),
        st.builds(str.format, st.sampled_from(_AFFIXES), forms),
        st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12),
    )
    return candidates.filter(lambda text: fold(text) not in vocabulary.table)


@_once
def hostile_values(vocabulary: Vocabulary) -> st.SearchStrategy[object]:
    """Values made to slip through: strings as of ``hostile_strings``, and what JSON holds in place of a string."""
    return st.one_of(hostile_strings(vocabulary), _NOT_STRINGS)


@_once
def hostile_strings(vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    """Strings that look or decode like a form and must be refused.

    Look-alike letters of another script, invisible, bidirectional and control characters, lone surrogates, forms that
    are too long, and the ways people write that there is no value.
    """
    forms = _forms(vocabulary)
    candidates = st.one_of(
        st.builds(_with_lookalike, forms, st.sampled_from(sorted(_LOOKALIKES))),
        st.builds(_inserted, forms, st.integers(0, MAX_LENGTH), st.sampled_from(_UNSEEN)),
        st.sampled_from(_NULL_LIKES),
        st.builds(lambda form, gap: form + gap * (MAX_LENGTH + 1), forms, st.sampled_from((" ", "-", "x", "\xa0"))),
    )
    return candidates.filter(lambda text: len(text) > MAX_LENGTH or fold(text) not in vocabulary.table)


def _forms(vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    labels = [term.label or term.value for term in vocabulary.terms]
    return st.sampled_from([*vocabulary.values, *labels, *vocabulary.table])


def _near_misses(form: str) -> st.SearchStrategy[str]:
    """One typing error away: a letter left out, typed twice, typed wrongly, or two in the wrong order."""
    at = st.integers(0, len(form) - 1)
    return st.one_of(
        at.map(lambda i: form[:i] + form[i + 1 :]),
        at.map(lambda i: form[:i] + form[i] + form[i:]),
        st.builds(lambda i, ch: form[:i] + ch + form[i + 1 :], at, st.sampled_from("aeinorst+1")),
        at.map(lambda i: form[:i] + form[i + 1 : i + 2] + form[i] + form[i + 2 :]),
    )


def _parts(form: str) -> st.SearchStrategy[str]:
    return st.integers(1, len(form)).flatmap(lambda i: st.sampled_from((form[:i], form[-i:])))


def _with_lookalike(form: str, letter: str) -> str:
    """A form in which one letter (the given one if it is there) is of another script."""
    found = letter if letter in form else next((ch for ch in form if ch in _LOOKALIKES), "")
    return form.replace(found, _LOOKALIKES[found], 1) if found else f"{form}\u0430"


def _inserted(form: str, at: int, unseen: str) -> str:
    at %= len(form) + 1
    return form[:at] + unseen + form[at:]
