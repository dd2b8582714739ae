"""Record: what one line of an access log says, whatever its format; and the moments that logs write."""

from __future__ import annotations

from calendar import timegm
from datetime import datetime, timezone
from functools import lru_cache
from typing import NamedTuple

LATEST = 0xFFFF_FFFF
"""Seconds since the epoch up to which a moment is one (the year 2106)."""
_MONTHS = {
    month: number
    for number, month in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}


SECONDS = {b"%02d:%02d" % divmod(seconds, 60): seconds for seconds in range(3600)}
"""The seconds that minutes and seconds such as ``05:03`` stand for."""
SECONDS.update({b"%02d:60" % minute: minute * 60 + 59 for minute in range(60)})  # a leap second


class Record(NamedTuple):
    """One request.

    Attributes:
        at: seconds since the epoch.
        method: as it was sent.
        target: as it was sent, with its query.
        peer: the address that the server saw.
        forwarded: X-Forwarded-For, or nothing.
        agent: User-Agent, or nothing.
    """

    at: int
    method: bytes
    target: bytes
    peer: bytes
    forwarded: bytes
    agent: bytes


@lru_cache(maxsize=4096)
def hour_of(text: bytes, offset: bytes) -> int | None:
    """The seconds since the epoch at which an hour such as ``17/May/2015:10`` begins, or None if there is none.

    Args:
        text: day and hour.
        offset: from UTC, such as ``+0200``.
    """
    try:
        moment = datetime(int(text[7:11]), _MONTHS[text[3:6]], int(text[:2]), int(text[12:14]), tzinfo=timezone.utc)
        minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    except (KeyError, ValueError):
        return None
    at = timegm(moment.timetuple()) - (minutes * 60 if offset[:1] == b"+" else -minutes * 60)
    return at if 0 <= at <= LATEST - 3600 else None


def moment_of(text: bytes) -> int | None:
    """Seconds since the epoch from a moment as logs write it, or None if it is none.

    Taken are ``17/May/2015:10:05:03 +0000``, RFC 3339 (UTC where it names no zone), and seconds, milliseconds,
    microseconds or nanoseconds since the epoch.
    """
    if text[2:3] == b"/":
        hour, seconds = hour_of(text[:14], text[21:26]), SECONDS.get(text[15:20])
        return None if hour is None or seconds is None else hour + seconds
    try:
        if text.replace(b".", b"", 1).isdigit():
            return _since_epoch(float(text))
        moment = datetime.fromisoformat(_for_python_3_10(text.decode("ascii")))
    except (ValueError, OverflowError):
        return None
    at = int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
    return at if 0 <= at <= LATEST else None


def _since_epoch(number: float) -> int | None:
    for unit in (1.0, 1e3, 1e6, 1e9):
        if number / unit <= LATEST:
            return int(number / unit)
    return None


def _for_python_3_10(text: str) -> str:
    """RFC 3339 in the narrower form that ``fromisoformat`` took before Python 3.11."""
    text = text.strip().replace(",", ".")
    if text[-1:] in "zZ":
        text = f"{text[:-1]}+00:00"
    elif text[-5:-4] in "+-" and text[-4:].isdigit() and ":" in text:
        text = f"{text[:-2]}:{text[-2:]}"
    whole, dot, fraction = text.partition(".")
    if dot:
        digits = len(fraction) - len(fraction.lstrip("0123456789"))
        text = f"{whole}.{fraction[:digits][:6]:0<6}{fraction[digits:]}"
    return text
