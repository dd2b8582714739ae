"""Vocabularies: one finite table, its order, and what cannot be one."""

import pytest

from stagenorm import INVESTMENT_STAGES, Term, Vocabulary, VocabularyError

SIDES = Vocabulary(
    "sides", [Term("left", "Left hand", aliases=("L", "sinistra")), Term("right")], suffixes=("side", "x y")
)


def test_values_keep_their_order():
    assert SIDES.values == ("left", "right")
    assert list(SIDES) == ["left", "right"]
    assert len(SIDES) == 2
    assert repr(SIDES) == "<Vocabulary sides: left, right>"


def test_membership_is_to_the_letter():
    assert "left" in SIDES
    assert "Left" not in SIDES
    assert "left-hand" not in SIDES
    assert 1 not in SIDES
    assert None not in SIDES


def test_labels():
    assert SIDES.label("left") == "Left hand"
    assert SIDES.label("right") == "right"


def test_order():
    assert [SIDES.compare(*pair) for pair in (("left", "right"), ("right", "left"), ("left", "left"))] == [-1, 1, 0]
    assert SIDES.is_later("right", "left")
    assert not SIDES.is_later("left", "left")
    assert not SIDES.is_later("left", "right")


@pytest.mark.parametrize("ask", [SIDES.label, lambda x: SIDES.compare(x, "left"), lambda x: SIDES.is_later("left", x)])
def test_only_canonical_values_have_a_place(ask):
    with pytest.raises(
        VocabularyError, match=r"'Left' is not a canonical value of 'sides' \(left, right\): normalize it"
    ):
        ask("Left")


def test_the_table_holds_every_form_with_every_suffix_and_no_other():
    left = {"left", "left-hand", "l", "sinistra"}
    forms = dict.fromkeys(left, "left") | {"right": "right"}
    assert dict(SIDES.forms) == forms
    assert dict(SIDES.table) == {
        f"{form}{suffix}": value for form, value in forms.items() for suffix in ("", "-side", "-x-y")
    }


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        SIDES.table["x"] = "left"
    with pytest.raises(TypeError):
        SIDES.forms["x"] = "left"


def test_a_form_may_be_given_twice_for_one_term():
    assert set(Vocabulary("v", [Term("a", "A", aliases=("a", "\uff21"))]).table) == {"a"}


def test_terms_and_suffixes_may_come_from_any_iterable():
    made = Vocabulary("v", (Term(value) for value in "ab"), suffixes=(word for word in ["x"]))
    assert made.values == ("a", "b")
    assert set(made.table) == {"a", "a-x", "b", "b-x"}
    assert made.terms == (Term("a"), Term("b"))


@pytest.mark.parametrize(
    ("terms", "suffixes", "message"),
    [
        ([], (), "vocabulary 'v' has no terms: give at least one"),
        ([Term("a"), Term("b"), Term("a")], (), "vocabulary 'v' holds the value 'a' twice: remove one"),
        ([Term("a"), Term("b"), Term("b")], (), "vocabulary 'v' holds the value 'b' twice: remove one"),
        ([Term("a"), Term("A")], (), r"'a' and 'A' both claim the form 'a' \(from 'A'\): remove it from one of them"),
        ([Term("a", "x"), Term("b", "X")], (), r"'a' and 'b' both claim the form 'x' \(from 'X'\)"),
        ([Term("a"), Term("b", aliases=("\uff41",))], (), "'a' and 'b' both claim the form 'a'"),
        ([Term("a"), Term("a-round")], ("round",), "'a' and 'a-round' both claim the form 'a-round'"),
        ([Term("")], (), "term '': the form '' is refused as empty: write it with plain, visible letters"),
        ([Term("a", aliases=(" ",))], (), "term 'a': the form ' ' is refused as empty"),
        ([Term("-")], (), "refused as null-like"),
        ([Term("x" * 257)], (), "refused as too-long"),
        ([Term("s\u0435ed")], (), r"'s\\u0435ed' is refused as lookalike-letter \(U\+0435 CYRILLIC SMALL LETTER IE\)"),
        ([Term("a", "b\u200b")], (), r"invisible-character \(U\+200B ZERO WIDTH SPACE\)"),
        ([Term("a\x00")], (), "refused as control-character"),
        ([Term("a\tb")], (), r"refused as control-character \(U\+0009 \(unnamed\)\)"),
        ([Term("a", "b\n")], (), "refused as control-character"),
        ([Term("a", aliases=("b\u2028c",))], (), r"control-character \(U\+2028 LINE SEPARATOR\)"),
        ([Term("a")], ("x\u202e",), "refused as bidirectional-character"),
        ([Term("a")], "round", r"vocabulary 'v': suffixes is one string: write \('round',\)"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused_when_it_is_built(terms, suffixes, message):
    with pytest.raises(VocabularyError, match=message):
        Vocabulary("v", terms, suffixes=suffixes)


def test_aliases_that_are_one_string_are_refused():
    with pytest.raises(VocabularyError, match=r"term 'seed': aliases is one string: write \('sd',\)"):
        Term("seed", aliases="sd")


def test_the_fingerprint_tells_everything_that_a_review_signs():
    made = [
        Vocabulary("v", [Term("a"), Term("b")]),
        Vocabulary("v", [Term("b"), Term("a")]),
        Vocabulary("v", [Term("a", "x"), Term("b")]),
        Vocabulary("v", [Term("a", aliases=("x",)), Term("b")]),
        Vocabulary("v", [Term("a"), Term("b")], suffixes=("x",)),
        Vocabulary("v", [Term("a"), Term("b", aliases=("x",))]),
    ]
    assert len({vocabulary.fingerprint for vocabulary in made}) == len(made)
    assert made[0].fingerprint == Vocabulary("another name", [Term("a"), Term("b")]).fingerprint
    assert len(made[0].fingerprint) == 64
    assert int(made[0].fingerprint, 16)


def test_the_built_in_vocabulary():
    assert INVESTMENT_STAGES.values == ("pre-seed", "seed", "series-a", "series-b", "series-c", "series-c+")
    assert INVESTMENT_STAGES.label("series-c+") == "Series C+"
    assert INVESTMENT_STAGES.is_later("series-c+", "series-c")
    assert len(INVESTMENT_STAGES.table) == 55, "six values and five run-together forms, each with five endings"
