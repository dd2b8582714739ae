"""Normalizer: a Match or an Unknown, never a default."""

import csv
import enum
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm import INVESTMENT_STAGES, Match, Normalizer, Term, Unknown, UnknownValueError, Vocabulary
from stagenorm.core.folding import MAX_LENGTH, Reason, fold
from stagenorm.testing import aliases, unknowns

normalize = Normalizer(INVESTMENT_STAGES)


@pytest.mark.parametrize("value", INVESTMENT_STAGES.values)
def test_a_canonical_value_is_exact(value):
    assert normalize(value) == Match(value, value, exact=True)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("Seed", "seed"),
        ("PRE SEED", "pre-seed"),
        ("preseed", "pre-seed"),
        ("Series A Funding Round", "series-a"),
        ("seriesa_round", "series-a"),
        (" series  c ", "series-c"),
        ("Series C+", "series-c+"),
        ("\uff33\uff25\uff25\uff24", "seed"),
    ],
)
def test_an_alias_is_not(written, value):
    assert normalize(written) == Match(value, written, exact=False)
    assert normalize(written) == Match(value, written, exact=False), "the second time it is remembered"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, Reason.NOT_A_STRING),
        (1, Reason.NOT_A_STRING),
        (True, Reason.NOT_A_STRING),
        (b"seed", Reason.NOT_A_STRING),
        ([], Reason.NOT_A_STRING),
        ({"a": 1}, Reason.NOT_A_STRING),
        ("", Reason.EMPTY),
        ("\u3000", Reason.EMPTY),
        ("-", Reason.NULL_LIKE),
        ("N/A", Reason.NULL_LIKE),
        ("Unknown", Reason.NULL_LIKE),
        ("seed" + " " * MAX_LENGTH, Reason.TOO_LONG),
        ("seed\ufdfa" * 20, Reason.TOO_LONG),
        ("seed\ud800", Reason.SURROGATE),
        ("seed\x00", Reason.CONTROL),
        ("\u202eseed", Reason.BIDIRECTIONAL),
        ("se\u200bed", Reason.INVISIBLE),
        ("s\u0435ed", Reason.LOOKALIKE),
        ("growth", Reason.NOT_IN_VOCABULARY),
        ("Series B+", Reason.NOT_IN_VOCABULARY),
        ("Pre-Series A", Reason.NOT_IN_VOCABULARY),
        ("seed, series a", Reason.NOT_IN_VOCABULARY),
        ("seed round round", Reason.NOT_IN_VOCABULARY),
        ("round", Reason.NOT_IN_VOCABULARY),
    ],
)
def test_anything_else_is_unknown_with_a_reason(raw, reason):
    found = normalize(raw)
    assert isinstance(found, Unknown)
    assert (found.raw, found.reason) == (raw, reason)


@pytest.mark.parametrize(
    ("raw", "explanation"),
    [
        (None, "a value of type NoneType stands where a string belongs"),
        (["x"], "a value of type list stands where a string belongs"),
        ("", "the value is empty"),
        ("N/A", "'N/A' says that there is no value"),
        ("x" * 300, "the value has more than 256 characters"),
        ("a\ud800", r"'a\ud800' holds a lone surrogate (U+D800 (unnamed))"),
        ("a\x07", r"'a\x07' holds a control character (U+0007 (unnamed))"),
        ("a\u202e", r"'a\u202e' holds a bidirectional control character (U+202E RIGHT-TO-LEFT OVERRIDE)"),
        ("a\u200b", r"'a\u200b' holds an invisible character (U+200B ZERO WIDTH SPACE)"),
        (
            "s\u0435ed",
            r"'s\u0435ed' holds a letter of another script that looks Latin (U+0435 CYRILLIC SMALL LETTER IE)",
        ),
        ("growth", "'growth' is not in the vocabulary"),
        ("x" * 65, "'" + "x" * 63 + r"\u2026' is not in the vocabulary"),
        ("x" * 64, "'" + "x" * 64 + "' is not in the vocabulary"),
    ],
)
def test_a_person_understands_the_reason(raw, explanation):
    assert normalize(raw).explanation == explanation
    assert explanation.isascii()


@pytest.mark.parametrize(
    ("raw", "suggestions"),
    [
        ("Seies A", ("series-a",)),
        ("preeseed", ("pre-seed",)),
        ("xseed", ("seed",)),  # one too many at either end, in the middle, one too few, another one
        ("seedx", ("seed",)),
        ("seled", ("seed",)),
        ("eed", ("seed",)),
        ("see", ("seed",)),
        ("seet", ("seed",)),
        ("xeet", ()),
        ("xsed", ()),
        ("Series CX", ()),
        ("sed", ("seed",)),
        ("s\u0435ed", ("seed",)),
        ("series-d", ()),
        ("growth", ()),
        ("serie", ()),
        ("Series C++", ("series-c+",)),
    ],
)
def test_suggestions_are_what_a_typing_error_could_have_meant(raw, suggestions):
    assert normalize(raw).suggestions == suggestions


