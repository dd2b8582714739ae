"""Strict reading of a JSON body: fast where that can be proved right, exact otherwise, and named where it is unreadable.

``json_counted`` and ``json_scan`` do the two readings; only the choice between them, and what makes a whole body
unreadable, live here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

import msgspec

from stagenorm.boundary.json_counted import MAX_DEPTH, CountedReader, depth, is_utf8
from stagenorm.boundary.json_scan import scan
from stagenorm.boundary.json_tree import build_tree
from stagenorm.boundary.reading import NO_ALIASES, Aliases, Reading, Slot
from stagenorm.events import FindingKind

_LONE_SURROGATE = re.compile(rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]", re.DOTALL)
_QUICK_BYTES = 1 << 18
"""The longest body whose aliases are looked for the quick way, which takes up to some 25 times as much memory."""


class JsonReader:
    """Reads the declared places of JSON bodies.

    Args:
        slots: the endpoint's JSON fields.

    Attributes:
        count_canonical: how many values a body holds, if a quick reading proves all of them canonical (None says
            nothing); None where there is no quick reading.

    Raises:
        ConfigurationError: two fields say different things of one place.
    """

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._tree = build_tree(slots)
        self._counted = CountedReader.of(self._tree)
        self.count_canonical = self._counted.count_canonical if self._counted else None
        self._validator = msgspec.json.Decoder(msgspec.Raw)

    def absent(self) -> Reading:
        """The reading of a request without a body."""
        reading = Reading()
        for slot in self._tree.slots():
            if slot.required:
                reading.add(FindingKind.UNREADABLE, slot, detail="the value is required and there is no body")
        return reading

    def read(self, body: bytes, *, locate: bool = False, aliases: Aliases = NO_ALIASES) -> Reading:
        """Find and judge the declared values.

        Args:
            body: the whole body, not empty.
            locate: every alias is wanted with its place, one finding each; otherwise one finding a distinct form.
            aliases: temporary aliases that count now.
        """
        counted = None if locate or self._counted is None or len(body) > _QUICK_BYTES else self._counted.read(body)
        if counted:
            return counted
        fault = _encoding_fault(body)
        return _unreadable(fault) if fault else self._read_exactly(body, aliases)

    def _read_exactly(self, body: bytes, aliases: Aliases) -> Reading:
        try:
            self._validator.decode(body)
        except RecursionError:
            return _unreadable(f"the body nests more than {MAX_DEPTH} deep")
        except msgspec.DecodeError as error:
            if _LONE_SURROGATE.search(body):  # msgspec takes it for the end of the body
                return _unreadable("a string holds a lone surrogate: an escape such as \\ud800 without its other half")
            return _unreadable(f"the body is not one JSON document: {error}")
        if depth(body) > MAX_DEPTH:
            return _unreadable(f"the body nests more than {MAX_DEPTH} deep")
        return scan(self._tree, body, aliases)


def _unreadable(detail: str) -> Reading:
    return Reading.of(FindingKind.UNREADABLE, "body", detail)


def _encoding_fault(body: bytes) -> str | None:
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        return "the body begins with a byte order mark: send UTF-8 without one"
    if b"\0" in body[:4]:
        return "the body looks like UTF-16 or UTF-32: send UTF-8"
    return None if body.isascii() or is_utf8(body) else "the body is not UTF-8"
