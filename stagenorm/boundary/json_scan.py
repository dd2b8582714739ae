"""The exact reading of a valid JSON document: every place, every duplicate key, every string where it stands.

Slower than ``json_counted``, so it runs only when that cannot settle a body. It walks the bytes along the declared places
and steps over all else without decoding it, so that it holds next to nothing beside the body, whatever that is made of.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from stagenorm.boundary.edits import Edits
from stagenorm.boundary.json_path import pointer
from stagenorm.boundary.json_tree import Node
from stagenorm.boundary.reading import AN_ALIAS, MAX_FINDINGS, NO_ALIASES, Aliases, Reading, Slot
from stagenorm.events import FindingKind

MAX_BAD_KEYS = 1000
"""Member names beyond the values that there are, after which an object whose keys are values is not read on."""

_REMEMBERED = 1024
_WHITE = re.compile(rb"[ \t\n\r]*")
_SEPARATOR = re.compile(rb"[ \t\n\r]*[,:]?[ \t\n\r]*")
_PLAIN_STRING = re.compile(rb'"[^"\\]*"')
_SCALAR = re.compile(rb"[^,\]} \t\n\r]+")
_FLAT = re.compile(rb'(?:[^"{}\[\]]+|"[^"\\]*"){0,1000}')  # bounded, since the engine remembers every turn
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_OBJECT, _ARRAY = ord("{"), ord("[")
_ENDS = (ord("}"), ord("]"))
_BRACKETS = (_OBJECT, _ARRAY, *_ENDS)
_NAMES = {_QUOTE: "a string", _OBJECT: "an object", _ARRAY: "an array", ord("n"): "null"} | dict.fromkeys(
    b"tf", "a boolean"
)

Steps = tuple[Any, ...]
Member = tuple[int, int, int, int]
"""Where a member's name begins and ends, quotes included, and where its value begins and ends."""


def scan(tree: Node, body: bytes, aliases: Aliases = NO_ALIASES) -> Reading:
    """Read a document that is known to be valid JSON in UTF-8.

    Args:
        tree: the declared places.
        body: the document.
        aliases: temporary aliases that count now.
    """
    scanner = _Scanner(body, Reading(aliases=aliases))
    scanner.walk(tree, _after_white(body, 0), ())
    return scanner.reading()