def test_suggestions_are_at_most_three_and_the_nearest_come_first():
    near = Vocabulary("near", [Term(f"abcdefgh{last}") for last in "stuvw"] + [Term("abcdefghxy")])
    assert Normalizer(near)("abcdefgh").suggestions == ("abcdefghs", "abcdefght", "abcdefghu")
    assert len(Normalizer(near)("abcdefghx").suggestions) == 3
    closer = Vocabulary("closer", [Term("abcdefghij"), Term("abcdefghkl")])
    assert Normalizer(closer)("abcdefghkx").suggestions == ("abcdefghkl", "abcdefghij")


def test_the_nearest_form_of_a_term_counts():
    terms = [Term("abcdefghijkl", aliases=("abcdefghizzz",)), Term("abcdefghijmm")]
    for ordered in (terms, terms[::-1]):
        assert Normalizer(Vocabulary("v", ordered))("abcdefghijkx").suggestions == ("abcdefghijkl", "abcdefghijmm")


def test_a_match_says_what_was_written_and_whether_it_was_exact():
    own = Normalizer(Vocabulary("sides", [Term("left", "Left")]))
    for _ in ("looked up", "remembered"):
        assert own("left") == own.find("left") == Match("left", "left", exact=True)
        assert own("Left") == own.find("Left") == Match("left", "Left", exact=False)


def test_a_term_with_several_near_forms_is_suggested_once():
    many = Vocabulary("many", [Term("colour", aliases=("colours", "colouur"))])
    assert Normalizer(many)("coulour").suggestions == ("colour",)


@given(st.one_of(st.text(), unknowns(INVESTMENT_STAGES), st.binary(), st.none(), st.lists(st.integers())))
def test_a_match_is_always_a_vocabulary_value_and_nothing_outside_the_table_matches(raw):
    found = normalize(raw)
    if isinstance(found, Match):
        assert found.value in INVESTMENT_STAGES
        assert INVESTMENT_STAGES.table[fold(raw)] == found.value
        assert found.exact == (raw == found.value)
    else:
        assert len(found.suggestions) <= 3
        assert set(found.suggestions) <= set(INVESTMENT_STAGES)
        assert not isinstance(raw, str) or len(raw) > MAX_LENGTH or fold(raw) not in INVESTMENT_STAGES.table


@given(aliases(INVESTMENT_STAGES), st.sampled_from("\u200b\u202e\x00\ud800\u0430\ufe0f"), st.integers(0, 300))
def test_one_hidden_character_makes_any_alias_unknown(written, hidden, at):
    at %= len(written) + 1
    assert isinstance(normalize(written[:at] + hidden + written[at:]), Unknown)


def test_canonical_returns_the_string_or_raises_with_the_whole_answer():
    assert normalize.canonical("Seed") == "seed"
    with pytest.raises(UnknownValueError) as failure:
        normalize.canonical("Seies A")
    assert failure.value.unknown == normalize("Seies A")
    assert str(failure.value) == (
        "'Seies A' is not in the vocabulary. Did you mean series-a? "
        "Allowed values: pre-seed, seed, series-a, series-b, series-c, series-c+."
    )
    with pytest.raises(UnknownValueError, match=r"^'growth' is not in the vocabulary\. Allowed values: pre-seed"):
        normalize.canonical("growth")
    two = Normalizer(Vocabulary("two", [Term("abcdx"), Term("abcdy")]))
    with pytest.raises(UnknownValueError, match="Did you mean abcdx or abcdy"):
        two.canonical("abcdz")


def test_find_looks_up_without_explaining():
    assert normalize.find("Seed") == Match("seed", "Seed", exact=False)
    assert normalize.find("growth") is None
    assert normalize.find("seed" + " " * MAX_LENGTH) is None
    assert normalize.find("\ud800") is None


def test_a_string_enumeration_is_its_string():
    class Stage(str, enum.Enum):
        SEED = "seed"

    assert normalize(Stage.SEED).value == "seed"


def test_what_clients_write_does_not_make_it_grow_without_end():
    own = Normalizer(INVESTMENT_STAGES)
    for number in range(10_000):
        spelled = "".join("-_ "[(number // 3**place) % 3] for place in range(9))
        assert own(f"seed{spelled}").value == "seed"
        assert isinstance(own(f"x{spelled}"), Unknown)
    assert len(own._memo) <= 4096


def test_threads_may_share_one():
    own = Normalizer(INVESTMENT_STAGES)
    wrong = []

    def work():
        for number in range(2000):
            found = own(" " * (number % 200) + "Series A")
            if found.value != "series-a":
                wrong.append(found)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_real_written_forms_are_what_their_careful_labels_say():
    path = Path(__file__).parents[2] / "stagenorm" / "demo" / "written_forms.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 480
    for row in rows:
        found = normalize(row["raw"])
        assert getattr(found, "value", "UNKNOWN") in row["expected"].split("|"), row
