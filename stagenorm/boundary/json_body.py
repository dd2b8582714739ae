"""Strict reading and byte-preserving rewriting of a JSON body.

A body is decoded once by msgspec into just the declared places. That leaves open what a decoder hides: duplicate
keys, and where each value stands. Both are settled by counting: in a body without a backslash every string is spelled
as it reads and quotes strictly alternate, so the bytes ``"stage"`` occur exactly as often as a string ``stage``
stands in the document (a name with ``,`` or ``:`` could also lie between two strings, so it is never counted on). When
every name and alias on the way occurs as often as the decoder met it, no key is hidden and replacing those bytes
replaces those values. Whatever cannot be settled so is read once more, exactly, by ``json_scan``.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

import msgspec

from stagenorm.boundary.json_scan import scan
from stagenorm.boundary.json_tree import Node, build_tree, typed
from stagenorm.boundary.reading import Reading, Slot
from stagenorm.events import Finding, FindingKind

MAX_DEPTH = 128
"""Nesting that every reader takes; stdlib json, orjson and pydantic give up at different depths beyond it."""

_MAX_COUNTED = 32  # distinct strings that are counted in a body; each costs a pass over it
_CHUNK = 1 << 16
_NOT_A_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[^][{}"]+')
_DEPTH_CHANGE = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


class JsonReader:
    """Reads the declared places of JSON bodies.

    Args:
        slots: the endpoint's JSON fields.

    Raises:
        ConfigurationError: two fields say different things of one place.
    """

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._tree = build_tree(slots)
        self._height = self._tree.height()
        target = typed(self._tree)
        self._decoder = msgspec.json.Decoder(target) if target else None
        self._validator = msgspec.json.Decoder(msgspec.Raw)
        self._labels = [slot.label for slot in self._tree.slots()]

    def absent(self) -> Reading:
        """The reading of a request without a body."""
        reading = Reading()
        for slot in self._tree.slots():
            if slot.required:
                reading.add(slot.unreadable("", "the value is required and there is no body"))
        return reading

    def read(self, body: bytes, *, locate: bool = False) -> Reading:
        """Find and judge the declared values.

        Args:
            body: the whole body, not empty.
            locate: every alias is wanted with its place, one finding each; otherwise one finding a distinct form.
        """
        try:
            if not (body.isascii() or _is_utf8(body)):
                return self._unreadable(_encoding_fault(body) or "the body is not UTF-8")
            if not locate and self._decoder is not None and b"\\" not in body:
                counted = _Counted(body)
                root = self._decoder.decode(body)
                if counted.take(self._tree, [root]) and counted.proves(self._height):
                    return counted.reading()
        except msgspec.ValidationError:
            pass  # a shape that the path does not expect: the exact reading says where
        except (msgspec.DecodeError, RecursionError) as error:
            return self._unreadable(_syntax_fault(body, error))
        return self._read_exactly(body)

    def _read_exactly(self, body: bytes) -> Reading:
        try:
            self._validator.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            return self._unreadable(_syntax_fault(body, error))
        if _depth(body) > MAX_DEPTH:
            return self._unreadable(f"the body nests more than {MAX_DEPTH} deep")
        return scan(self._tree, body.decode())

    def _unreadable(self, detail: str) -> Reading:
        return Reading.of(Finding(FindingKind.UNREADABLE, "body", "", None, detail))


class _Counted:
    """One decoded body, column by column, with what must be counted in its bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._expected: Counter[str] = Counter()  # how often each string must occur
        self._meaning: dict[str, str] = {}  # what each of those strings becomes; itself for names
        self._aliases: Counter[tuple[Slot, str]] = Counter()
        self._canonical = 0
        self._containers = 0

    def take(self, node: Node, column: list[Any]) -> bool:
        """Judge everything at one place; False if only an exact reading can say."""
        if node.value:
            return self._take_values(node.value, column)
        self._containers += len(column)
        if node.keys:
            return all(self._take_keys(node.keys, mapping) for mapping in column)
        if node.each:
            return self.take(node.each, list(chain.from_iterable(column)))
        return all(
            self._take_member(name, child, list(map(attrgetter(f"m{position}"), column)))
            for position, (name, child) in enumerate(node.members.items())
        )

    def _take_member(self, name: str, child: Node, column: list[Any]) -> bool:
        present = [value for value in column if value is not msgspec.UNSET]
        if len(present) < len(column) and any(slot.required for slot in child.slots()):
            return False
        return self._expect(name, len(present), name) and self.take(child, present)

    def _take_values(self, slot: Slot, column: list[str]) -> bool:
        distinct = set(column)
        if distinct <= slot.canonical:
            self._canonical += len(column)
            return True
        return len(distinct) <= _MAX_COUNTED and all(self._take(slot, raw, column.count(raw)) for raw in distinct)

    def _take(self, slot: Slot, raw: str, times: int) -> bool:
        match = slot.find(raw)
        if match is None:
            return False
        if match.exact:
            self._canonical += times
            return True
        self._aliases[slot, raw] += times
        return self._expect(raw, times, match.value)

    def _take_keys(self, slot: Slot, mapping: dict[str, Any]) -> bool:
        if len(mapping) > len(slot.canonical):
            return False  # by the pigeonhole two become one, or one is unknown
        values = set()
        for raw in mapping:
            match = slot.find(raw)
            if match is None or not self._take(slot, raw, 1):
                return False
            if match.exact and not self._expect(raw, 1, raw):
                return False
            values.add(match.value)
        return len(values) == len(mapping)

    def _expect(self, text: str, times: int, meaning: str) -> bool:
        self._expected[text] += times
        return (
            self._meaning.setdefault(text, meaning) == meaning
            and "," not in text
            and ":" not in text
            and len(self._expected) <= _MAX_COUNTED
        )

    def proves(self, height: int) -> bool:
        """Whether the bytes hold every string as often as it was met, and nest no deeper than readers take."""
        count = self._body.count
        others = count(b"{") + count(b"[") - self._containers
        shallow = others + height <= MAX_DEPTH or _depth(self._body) <= MAX_DEPTH
        return shallow and all(count(_quoted(text)) == times for text, times in self._expected.items())

    def reading(self) -> Reading:
        """The reading; its rewrite replaces the bytes of the aliases."""
        reading = Reading(Counter({FindingKind.CANONICAL: self._canonical}))
        for (slot, raw), times in self._aliases.items():
            reading.add(slot.alias("", raw), times)
        if self._aliases:
            reading.rewrite = self._rewritten
        return reading

    def _rewritten(self) -> bytes:
        body = self._body
        for text, meaning in self._meaning.items():
            if text != meaning:
                body = body.replace(_quoted(text), _quoted(meaning))
        return body


def _quoted(text: str) -> bytes:
    return b'"%s"' % text.encode()


def _is_utf8(body: bytes) -> bool:
    """Whether a body is UTF-8, without holding it decoded: msgspec skips strings that nobody asked for unchecked."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), _CHUNK):
            decoder.decode(body[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _depth(body: bytes) -> int:
    """How deep the containers of a valid document nest."""
    brackets = _NOT_A_BRACKET.sub(b"", body)
    return max(accumulate(map(_DEPTH_CHANGE.__getitem__, brackets)), default=0)


def _encoding_fault(body: bytes) -> str | None:
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        return "the body begins with a byte order mark: send UTF-8 without one"
    if b"\0" in body[:4]:
        return "the body looks like UTF-16 or UTF-32: send UTF-8"
    return None


def _syntax_fault(body: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"the body nests more than {MAX_DEPTH} deep"
    return _encoding_fault(body) or f"the body is not one JSON document: {error}"
