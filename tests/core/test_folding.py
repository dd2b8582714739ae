"""Folding: which spellings are one form, and which texts are unfit to be one."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stagenorm.core.folding import MAX_LENGTH, Reason, defect, fold, is_null_like, latin_skeleton, spell

EVERY_CODE_POINT = range(sys.maxunicode + 1)
ANY_TEXT = st.text(st.characters(), max_size=40)  # surrogates too


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("seed", "seed"),
        ("Series A", "series-a"),
        ("SERIES_A", "series-a"),
        ("series--a", "series-a"),
        ("  series - _ a\n", "series-a"),
        ("series\u2013a", "series-a"),
        ("series\u3000a", "series-a"),
        ("\uff33eries\u00a0\uff21", "series-a"),
        ("Series C+", "series-c+"),
        ("+", "+"),
        ("series c\uff0b", "series-c+"),
        ("Stra\u00dfe", "strasse"),
        ("\u212aing", "king"),
        ("\ufb01rst", "first"),
        ("A.B/C", "a.b/c"),
        ("", ""),
        (" -_ ", ""),
    ],
)
def test_spellings_fold_to_one_form(written, folded):
    assert fold(written) == folded


def test_folding_is_idempotent_for_every_code_point():
    for code in EVERY_CODE_POINT:
        for text in (chr(code), f"a{chr(code)}b"):
            once = fold(text)
            assert fold(once) == once, ascii(text)


@given(ANY_TEXT)
@example("\u0345\u0301")  # one pass of NFKC and casefold is not idempotent on these
@example("\u1fc3\u0301\u0345")
@example("\u03d2\u0301")
@example("\u00c5\u0323")
def test_folding_is_idempotent(text):
    once = fold(text)
    assert fold(once) == once


@given(ANY_TEXT)
def test_a_folded_form_has_single_separators_inside_and_none_at_its_ends(text):
    folded = fold(text)
    assert "--" not in folded
    assert folded.strip("- _") == folded
    assert not any(ch.isspace() and ch > "\x1f" for ch in folded)


@given(ANY_TEXT, st.sampled_from(" -_\t\u2003\u2014"))
def test_case_width_and_separators_do_not_matter(text, separator):
    assert fold(f"{separator}{text}{separator * 2}") == fold(text)
    assert fold(text.casefold()) == fold(text)
    assert fold(unicodedata.normalize("NFKC", text)) == fold(text)
    assert fold(f"a{separator}b") == "a-b"


def test_white_space_and_dashes_separate_and_nothing_else_does():
    spaces = {chr(code) for code in EVERY_CODE_POINT if chr(code).isspace()} - set("\x1c\x1d\x1e\x1f")
    dashes = {chr(code) for code in EVERY_CODE_POINT if unicodedata.category(chr(code)) == "Pd"}
    others = set("_\u2212\u2053\uff3f\ufe33\ufe34\ufe4d\ufe4e\ufe4f\u207b\u208b")
    found = {chr(code) for code in EVERY_CODE_POINT if fold(f"a{chr(code)}b") == "a-b"}
    # The dashes of a newer Unicode than this Python's are separators here already.
    assert spaces | dashes <= found
    assert {ch for ch in found - spaces - dashes if unicodedata.category(ch) != "Cn"} <= others


def test_plus_is_a_letter():
    assert fold("a+b") == "a+b"
    assert fold("a +") == "a-+"


@pytest.mark.parametrize(
    ("text", "reason", "part"),
    [
        ("", Reason.EMPTY, ""),
        (" \t\u3000", Reason.EMPTY, ""),
        ("-", Reason.NULL_LIKE, ""),
        (" \u2014 _", Reason.NULL_LIKE, ""),
        ("x" * 257, Reason.TOO_LONG, ""),
        ("\u3316" * 60, Reason.TOO_LONG, ""),
        ("\ufdfa" * 15, Reason.TOO_LONG, ""),
        ("a\ud800b", Reason.SURROGATE, "\ud800"),
        ("a\udfff", Reason.SURROGATE, "\udfff"),
        ("a\x00", Reason.CONTROL, "\x00"),
        ("a\x1c", Reason.CONTROL, "\x1c"),
        ("a\x7f", Reason.CONTROL, "\x7f"),
        ("a\x80", Reason.CONTROL, "\x80"),
        ("a\u202eb", Reason.BIDIRECTIONAL, "\u202e"),
        ("a\u200fb", Reason.BIDIRECTIONAL, "\u200f"),
        ("a\u2069b", Reason.BIDIRECTIONAL, "\u2069"),
        ("a\u061cb", Reason.BIDIRECTIONAL, "\u061c"),
        ("a\u200bb", Reason.INVISIBLE, "\u200b"),
        ("a\xadb", Reason.INVISIBLE, "\xad"),
        ("\ufeffa", Reason.INVISIBLE, "\ufeff"),
        ("a\ufe0f", Reason.INVISIBLE, "\ufe0f"),
        ("a\u3164", Reason.INVISIBLE, "\u3164"),
        ("a\u034f", Reason.INVISIBLE, "\u034f"),
        ("a\U000e0100", Reason.INVISIBLE, "\U000e0100"),
        ("s\u0435ed", Reason.LOOKALIKE, "\u0435"),
        ("\u0405eed", Reason.LOOKALIKE, "\u0455"),
        ("se\u03b5d", Reason.LOOKALIKE, "\u03b5"),
    ],
)
def test_what_is_unfit_is_named(text, reason, part):
    assert defect(text) == (reason, part)


@pytest.mark.parametrize(
    "text",
    [
        *("seed", "Series\tA", "a\n", "a\x85b", "x" * 256, "x" * 240 + " " * 16, "\u3316" * 42, "\ufdfa" * 14),
        *("\u043f\u043e\u0441\u0435\u0432", "n/a", "\u30b7\u30fc\u30c9", "?", "\u00e9", "\u03a9"),
    ],
)
def test_what_is_fit_is_not(text):
    assert defect(text) is None


def test_every_lookalike_imitates_the_letters_of_its_place():
    # One for each Latin letter that some other script imitates.
    forms = {
        "\u0430": "a",
        "\u03bf": "o",
        "\u0455": "s",
        "\u0501": "d",
        "\u0261": "\u0261",
        "\u057d": "u",
        "\u13df": "c",
    }
    for letter, imitated in forms.items():
        assert latin_skeleton(letter) == imitated
    assert latin_skeleton("seed") == "seed"


def test_no_ascii_text_is_a_lookalike_and_no_lookalike_folds_to_ascii():
    for code in EVERY_CODE_POINT:
        found = defect(chr(code))
        if found and found[0] is Reason.LOOKALIKE:
            assert not fold(chr(code)).isascii()
            assert latin_skeleton(fold(chr(code))).isascii()


@given(ANY_TEXT)
def test_a_defect_is_told_of_any_text(text):
    found = defect(text)
    if found:
        assert found[0] in Reason
        assert spell(found[1]).isascii() if found[1] else True
    else:
        assert len(fold(text)) > 0
        assert len(text) <= MAX_LENGTH


@pytest.mark.parametrize("text", ["n/a", "none", "null", "nan", "unknown", "?", "tbd"])
def test_null_likes(text):
    assert is_null_like(text)
    assert not is_null_like(f"{text}x")


def test_characters_are_spelled_in_ascii():
    assert spell("\u200b") == "U+200B ZERO WIDTH SPACE"
    assert spell("\x00") == "U+0000 (unnamed)"
    assert spell("\U0001f600") == "U+1F600 GRINNING FACE"
