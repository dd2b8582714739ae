"""The value strategies keep their word for any vocabulary, as the Normalizer sees it."""

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from stagenorm import INVESTMENT_STAGES, Match, Normalizer, Term, Unknown, Vocabulary
from stagenorm.core.folding import Reason
from stagenorm.testing import aliases, canonical, hostile_values, unknowns

VOCABULARIES = (
    INVESTMENT_STAGES,
    Vocabulary("letters", [Term("a"), Term("b"), Term("A+", aliases=("a plus",))]),
    Vocabulary("marks", [Term('say "hi"'), Term("back\\slash"), Term("a/b", "A / B"), Term("50%"), Term("x&y=z;w")]),
    Vocabulary(
        "far",
        [Term("シード", "シードラウンド"), Term("посев", "Посев"), Term("amorçage", "Amorçage", aliases=("graine",))],
    ),
    Vocabulary("nothing", [Term("unknown"), Term("none", aliases=("n/a",)), Term("0")], suffixes=("value", "(x)")),
    Vocabulary("many", [Term(f"code-{number:03d}", f"Code {number}") for number in range(300)]),
    Vocabulary("long", [Term("long-" * 40 + "x"), Term("ß"), Term("CamelCase_with-all")]),
)
QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
one_vocabulary = pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda vocabulary: vocabulary.name)


@one_vocabulary
@QUICK
@given(data=st.data())
def test_canonical_values_match_to_the_letter(vocabulary, data):
    value = data.draw(canonical(vocabulary))
    assert Normalizer(vocabulary)(value) == Match(value, value, exact=True)


@one_vocabulary
@QUICK
@given(data=st.data())
def test_aliases_match_but_not_to_the_letter(vocabulary, data):
    written = data.draw(aliases(vocabulary))
    found = Normalizer(vocabulary)(written)
    assert isinstance(found, Match), ascii(written)
    assert not found.exact


@one_vocabulary
@QUICK
@given(data=st.data())
def test_unknowns_are_strings_outside_the_table(vocabulary, data):
    found = Normalizer(vocabulary)(data.draw(unknowns(vocabulary)))
    assert isinstance(found, Unknown)
    assert isinstance(found.raw, str)


@one_vocabulary
@QUICK
@given(data=st.data())
def test_hostile_values_are_refused(vocabulary, data):
    assert isinstance(Normalizer(vocabulary)(data.draw(hostile_values(vocabulary))), Unknown)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_to_refuse_is_generated(reason):
    normalize = Normalizer(INVESTMENT_STAGES)
    values = st.one_of(unknowns(INVESTMENT_STAGES), hostile_values(INVESTMENT_STAGES))
    find(values, lambda value: normalize(value).reason is reason, settings=settings(max_examples=5000, database=None))


@pytest.mark.parametrize(
    "wanted",
    [
        lambda text: text.isupper(),
        lambda text: any("\uff00" < ch < "\uff5f" for ch in text),
        lambda text: "_" in text,
        lambda text: "\u2013" in text,
        lambda text: text.startswith((" ", "\t")),
        lambda text: text.casefold().endswith("funding"),
        lambda text: text == "preseed",
        lambda text: text == "Series C+",
    ],
)
def test_aliases_differ_in_case_width_separators_suffixes_and_declared_forms(wanted):
    find(aliases(INVESTMENT_STAGES), wanted, settings=settings(max_examples=5000, database=None))


def test_unknowns_include_lists_parts_and_near_misses():
    unlimited = settings(max_examples=5000, database=None)
    for wanted in ("series", "seed, seed", "post-seed"):
        find(unknowns(INVESTMENT_STAGES), lambda text, wanted=wanted: text.casefold() == wanted, settings=unlimited)
