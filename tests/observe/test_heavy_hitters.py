"""HeavyHitters against plain counting: exact while there is room, and within Space-Saving's bounds beyond it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm.observe.heavy_hitters import HeavyHitters

# Few keys and small capacities, so that most streams evict; a few heavy keys among many light ones.
KEYS = st.one_of(st.integers(0, 3), st.integers(0, 40))
STREAMS = st.lists(st.tuples(KEYS, st.integers(0, 9)), max_size=300)


def count(stream, capacity):
    hitters = HeavyHitters(capacity)
    true = Counter()
    for key, weight in stream:
        hitters.add(key, weight)
        true[key] += weight
    return hitters, +true


@given(STREAMS, st.integers(1, 12))
def test_every_count_is_within_the_bounds(stream, capacity):
    hitters, true = count(stream, capacity)
    for hitter in hitters.top(capacity):
        assert hitter.at_least <= true[hitter.key] <= hitter.count
        assert hitter.error <= true.total() / capacity


@given(STREAMS, st.integers(1, 12))
def test_no_key_above_the_threshold_is_missed(stream, capacity):
    hitters, true = count(stream, capacity)
    counted = {hitter.key for hitter in hitters.top(capacity)}
    assert counted >= {key for key, weight in true.items() if weight > true.total() / capacity}


@given(STREAMS, st.integers(1, 12))
def test_the_counts_together_are_the_whole_stream(stream, capacity):
    # Space-Saving's invariant: an evicted count is inherited, so nothing is lost or made up.
    hitters, true = count(stream, capacity)
    assert sum(hitter.count for hitter in hitters.top(capacity)) == hitters.total == true.total()
    assert len(hitters) == min(len(true), capacity) == len(hitters.top(capacity))


@given(STREAMS, st.integers(1, 50))
def test_exact_says_exactly_whether_all_keys_had_room(stream, capacity):
    hitters, true = count(stream, capacity)
    assert hitters.exact == (len(true) <= capacity)
    if hitters.exact:
        assert {hitter.key: hitter.count for hitter in hitters.top(capacity)} == true
        assert all(hitter.error == 0 for hitter in hitters.top(capacity))


def test_top_is_in_descending_order_and_ties_keep_their_order_of_arrival():
    hitters, _ = count([("b", 2), ("a", 2), ("c", 5), ("d", 1)], 10)
    assert [hitter.key for hitter in hitters.top(3)] == ["c", "b", "a"]


def test_a_weight_may_be_a_fraction_and_zero_counts_nothing():
    hitters, _ = count([("a", 0.5), ("a", 0.25), ("b", 0)], 2)
    assert [(hitter.key, hitter.count) for hitter in hitters.top(2)] == [("a", 0.75)]


def test_memory_stays_bounded_however_often_keys_come_back():
    hitters = HeavyHitters(3)
    for turn in range(1000):
        hitters.add(turn % 7)
        hitters.add("often")
    assert len(hitters) == 3
    assert hitters.total == 2000
    assert hitters.top(1)[0].key == "often"


@pytest.mark.parametrize("weight", [-1, float("nan")])
def test_a_weight_below_zero_or_no_number_is_refused(weight):
    with pytest.raises(ValueError, match="give 0 or more"):
        HeavyHitters(1).add("a", weight)


def test_a_capacity_below_one_is_refused():
    with pytest.raises(ValueError, match="capacity is 0"):
        HeavyHitters(0)
