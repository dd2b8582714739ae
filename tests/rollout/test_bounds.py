"""The bounds against published and independently computed values, and against their own definition."""

from math import comb

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stagenorm.rollout.bounds import DOUBT, at_most, lower_bound, upper_bound


@pytest.mark.parametrize(
    ("hits", "of", "upper"),
    [
        (0, 598, 0.004997058694246506),  # the quantiles of the beta distribution, by scipy 1.17
        (1, 20, 0.2161061642068473),
        (5, 100, 0.1022533776432745),
        (451 - 1, 100_000, 0.004864017219250721),
        (450_000, 100_000_000, 0.004511024757164182),
        (99_999, 100_000, 0.9999994870671877),
        (7, 7, 1.0),
    ],
)
def test_upper_bounds_are_those_of_clopper_and_pearson(hits, of, upper):
    assert upper_bound(hits, of) == pytest.approx(upper, rel=1e-7)


def test_no_hits_of_few_is_the_rule_of_three_made_exact():
    assert upper_bound(0, 10) == pytest.approx(1 - DOUBT ** (1 / 10), rel=1e-7)


def test_the_lower_bound_mirrors_it():
    assert lower_bound(5, 100) == pytest.approx(0.019905563662171832, rel=1e-7)
    assert lower_bound(0, 5) == 0


@given(st.integers(1, 200).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))), st.floats(0.001, 0.999))
def test_the_tail_is_the_sum_of_its_terms(counted, share):
    hits, of = counted
    summed = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(hits + 1))
    assert at_most(hits, of, share) == pytest.approx(summed, rel=1e-7, abs=1e-12)


@example((3_906_249, 3_906_251))
@example((10**7 - 1, 10**7))
@example((0, 10**7))
@given(st.integers(1, 10**7).flatmap(lambda of: st.tuples(st.integers(0, of - 1), st.just(of))))
def test_a_bound_is_where_so_few_hits_become_incredible(counted):
    hits, of = counted
    upper = upper_bound(hits, of)
    assert hits / of < upper <= 1
    assert at_most(hits, of, upper) == pytest.approx(DOUBT, rel=1e-4)
    assert upper < upper_bound(hits + 1, of)
    assert upper > upper_bound(hits, of + 1)
