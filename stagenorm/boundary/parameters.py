"""Strict reading and byte-preserving rewriting of query strings and urlencoded forms.

Readers agree on ``&`` and ``=``. They differ on ``;``, on raw bytes beyond ASCII, on invalid UTF-8 and on which of
two equal parameters counts, so a guarded parameter touched by one of these is unreadable. A raw ``+`` is a space by
the URL standard; where a space would mean nothing (at an end, or beside another separator) the client most likely
meant the letter, as in ``Series+C+``, so that is unreadable too instead of becoming another stage.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from stagenorm.boundary.fields import FormField, QueryField
from stagenorm.boundary.reading import NO_ALIASES, Aliases, Reading, Slot, splice
from stagenorm.core.folding import MAX_LENGTH, fold
from stagenorm.events import FindingKind

_PIECE = re.compile(rb"(?:^|[&;])([^&;]+)")
_SEMICOLON = ord(";")
_LONGEST = 12 * (MAX_LENGTH + 1)  # percent-encoding makes at most 12 bytes of a code point, so these are too many

# A form may hold one parameter some hundred thousand times, so its pieces are grouped by what is judged.
_Written = tuple[bytes, bool]
"""A raw value, and whether a ``;`` borders its piece."""
_Span = tuple[int, int]


class ParameterReader:
    """Reads declared parameters out of ``application/x-www-form-urlencoded`` text.

    Args:
        slots: the endpoint's query fields, or its form fields.
    """

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._slots = {slot.label: slot for slot in slots}
        self._repeatable = {
            slot.label
            for slot in self._slots.values()
            if isinstance(slot.declared, (QueryField, FormField)) and slot.declared.repeated
        }

    def read(self, encoded: bytes, aliases: Aliases = NO_ALIASES) -> Reading:
        """Find and judge the declared parameters, by temporary aliases too."""
        reading = Reading(aliases=aliases)
        edits: list[tuple[int, int, bytes]] = []
        found = self._pieces(encoded)
        for name, slot in self._slots.items():
            pieces = found[name]
            times = sum(map(len, pieces.values()))
            if not times and slot.required:
                reading.add(FindingKind.UNREADABLE, slot, name, detail="the parameter is required and absent")
            elif times > 1 and name not in self._repeatable:
                reading.add(FindingKind.UNREADABLE, slot, name, detail="the parameter stands more than once")
            else:
                for written, spans in pieces.items():
                    value = _judge(slot, written, reading, len(spans))
                    if value is not None:
                        replacement = quote(value, safe="").encode()
                        edits += [(*span, replacement) for span in spans]
        if edits:
            reading.rewrite = lambda: splice(encoded, sorted(edits))
        return reading

    def _pieces(self, encoded: bytes) -> dict[str, dict[_Written, list[_Span]]]:
        """Where pieces with a declared name stand, however a reader may split them."""
        found: dict[str, dict[_Written, list[_Span]]] = {name: {} for name in self._slots}
        for piece in _PIECE.finditer(encoded):
            name, _, value = piece[1].partition(b"=")
            pieces = found.get(unquote_plus(name.decode("latin-1")))
            if pieces is not None:
                start, end = piece.span()
                borders = encoded[start] == _SEMICOLON or encoded[end : end + 1] == b";"
                pieces.setdefault((value, borders), []).append((end - len(value), end))
        return found


def _judge(slot: Slot, written: _Written, reading: Reading, times: int) -> str | None:
    """Judge one raw value, and tell the canonical value to put in its place if it is an alias."""
    value, borders = written
    fault = _fault(value, at_semicolon=borders)
    if fault:
        reading.add(FindingKind.UNREADABLE, slot, slot.label, value.decode("latin-1"), detail=fault, times=times)
        return None
    return reading.judge(slot, slot.label, unquote_plus(value[:_LONGEST].decode()), times=times)


def _fault(value: bytes, *, at_semicolon: bool) -> str | None:
    """Why readers would not agree on a raw value, or None."""
    if at_semicolon:
        return "a ';' separates the parameter for some readers and not for others: use '&', or %3B for the letter"
    if not value.isascii():
        return "the value holds raw bytes beyond ASCII: percent-encode it as UTF-8"
    if len(value) >= _LONGEST:
        return None  # whatever it holds, it is unknown
    try:
        unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        return "the value is not percent-encoded UTF-8"
    words = [unquote_plus(word) for word in value.decode().split("+")]
    if any(_open(left[-1:]) or _open(right[:1]) for left, right in itertools.pairwise(words)):
        return "a raw '+' stands for a space, where none belongs: write %2B for the letter, as in Series%20C%2B"
    return None


def _open(neighbour: str) -> bool:
    """Whether what stands beside a space folds to nothing of its own: no character, or a separator."""
    return not fold(neighbour)
