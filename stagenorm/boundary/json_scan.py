"""The exact reading of a valid JSON document: every place, every duplicate key, every string where it stands.

Slower than ``json_counted``, so it runs only when that cannot settle a body. The text is cut at its quotes, and each
string is replaced by its place in the cut: what the standard library then decodes, with objects as pairs, hides no key
and says of every string which one it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from stagenorm.boundary.json_path import pointer
from stagenorm.boundary.json_tree import Node
from stagenorm.boundary.reading import AN_ALIAS, MAX_FINDINGS, NO_ALIASES, Aliases, Reading, Slot
from stagenorm.events import FindingKind

# Numbers are only told from other values: len() is cheaper than int(), which also refuses more than 4,300 digits.
_DECODER = json.JSONDecoder(parse_int=len, parse_float=len, object_pairs_hook=tuple)
_NAMES = {str: "a string", int: "a number", bool: "a boolean", tuple: "an object", list: "an array"}

Steps = tuple[Any, ...]
Members = Sequence[tuple[str, Any]]


def scan(tree: Node, text: str, aliases: Aliases = NO_ALIASES) -> Reading:
    """Read a document that is known to be valid JSON.

    Args:
        tree: the declared places.
        text: the document.
        aliases: temporary aliases that count now.
    """
    pieces = _cut(text)
    numbered = pieces.copy()
    numbered[1::2] = map(str, range(1, len(pieces), 2))
    scanner = _Scanner(pieces, Reading(aliases=aliases))
    scanner.walk(tree, _DECODER.decode('"'.join(numbered)), ())
    return scanner.reading()


def _cut(text: str) -> list[str]:
    """A document cut at the quotes of its strings, so that these, as they are spelled, stand at the odd places."""
    if "\\" not in text:
        return text.split('"')
    pieces = []
    at = 0
    # Of the same length, but with no other quotes left than those that begin and end a string.
    for piece in text.replace("\\\\", "..").replace('\\"', "..").split('"'):
        pieces.append(text[at : at + len(piece)])
        at += len(piece) + 1
    return pieces


class _Scanner:
    """Walks a decoded document in which every string is a number: the place of its spelling among the pieces.

    A body may hold half a million misshapen places or unknown values, so what repeats is kept, and what there is no
    room to describe is only counted.
    """

    def __init__(self, pieces: list[str], reading: Reading) -> None:
        self._pieces = pieces
        self._reading = reading
        self._aliases: dict[int, str] = {}  # canonical values by the position of what they replace
        self._meaning = cache(reading.meaning)
        self._slots = cache(Node.slots)

    def reading(self) -> Reading:
        """What was found."""
        if self._aliases:
            self._reading.rewrite = self._rewritten
        return self._reading

    def _rewritten(self) -> bytes:
        pieces = self._pieces.copy()
        for position, value in self._aliases.items():
            pieces[position] = json.dumps(value, ensure_ascii=False)[1:-1]
        return '"'.join(pieces).encode()

    def walk(self, node: Node, found: Any, steps: Steps) -> None:
        """Judge everything at and below one place."""
        kind = type(found)
        if node.value:
            if kind is str:
                self._judge(node.value, found, self._text(found), steps)
            else:
                self._refuse(node, _misshapen(found, "a string"), steps)
        elif node.each or node.items:
            if kind is list:
                self._array(node, found, steps)
            else:
                self._refuse(node, _misshapen(found, "an array"), steps)
        elif kind is not tuple:
            self._refuse(node, _misshapen(found, "an object"), steps)
        elif node.keys:
            self._keys(node.keys, found, steps)
        else:
            self._members(node, found, steps)

    def _text(self, position: str) -> str:
        spelled = self._pieces[int(position)]
        return json.loads(f'"{spelled}"') if "\\" in spelled else spelled

    def _judge(self, slot: Slot, position: str, raw: str, steps: Steps) -> None:
        value = self._meaning(slot, raw)
        if value is None:
            self._add(FindingKind.UNKNOWN, slot, steps, raw)
        elif value == raw:
            self._reading.canonical += 1
        else:
            self._aliases[int(position)] = value
            self._add(FindingKind.ALIAS, slot, steps, raw, AN_ALIAS)

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

    def _array(self, node: Node, elements: list[Any], steps: Steps) -> None:
        if node.each:
            for index, element in enumerate(elements):
                self.walk(node.each, element, (*steps, index))
        for index, child in node.items.items():
            if index < len(elements):
                self.walk(child, elements[index], (*steps, index))
            else:
                self._require(child, (*steps, index))

    def _members(self, node: Node, members: Members, steps: Steps) -> None:
        values = {self._text(position): value for position, value in members}
        for name, child in node.members.items():
            if name not in values:
                self._require(child, (*steps, name))
            elif len(values) < len(members) and sum(self._text(position) == name for position, _ in members) > 1:
                self._refuse(child, f"the key {name!a} stands twice", (*steps, name))
            else:
                self.walk(child, values[name], (*steps, name))

    def _keys(self, slot: Slot, members: Members, steps: Steps) -> None:
        if not members:
            return
        names = [self._text(position) for position, _ in members]
        seen = Counter(names)
        meant = Counter(self._meaning(slot, name) for name in seen)
        for name, (position, _) in zip(names, members, strict=True):
            value = self._meaning(slot, name)
            if seen[name] > 1:
                self._add(FindingKind.UNREADABLE, slot, (*steps, name), name, "the key stands twice")
            elif value is not None and meant[value] > 1:
                self._add(FindingKind.UNREADABLE, slot, (*steps, name), name, f"two keys become {value!a}")
            else:
                self._judge(slot, position, name, (*steps, name))


def _misshapen(found: Any, expected: str) -> str:
    return f"{_NAMES.get(type(found), 'null')} stands where {expected} belongs"
