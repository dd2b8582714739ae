"""The log's own clock: the moment that it ends at, told from the hours of its lines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from stagenorm.consumers.tally import HOUR

_JUMPED = 0.01  # of the lines: fewer than these, beyond a gap, are of a clock that jumped


class Clock(NamedTuple):
    """When a log ends.

    Attributes:
        now: its newest moment, in seconds since the epoch.
        jumped: how many lines claim to be newer, but stand alone: a clock that was wrong for a while.
    """

    now: int
    jumped: int


def read_clock(hours: Counter[int], newest: Mapping[int, int], gap: int) -> Clock | None:
    """When a log ends; None if it has no moment at all.

    Lines of the future would otherwise push everything else out of the window. So the newest lines are passed over
    where they are fewer than one in a hundred, and lie further ahead of all others than the window is long.

    Args:
        hours: the lines of each hour, by the seconds since the epoch at which it begins.
        newest: the newest moment within an hour, where it is known.
        gap: how long the window is, in seconds.
    """
    if not hours:
        return None
    total, ahead = hours.total(), 0
    ordered = sorted(hours, reverse=True)
    end, passed = ordered[0], 0
    for later, earlier in pairwise(ordered):
        ahead += hours[later]
        if ahead >= total * _JUMPED:
            break
        if later - earlier > gap:
            end, passed = earlier, ahead
    return Clock(newest.get(end, end + HOUR - 1), passed)
