"""Census: kinds, weights and the most frequent unknown forms."""

from stagenorm import INVESTMENT_STAGES, Normalizer
from stagenorm.core.folding import Reason
from stagenorm.events import FindingKind
from stagenorm.observe.census import Census


def census_of(*forms, capacity=10):
    census = Census(Normalizer(INVESTMENT_STAGES), capacity)
    for form, weight in forms:
        census.add(form, weight)
    return census


def test_values_are_counted_by_kind_with_and_without_weight():
    census = census_of(("seed", 1), ("Seed", 2), ("SEED", 3), ("Angel", 4))
    assert census.seen == {FindingKind.CANONICAL: 1, FindingKind.ALIAS: 2, FindingKind.UNKNOWN: 1}
    assert census.weights == {FindingKind.CANONICAL: 1, FindingKind.ALIAS: 5, FindingKind.UNKNOWN: 4}


def test_a_form_counts_once_unless_it_is_told_otherwise():
    census = census_of()
    census.add("Angel")
    assert census.weights[FindingKind.UNKNOWN] == census.unknown_forms(1)[0].count == 1


def test_adding_says_what_a_form_means():
    census = census_of()
    assert census.add("Seed Round").value == "seed"
    assert census.add("Angel") is None


def test_unknown_forms_come_explained_and_by_weight():
    census = census_of(("Angel", 1), ("Seies A", 5), ("Angel", 1))
    first, second = census.unknown_forms(2)
    assert (first.unknown.raw, first.count, first.unknown.suggestions) == ("Seies A", 5, ("series-a",))
    assert (second.unknown.raw, second.count, second.at_least) == ("Angel", 2, 2)
    assert [form.unknown.raw for form in census.unknown_forms(1)] == ["Seies A"]


def test_a_form_too_long_is_kept_cut_and_still_named_too_long():
    census = census_of(("x" * 100_000, 1), ("x" * 200_000, 1))
    (form,) = census.unknown_forms(5)
    assert len(form.unknown.raw) == 257
    assert form.unknown.reason is Reason.TOO_LONG
    assert form.count == 2
    (whole,) = census_of(("y" * 256, 1)).unknown_forms(5)
    assert whole.unknown.raw == "y" * 256


def test_beyond_its_capacity_it_says_that_counts_are_bounds():
    census = census_of(*((f"form {number}", 1) for number in range(4)), capacity=3)
    assert not census.exact
    assert census.distinct_unknown == 3
    assert any(form.at_least < form.count for form in census.unknown_forms(3))
