"""Strict reading and byte-preserving rewriting of query strings and urlencoded forms.

Readers agree on ``&`` and ``=``. They differ on ``;``, on raw bytes beyond ASCII, on invalid UTF-8 and on which of
two equal parameters counts, so a guarded parameter touched by one of these is unreadable. A raw ``+`` is a space by
the URL standard; where a space would mean nothing (at an end, or beside another separator) the client most likely
meant the letter, as in ``Series+C+``, so that is unreadable too instead of becoming another stage.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from stagenorm.boundary.edits import Edits
from stagenorm.boundary.fields import FormField, QueryField
from stagenorm.boundary.reading import NO_ALIASES, Aliases, Reading, Slot
from stagenorm.core.folding import MAX_LENGTH, fold
from stagenorm.events import FindingKind

_PIECE = re.compile(rb"(?:^|[&;])([^&;]+)")
_SEMICOLON = ord(";")
_LONGEST = 12 * (MAX_LENGTH + 1)  # percent-encoding makes at most 12 bytes of a code point, so these are too many

_REMEMBERED = 1024
"""Distinct values of a form that are counted before they are judged; what comes beyond them is judged one by one."""

_Written = tuple[bytes, bool]
"""A raw value, and whether a ``;`` borders its piece."""


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
        edits = Edits()
        times = dict.fromkeys(self._slots, 0)
        written: dict[str, dict[_Written, int]] = {name: {} for name in self._slots}
        for name, value, _, _ in self._pieces(encoded):
            times[name] += 1
            known = written[name]
            if value in known or len(known) < _REMEMBERED:
                known[value] = known.get(value, 0) + 1
        replaced: dict[tuple[str, _Written], bytes | None] = {}
        for name, slot in self._slots.items():
            if not times[name] and slot.required:
                reading.add(FindingKind.UNREADABLE, slot, name, detail="the parameter is required and absent")
            elif times[name] > 1 and name not in self._repeatable:
                reading.add(FindingKind.UNREADABLE, slot, name, detail="the parameter stands more than once")
            else:
                for value, count in written[name].items():
                    replaced[name, value] = _judge(slot, value, reading, count)
        if any(replaced.values()) or any(sum(known.values()) < times[name] for name, known in written.items()):
            self._edit(encoded, reading, edits, replaced, times)
        if edits:
            reading.rewrite = lambda: edits.applied(encoded)
        return reading

    def _edit(
        self,
        encoded: bytes,
        reading: Reading,
        edits: Edits,
        replaced: dict[tuple[str, _Written], bytes | None],
        times: dict[str, int],
    ) -> None:
        """Put canonical values in the place of aliases, and judge what there was no room to count."""
        for name, value, start, end in self._pieces(encoded):
            if times[name] > 1 and name not in self._repeatable:
                continue
            known = (name, value)
            text = replaced[known] if known in replaced else _judge(self._slots[name], value, reading, 1)
            if text is not None:
                edits.add(start, end, text)

    def _pieces(self, encoded: bytes) -> Iterator[tuple[str, _Written, int, int]]:
        """Every piece with a declared name, however a reader may split them, and where its value stands."""
        for piece in _PIECE.finditer(encoded):
            spelled, _, value = piece[1].partition(b"=")
            name = unquote_plus(spelled.decode("latin-1"))
            if name in self._slots:
                start, end = piece.span()
                borders = encoded[start] == _SEMICOLON or encoded[end : end + 1] == b";"
                yield name, (value, borders), end - len(value), end


def _judge(slot: Slot, written: _Written, reading: Reading, times: int) -> bytes | None:
    """Judge one raw value, and tell what to put in its place if it is an alias."""
    value, borders = written
    fault = _fault(value, at_semicolon=borders)
    if fault:
        reading.add(FindingKind.UNREADABLE, slot, slot.label, value.decode("latin-1"), detail=fault, times=times)
        return None
    found = reading.judge(slot, slot.label, unquote_plus(value[:_LONGEST].decode()), times=times)
    return None if found is None else quote(found, safe="").encode()


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
