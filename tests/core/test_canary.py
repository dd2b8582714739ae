"""The canary share: sticky, monotone, and of the size it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm.core.canary import in_share

CONSUMERS = st.text(max_size=40)
SHARES = st.floats(0, 100)


@given(CONSUMERS, SHARES, SHARES)
def test_a_larger_share_holds_every_smaller_one(consumer, one, other):
    low, high = sorted((one, other))
    assert not in_share(consumer, low, "salt") or in_share(consumer, high, "salt")


@given(st.none() | CONSUMERS)
def test_nothing_is_in_no_share_and_everything_in_the_whole(consumer):
    assert not in_share(consumer, 0, "salt")
    assert in_share(consumer, 100, "salt")


@given(st.floats(0, 99.999))
def test_without_a_key_only_the_whole_share_holds_a_request(share):
    assert not in_share(None, share, "salt")


@pytest.mark.parametrize("share", [0.1, 1, 10, 33.3, 50, 90, 99])
def test_the_share_is_as_large_as_it_says(share):
    many = 40_000
    held = sum(in_share(f"consumer-{number}", share, "salt") for number in range(many))
    expected = many * share / 100
    deviation = math.sqrt(expected * (1 - share / 100))
    assert abs(held - expected) < 4.5 * deviation


def test_answers_are_the_same_in_every_process_and_release():
    held = [number for number in range(100) if in_share(f"consumer-{number}", 10, "stagenorm")]
    assert held == [11, 53, 68, 71, 96]


@pytest.mark.parametrize(("share", "last_in", "first_out"), [(10, 26233, 97500), (50, 155711, 191305)])
def test_the_edge_of_a_share_stays_where_it_is(share, last_in, first_out):
    """Of 200,000 consumers the two that lie nearest to the edge."""
    assert in_share(f"consumer-{last_in}", share, "stagenorm")
    assert not in_share(f"consumer-{first_out}", share, "stagenorm")


def test_another_salt_takes_others_first():
    def held(salt):
        return {number for number in range(2000) if in_share(str(number), 10, salt)}

    assert len(held("spring") & held("autumn")) < 60, "about 20 of 200 by chance"


def test_any_key_and_salt_can_be_hashed():
    assert in_share("\ud800", 50, "") in (True, False)
    assert in_share("", 50, "x" * 1000) in (True, False)
