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
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from stagenorm.boundary.fields import FormField, QueryField
from stagenorm.boundary.reading import Reading, Slot, splice
from stagenorm.core.folding import fold
from stagenorm.events import FindingKind

_PIECE = re.compile(rb"(?P<before>^|[&;])(?P<text>[^&;]+)(?=(?P<after>;?))")


@dataclass(frozen=True, slots=True)
class _Piece:
    """One ``name=value``: the name as readers decode it, the raw value, its place, and whether a ``;`` borders it."""

    name: str
    value: bytes
    start: int
    end: int
    at_semicolon: bool


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

    def read(self, encoded: bytes) -> Reading:
        """Find and judge the declared parameters."""
        reading = Reading()
        edits: list[tuple[int, int, bytes]] = []
        found = self._pieces(encoded)
        for name, slot in self._slots.items():
            pieces = found.get(name, [])
            if not pieces and slot.required:
                reading.add(FindingKind.UNREADABLE, slot, name, detail="the parameter is required and absent")
            elif len(pieces) > 1 and name not in self._repeatable:
                reading.add(FindingKind.UNREADABLE, slot, name, detail="the parameter stands more than once")
            else:
                for piece in pieces:
                    self._judge(slot, piece, reading, edits)
        if edits:
            reading.rewrite = lambda: splice(encoded, sorted(edits))
        return reading

    def _pieces(self, encoded: bytes) -> dict[str, list[_Piece]]:
        """The pieces with a declared name, however a reader may split them."""
        pieces: dict[str, list[_Piece]] = {}
        for part in _PIECE.finditer(encoded):
            raw_name, _, value = part["text"].partition(b"=")
            name = unquote_plus(raw_name.decode("latin-1"))
            if name in self._slots:
                piece = _Piece(
                    name, value, part.end() - len(value), part.end(), b";" in (part["before"], part["after"])
                )
                pieces.setdefault(name, []).append(piece)
        return pieces

    def _judge(self, slot: Slot, piece: _Piece, reading: Reading, edits: list[tuple[int, int, bytes]]) -> None:
        fault = _fault(piece)
        if fault:
            reading.add(FindingKind.UNREADABLE, slot, piece.name, piece.value.decode("latin-1"), detail=fault)
            return
        value = reading.judge(slot, piece.name, unquote_plus(piece.value.decode()))
        if value is not None:
            edits.append((piece.start, piece.end, quote(value, safe="").encode()))


def _fault(piece: _Piece) -> str | None:
    """Why readers would not agree on a piece's value, or None."""
    if piece.at_semicolon:
        return "a ';' separates the parameter for some readers and not for others: use '&', or %3B for the letter"
    if not piece.value.isascii():
        return "the value holds raw bytes beyond ASCII: percent-encode it as UTF-8"
    try:
        unquote_to_bytes(piece.value).decode()
    except UnicodeDecodeError:
        return "the value is not percent-encoded UTF-8"
    words = [unquote_plus(word) for word in piece.value.decode().split("+")]
    if len(words) > 1 and any(_open(left[-1:]) or _open(right[:1]) for left, right in itertools.pairwise(words)):
        return "a raw '+' stands for a space, where none belongs: write %2B for the letter, as in Series%20C%2B"
    return None


def _open(neighbour: str) -> bool:
    """Whether what stands beside a space folds to nothing of its own: no character, or a separator."""
    return not fold(neighbour)
