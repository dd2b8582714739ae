"""Token: an enumeration of stable strings. Only the base class lives here."""

from __future__ import annotations

from enum import Enum


class Token(str, Enum):
    """A closed set of words that logs, metrics and documents use as they are."""

    # Enum's own hash is Python code, and tokens are looked up on every request.
    __hash__ = str.__hash__
