"""The fast reading of a JSON body: decode just the declared places, then prove by counting that nothing is hidden.

A decoder hides two things: duplicate keys, and where each value stands. Both follow from counting. In a body without a
backslash every string is spelled as it reads, and quotes strictly alternate between opening and closing; between two
strings there is always a ``,`` or a ``:``. So for a text without these, the bytes ``"text"`` occur exactly as often as
the string stands in the document, be it as a name or as a value. If every name and alias on the way occurs as often as
the decoder met it, then no key is hidden, and replacing those bytes replaces those values and nothing else.

What cannot be proved so is not judged here: the caller reads it exactly (``json_scan``).
"""

from __future__ import annotations

import codecs
import json
import re
from functools import partial
from itertools import accumulate, chain
from typing import Any

import msgspec

from stagenorm.boundary.json_tree import Node, typed
from stagenorm.boundary.reading import Reading, Slot

MAX_DEPTH = 128
"""Nesting that every reader takes; stdlib json, orjson and pydantic give up at different depths beyond it."""

_MAX_ALIASES = 16  # distinct aliases that are counted in a body; each costs a pass over it
_CHUNK = 1 << 16
_NOT_A_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[^][{}"]+')
_DEPTH_CHANGE = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


class CountedReader:
    """Reads UTF-8 bodies whose declared places can be decoded and proved.

    Args:
        tree: the declared places.
    """

    def __init__(self, tree: Node) -> None:
        self._root = _Place(tree)
        self._height = tree.height()
        self._strings = msgspec.json.Decoder(typed(tree))

    @classmethod
    def of(cls, tree: Node) -> CountedReader | None:
        """A reader for a tree, or None where its places cannot be decoded alone or its names not be counted."""
        return cls(tree) if typed(tree) is not None and all(map(countable, tree.names())) else None

    def read(self, body: bytes) -> Reading | None:
        """The reading of a body of canonical values and aliases, one finding a distinct alias; None if unproved."""
        if b"\\" in body:
            return None
        try:
            root = self._strings.decode(body)
        except (msgspec.DecodeError, RecursionError):  # a ValidationError is a DecodeError
            return None
        found = _Found()
        if not (found.collect(self._root, [root]) and found.judge() and self._proved(body, found)):
            return None
        reading = Reading(canonical=found.total - sum(found.aliases.values()))
        for (slot, raw), times in found.aliases.items():
            reading.add(slot.alias("", raw), times)
        if found.aliases:
            reading.rewrite = partial(_replace, body, found.meanings)
        return reading

    def _proved(self, body: bytes, found: _Found) -> bool:
        count = body.count
        return all(count(text) == times for text, times in found.texts.items()) and is_shallow(
            body, found.containers, self._height
        )


class _Place:
    """A node of the tree, made ready to be walked along decoded objects."""

    __slots__ = ("each", "keys", "members", "required", "value")

    def __init__(self, node: Node) -> None:
        self.value = node.value
        self.keys = node.keys
        self.each = _Place(node.each) if node.each else None
        self.members = [
            (attribute, spelled(name), _Place(child))
            for attribute, (name, child) in zip(node.attributes(), node.members.items(), strict=True)
        ]
        self.required = any(slot.required for slot in node.slots())


class _Found:
    """What was decoded of one body, and how often each text must then stand in it.

    Attributes:
        texts: names, keys and aliases as they are spelled, each with the number of times it was met.
        total: values met.
        containers: objects and arrays met.
        aliases: aliases met, each with its number of times.
        meanings: aliases as they are spelled, each with the spelling of its canonical value.
    """

    __slots__ = ("_columns", "_objects", "aliases", "containers", "meanings", "texts", "total")

    def __init__(self) -> None:
        self.texts: dict[bytes, int] = {}
        self.total = 0
        self.containers = 0
        self.aliases: dict[tuple[Slot, str], int] = {}
        self.meanings: dict[bytes, bytes] = {}
        self._columns: list[tuple[Slot, list[str]]] = []
        self._objects: list[tuple[Slot, dict[str, Any]]] = []

    def collect(self, place: _Place, column: list[Any]) -> bool:
        """Take in every decoded thing at a place; False if only an exact reading can say."""
        if place.value:
            self.total += len(column)
            self._columns.append((place.value, column))
            return True
        self.containers += len(column)
        if place.each:
            return self.collect(place.each, column[0] if len(column) == 1 else list(chain.from_iterable(column)))
        if place.keys:
            return all(self._collect_keys(place.keys, mapping) for mapping in column)
        for attribute, name, child in place.members:
            below = [getattr(each, attribute) for each in column]
            if below and below[0] is msgspec.UNSET:  # outside arrays, where a column holds one object
                if child.required:
                    return False
                continue
            if not self.collect(child, below):
                return False
            self.texts[name] = self.texts.get(name, 0) + len(column)
        return True

    def _collect_keys(self, slot: Slot, mapping: dict[str, Any]) -> bool:
        self.total += len(mapping)
        self._objects.append((slot, mapping))
        for key in mapping:
            text = spelled(key)
            self.texts[text] = self.texts.get(text, 0) + 1
        return len(mapping) <= len(slot.canonical)  # more would hold an unknown key, or two that become one

    def judge(self) -> bool:
        """Look every value up; False if only an exact reading can say."""
        for slot, column in self._columns:
            strange = set(column) - slot.canonical
            if len(strange) > _MAX_ALIASES:
                return False
            for raw in strange:
                times = column.count(raw)
                text = spelled(raw)
                self.texts[text] = self.texts.get(text, 0) + times
                if not self._is_alias(slot, raw, text, times):
                    return False
        for slot, mapping in self._objects:
            for raw in mapping.keys() - slot.canonical:
                if not self._is_alias(slot, raw, spelled(raw), 1):
                    return False
            if len({match.value for match in map(slot.find, mapping) if match}) < len(mapping):
                return False
        return self._replaceable()

    def _replaceable(self) -> bool:
        """Whether replacing the texts replaces aliases only: none is a name or a canonical key too, or made by another."""
        met: dict[bytes, int] = {}
        for (_, raw), times in self.aliases.items():
            text = spelled(raw)
            met[text] = met.get(text, 0) + times
        return self.meanings.keys().isdisjoint(self.meanings.values()) and all(
            self.texts[text] == times for text, times in met.items()
        )

    def _is_alias(self, slot: Slot, raw: str, text: bytes, times: int) -> bool:
        match = slot.find(raw)
        if match is None or not countable(raw):
            return False
        self.aliases[slot, raw] = self.aliases.get((slot, raw), 0) + times
        meaning = json.dumps(match.value, ensure_ascii=False).encode()
        return self.meanings.setdefault(text, meaning) == meaning


def countable(text: str) -> bool:
    """Whether a text can only stand in a document as a string, so that its bytes may be counted."""
    return "," not in text and ":" not in text


def spelled(text: str) -> bytes:
    """A string as it stands in a body without backslashes."""
    return b'"%s"' % text.encode()


def _replace(body: bytes, meanings: dict[bytes, bytes]) -> bytes:
    for text, meaning in meanings.items():
        body = body.replace(text, meaning)
    return body


def is_shallow(body: bytes, known: int, height: int) -> bool:
    """Whether a valid document nests no deeper than readers take.

    Args:
        body: the document.
        known: how many of its containers lie on the way to a value.
        height: how deep those nest.
    """
    others = body.count(b"{") + body.count(b"[") - known
    return others + height <= MAX_DEPTH or depth(body) <= MAX_DEPTH


def depth(body: bytes) -> int:
    """How deep the containers of a valid document nest."""
    brackets = _NOT_A_BRACKET.sub(b"", body)
    return max(accumulate(map(_DEPTH_CHANGE.__getitem__, brackets)), default=0)


def is_utf8(body: bytes) -> bool:
    """Whether a body is UTF-8, without holding it decoded: msgspec skips strings that nobody asked for unchecked."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), _CHUNK):
            decoder.decode(body[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