class _Scanner:
    """Walks a document; every method that reads a value takes where it begins, and tells where it ends."""

    def __init__(self, body: bytes, reading: Reading) -> None:
        self._body = body
        self._reading = reading
        self._edits = Edits()
        # A body may hold half a million misshapen places or unknown values: what repeats is kept.
        self._meaning = lru_cache(_REMEMBERED)(reading.meaning)
        self._slots = cache(Node.slots)

    def reading(self) -> Reading:
        """What was found."""
        if self._edits:
            self._reading.rewrite = lambda: self._edits.applied(self._body)
        return self._reading

    def walk(self, node: Node, at: int, steps: Steps) -> int:
        """Judge everything at and below one place."""
        kind = self._body[at]
        if node.value:
            if kind == _QUOTE:
                end = _string_end(self._body, at)
                self._judge(node.value, at, end, self._text(at, end), steps)
                return end
            return self._misshapen(node, at, "a string", steps)
        if node.each or node.items:
            return self._array(node, at, steps) if kind == _ARRAY else self._misshapen(node, at, "an array", steps)
        if kind != _OBJECT:
            return self._misshapen(node, at, "an object", steps)
        return self._keys(node.keys, at, steps) if node.keys else self._members(node, at, steps)

    def _text(self, at: int, end: int) -> str:
        spelled = self._body[at:end]
        return str(json.loads(spelled)) if _BACKSLASH in spelled else spelled[1:-1].decode()

    def _judge(self, slot: Slot, at: int, end: int, raw: str, steps: Steps) -> None:
        value = self._meaning(slot, raw)
        if value is None:
            self._add(FindingKind.UNKNOWN, slot, steps, raw)
        elif value == raw:
            self._reading.canonical += 1
        else:
            self._edits.add(at, end, slot.spelled[value])
            self._add(FindingKind.ALIAS, slot, steps, raw, AN_ALIAS)

    def _misshapen(self, node: Node, at: int, expected: str, steps: Steps) -> int:
        found = _NAMES.get(self._body[at], "a number")
        self._refuse(node, f"{found} stands where {expected} belongs", steps)
        return _value_end(self._body, at)

    def _refuse(self, node: Node, detail: str, steps: Steps) -> None:
        for slot in self._slots(node):
            self._add(FindingKind.UNREADABLE, slot, steps, detail=detail)

    def _add(self, kind: FindingKind, slot: Slot, steps: Steps, raw: str | None = None, detail: str = "") -> None:
        counts = self._reading.counts
        before = counts.get(kind, 0)
        if before < MAX_FINDINGS:
            self._reading.add(kind, slot, pointer(steps), raw, detail=detail)
        else:
            counts[kind] = before + 1

    def _require(self, node: Node, steps: Steps) -> None:
        for slot in self._slots(node):
            if slot.required:
                self._add(FindingKind.UNREADABLE, slot, steps, detail="the value is required and absent")

    def _array(self, node: Node, at: int, steps: Steps) -> int:
        body = self._body
        at = _after_white(body, at + 1)
        index = 0
        while body[at] not in _ENDS:
            child = node.each or node.items.get(index)
            end = self.walk(child, at, (*steps, index)) if child else _value_end(body, at)
            at = _after_separator(body, end)
            index += 1
        for wanted, child in node.items.items():
            if wanted >= index:
                self._require(child, (*steps, wanted))
        return at + 1

    def _members(self, node: Node, at: int, steps: Steps) -> int:
        found: dict[str, int] = {}
        repeated = set()
        end = at + 1
        for start, stop, value, end in self._each_member(at):  # noqa: B007 - where the last one ends
            name = self._text(start, stop)
            if name in node.members:
                if name in found:
                    repeated.add(name)
                found[name] = value
        for name, child in node.members.items():
            where = (*steps, name)
            if name not in found:
                self._require(child, where)
            elif name in repeated:
                self._refuse(child, f"the key {name!a} stands twice", where)
            else:
                self.walk(child, found[name], where)
        return _after_white(self._body, end) + 1

    def _keys(self, slot: Slot, at: int, steps: Steps) -> int:
        names: Counter[str] = Counter()
        most = len(slot.canonical) + MAX_BAD_KEYS
        end = at + 1
        for start, stop, _, end in self._each_member(at):  # noqa: B007 - where the last one ends
            names[self._text(start, stop)] += 1
            if len(names) > most:
                detail = f"the object has more than {most} keys, of which {len(slot.canonical)} can be values"
                self._add(FindingKind.UNREADABLE, slot, steps, detail=detail)
                return _value_end(self._body, at)
        meant = Counter(self._meaning(slot, name) for name in names)
        for start, stop, _, _ in self._each_member(at):
            name = self._text(start, stop)
            meaning = self._meaning(slot, name)
            where = (*steps, name)
            if names[name] > 1:
                self._add(FindingKind.UNREADABLE, slot, where, name, "the key stands twice")
            elif meaning is not None and meant[meaning] > 1:
                self._add(FindingKind.UNREADABLE, slot, where, name, f"two keys become {meaning!a}")
            else:
                self._judge(slot, start, stop, name, where)
        return _after_white(self._body, end) + 1

    def _each_member(self, at: int) -> Iterator[Member]:
        """The members of the object at a place."""
        body = self._body
        at = _after_white(body, at + 1)
        while body[at] not in _ENDS:
            stop = _string_end(body, at)
            value = _after_separator(body, stop)
            end = _value_end(body, value)
            yield at, stop, value, end
            at = _after_separator(body, end)


def _after_white(body: bytes, at: int) -> int:
    return _WHITE.match(body, at).end()  # type: ignore[union-attr]


def _after_separator(body: bytes, at: int) -> int:
    """Behind the ``,`` or ``:`` that follows; at the bracket, where that follows instead."""
    return _SEPARATOR.match(body, at).end()  # type: ignore[union-attr]


def _string_end(body: bytes, at: int) -> int:
    """Behind the quote that ends the string whose first quote is at a place."""
    plain = _PLAIN_STRING.match(body, at)
    if plain:
        return plain.end()
    start = at + 1
    while True:
        end = body.index(b'"', start)
        before = body[start:end]
        # An even number of backslashes escape each other; what stands before an escaped quote was seen already.
        if not before.endswith(b"\\") or (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            return end + 1
        start = end + 1


def _value_end(body: bytes, at: int) -> int:
    """Behind the value that begins at a place, whatever it is."""
    first = body[at]
    if first == _QUOTE:
        return _string_end(body, at)
    if first not in (_OBJECT, _ARRAY):
        return _SCALAR.match(body, at).end()  # type: ignore[union-attr]
    depth = 0
    while True:
        at = _FLAT.match(body, at).end()  # type: ignore[union-attr]
        found = body[at]
        if found == _QUOTE:
            at = _string_end(body, at)
        elif found in _BRACKETS:
            depth += -1 if found in _ENDS else 1
            at += 1
            if not depth:
                return at
