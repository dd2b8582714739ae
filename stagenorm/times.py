"""Durations as people write them, and moments as they read them: UTC, ISO 8601."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from stagenorm.errors import ConfigurationError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([0-9]{1,4})([smhdw])")


def duration(text: str) -> float:
    """Seconds, from a duration such as 90m, 12h, 7d or 2w.

    Raises:
        ConfigurationError: it is none, or lasts for no time.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise ConfigurationError(f"{text!a} is no duration: write it as 30s, 90m, 12h, 7d or 2w")
    return int(found[1]) * _SECONDS[found[2]]


def moment(at: float) -> str:
    """A moment, from seconds since the epoch."""
    try:
        return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # written by hand: no calendar has it
        return f"{at:g} s"


def seconds_at(text: str) -> float:
    """Seconds since the epoch, from a moment in RFC 3339. Raises ValueError if it is none, or names no zone."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if at.tzinfo is None:
        raise ValueError(f"{text!a} names no zone")
    return at.timestamp()


def in_short(seconds: float) -> str:
    """A duration as people write it, rounded: one day or hour only where it is exactly that."""
    units = "dhm" if seconds >= _SECONDS["m"] or not seconds else "s"
    unit = next(
        (unit for unit in units[:-1] if round(seconds) // _SECONDS[unit] >= 2 or round(seconds) == _SECONDS[unit]),
        units[-1],
    )
    return f"{seconds / _SECONDS[unit]:.0f}{unit}"


def left(until: float, now: float) -> str:
    """How long it is until a moment, or that it is over."""
    return in_short(until - now) if now < until else "expired"
