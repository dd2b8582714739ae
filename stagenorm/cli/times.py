"""Durations as people write them, and moments as they read them: UTC, ISO 8601."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import typer

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([0-9]{1,4})([mhdw])")


def duration(text: str) -> float:
    """Seconds, from a duration such as 90m, 12h, 7d or 2w. Wrong usage if it is none, or lasts for no time."""
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise typer.BadParameter(f"{text!r} is no duration: write minutes, hours, days or weeks as 90m, 12h, 7d or 2w")
    return int(found[1]) * _SECONDS[found[2]]


def moment(at: float) -> str:
    """A moment, from seconds since the epoch."""
    try:
        return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # written by hand: no calendar has it
        return f"{at:g} s"


def in_short(seconds: float) -> str:
    """A duration as people write it, rounded: one day or hour only where it is exactly that."""
    unit = next(
        (unit for unit in "dh" if round(seconds) // _SECONDS[unit] >= 2 or round(seconds) == _SECONDS[unit]), "m"
    )
    return f"{seconds / _SECONDS[unit]:.0f}{unit}"


def left(until: float, now: float) -> str:
    """How long it is until a moment, or that it is over."""
    return in_short(until - now) if now < until else "expired"
