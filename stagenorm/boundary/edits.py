"""Edits: what is to be put in the place of what in a body, kept in little room."""

from __future__ import annotations

from array import array

_BITS = 32  # of a position: the body is held in memory, and far smaller


class Edits:
    """Spans of a text and their replacements: a body may hold an alias some hundred thousand times.

    They lie apart from each other and may come in any order.
    """

    __slots__ = ("_in_order", "_spans", "_texts", "_which")

    def __init__(self) -> None:
        self._in_order = True
        self._spans = array("Q")  # start and end in one
        self._which = array("L")
        self._texts: dict[bytes, int] = {}

    def __bool__(self) -> bool:
        return bool(self._spans)

    def add(self, start: int, end: int, text: bytes) -> None:
        """Have a text stand where start to end stands now."""
        span = start << _BITS | end
        self._in_order &= not self._spans or self._spans[-1] < span
        self._spans.append(span)
        self._which.append(self._texts.setdefault(text, len(self._texts)))

    def applied(self, body: bytes) -> bytes:
        """The body with every edit made, and all else as it was."""
        texts = list(self._texts)
        spans = self._spans
        numbers = range(len(spans))
        out = bytearray()
        at = 0
        for number in numbers if self._in_order else sorted(numbers, key=spans.__getitem__):
            start, end = divmod(spans[number], 1 << _BITS)
            out += body[at:start]
            out += texts[self._which[number]]
            at = end
        out += body[at:]
        return bytes(out)
