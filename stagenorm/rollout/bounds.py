"""How much a count says of the share behind it: exact one-sided 95% bounds of a binomial proportion. Pure arithmetic."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log, log1p

DOUBT = 0.05
"""How often a bound may be wrong: once in twenty."""
_NEGLIGIBLE = 1e-17
_PRECISE = 1e-9


@lru_cache(maxsize=4096)
def upper_bound(hits: int, of: int) -> float:
    """The largest share that so few hits are still credible for (Clopper and Pearson, Biometrika 1934).

    Args:
        hits: how many, 0 to ``of``.
        of: how many there were; at least 1.

    Returns:
        The share at which no more than ``hits`` come with a probability of 5%; 1 where all are hits.
    """
    if hits >= of:
        return 1.0
    low, high = hits / of, 1.0
    # As precise as the smaller of hits and misses needs it, and no more than a float can tell.
    while high - low > _PRECISE * min(high, 1 - high) and low < (middle := (low + high) / 2) < high:
        if at_most(hits, of, middle) > DOUBT:
            low = middle
        else:
            high = middle
    return high


def lower_bound(hits: int, of: int) -> float:
    """The smallest share that so many hits are still credible for; 0 where there are none."""
    return 1 - upper_bound(of - hits, of)


def at_most(hits: int, of: int, share: float) -> float:
    """The probability of no more than so many hits, at a share of hits between 0 and 1.

    The terms are summed from ``hits`` downwards, each from the one before, and only while they count: below the mean
    that is a few times the square root of the mean. In logarithms, so that nothing underflows.
    """
    if share >= 1:
        return float(hits >= of)
    if hits > of * share:  # the other tail is the short one
        return 1 - _tail(of - hits - 1, of, 1 - share) if hits < of else 1.0
    return _tail(hits, of, share)


def _tail(hits: int, of: int, share: float) -> float:
    if hits < 0:
        return 0.0
    if share <= 0:
        return 1.0
    first = lgamma(of + 1) - lgamma(hits + 1) - lgamma(of - hits + 1) + hits * log(share) + (of - hits) * log1p(-share)
    odds = (1 - share) / share
    total = term = 1.0
    for k in range(hits, 0, -1):
        term *= k / (of - k + 1) * odds
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return min(1.0, exp(first) * total)
