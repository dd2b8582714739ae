"""The exact reading of a valid JSON document: every place, every duplicate key, every span of text.

Slower than ``json_body``'s decoding, so it runs only when that cannot settle a body. It walks the containers on the
way itself and has the standard library's C scanner skip everything else.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from stagenorm.boundary.json_path import pointer
from stagenorm.boundary.json_tree import Node
from stagenorm.boundary.reading import Reading, Slot, splice
from stagenorm.events import FindingKind

_SPACES = frozenset(" \t\n\r")
_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers are only skipped: len() is cheaper than int(), which also refuses more than 4,300 digits.
_scan_once: Callable[[str, int], tuple[Any, int]] = cast(
    Any, json.JSONDecoder(parse_int=len, parse_float=len)
).scan_once
_NAMES = {str: "a string", int: "a number", bool: "a boolean", dict: "an object", list: "an array"}

Steps = tuple[Any, ...]


def scan(tree: Node, text: str) -> Reading:
    """Read a document that is known to be valid JSON.

    Args:
        tree: the declared places.
        text: the document.
    """
    scanner = _Scanner(text)
    scanner.walk(tree, scanner.after_space(0), ())
    if scanner.edits:
        scanner.reading.rewrite = lambda: splice(text, scanner.edits).encode()
    return scanner.reading


@dataclass(slots=True)
class _Member:
    """One member of an object: its name, where the name's quotes stand, and where its value begins."""

    name: str
    start: int
    end: int
    value: int


@dataclass(slots=True)
class _Scanner:
    text: str
    reading: Reading = field(default_factory=Reading)
    edits: list[tuple[int, int, str]] = field(default_factory=list)  # in document order

    def after_space(self, at: int) -> int:
        if self.text[at : at + 1] not in _SPACES:
            return at
        found = _SPACE.match(self.text, at)
        assert found is not None
        return found.end()

    def walk(self, node: Node, at: int, steps: Steps) -> int:
        """Read the value that begins at a position; returns the position behind it."""
        if node.value:
            return self._value(node.value, at, steps)
        if (node.each or node.items) and self.text[at] == "[":
            return self._array(node, at, steps)
        if (node.keys or node.members) and self.text[at] == "{":
            return self._object(node, at, steps)
        expected = "an array" if node.each or node.items else "an object"
        found, end = self._skip(at)
        for slot in node.slots():
            self._unreadable(slot, steps, f"{_name(found)} stands where {expected} belongs")
        return end

    def _skip(self, at: int) -> tuple[Any, int]:
        return _scan_once(self.text, at)

    def _value(self, slot: Slot, at: int, steps: Steps) -> int:
        raw, end = self._skip(at)
        if isinstance(raw, str):
            self._judge(slot, raw, steps, at, end)
        else:
            self._unreadable(slot, steps, f"{_name(raw)} stands where a string belongs")
        return end

    def _judge(self, slot: Slot, raw: str, steps: Steps, start: int, end: int) -> None:
        value = self.reading.judge(slot, pointer(steps), raw)
        if value is not None:
            self.edits.append((start, end, json.dumps(value, ensure_ascii=False)))

    def _unreadable(self, slot: Slot, steps: Steps, detail: str, raw: str | None = None) -> None:
        self.reading.add(FindingKind.UNREADABLE, slot, pointer(steps), raw, detail=detail)

    def _array(self, node: Node, at: int, steps: Steps) -> int:
        at = self.after_space(at + 1)
        index = 0
        while self.text[at] != "]":
            child = node.each or node.items.get(index)
            at = self.walk(child, at, (*steps, index)) if child else self._skip(at)[1]
            at = self.after_space(at)
            if self.text[at] == ",":
                at = self.after_space(at + 1)
            index += 1
        for missing, child in node.items.items():
            if missing >= index:
                self._require(child, (*steps, missing))
        return at + 1

    def _object(self, node: Node, at: int, steps: Steps) -> int:
        members, end = self._members(at)
        seen = Counter(member.name for member in members)
        for member in members:
            child = node.members.get(member.name)
            if child and seen[member.name] == 1:
                self.walk(child, member.value, (*steps, member.name))
        for name, child in node.members.items():
            if seen[name] > 1:
                for slot in child.slots():
                    self._unreadable(slot, (*steps, name), f"the key {name!a} stands twice")
            elif not seen[name]:
                self._require(child, (*steps, name))
        if node.keys:
            self._keys(node.keys, members, seen, steps)
        return end

    def _members(self, at: int) -> tuple[list[_Member], int]:
        """The members of the object that begins at a position, and the position behind it."""
        members = []
        at = self.after_space(at + 1)
        while self.text[at] != "}":
            name, end = self._skip(at)
            value = self.after_space(self.after_space(end) + 1)
            members.append(_Member(name, at, end, value))
            at = self.after_space(self._skip(value)[1])
            if self.text[at] == ",":
                at = self.after_space(at + 1)
        return members, at + 1

    def _require(self, node: Node, steps: Steps) -> None:
        for slot in node.slots():
            if slot.required:
                self._unreadable(slot, steps, "the value is required and absent")

    def _keys(self, slot: Slot, members: list[_Member], seen: Counter[str], steps: Steps) -> None:
        meant = Counter(match.value for match in map(slot.find, seen) if match)
        for member in members:
            match = slot.find(member.name)
            if seen[member.name] > 1:
                detail = "the key stands twice"
            elif match and meant[match.value] > 1:
                detail = f"two keys become {match.value!a}"
            else:
                self._judge(slot, member.name, (*steps, member.name), member.start, member.end)
                continue
            self._unreadable(slot, (*steps, member.name), detail, member.name)


def _name(value: Any) -> str:
    return _NAMES.get(type(value), "null")
