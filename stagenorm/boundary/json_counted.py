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
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from operator import attrgetter
from typing import Any

import msgspec

from stagenorm.boundary.json_tree import Node, typed
from stagenorm.boundary.reading import AN_ALIAS, Reading, Slot
from stagenorm.events import FindingKind

MAX_DEPTH = 128
"""Nesting that every reader takes; stdlib json, orjson and pydantic give up at different depths beyond it."""

_MAX_ALIASES = 16  # distinct aliases that are counted in a body; each costs a pass over it
_CHUNK = 1 << 16
_BACKSLASH = 0x5C  # searched as a number: six times as fast as b"\\"
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_DEPTH_CHANGE = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


@dataclass(slots=True)
class _Survey:
    """What a decoded object holds: at the root everything but array elements, in an element everything.

    Attributes:
        names: member names that lead on, as they are spelled.
        values: how to get each value, and its field.
        arrays: how to get each array, and the survey of one element.
        keyed: how to get each object whose keys are values, and their field.
        containers: how many objects and arrays.
    """

    names: list[bytes] = field(default_factory=list)
    values: list[tuple[Callable[[Any], str], Slot]] = field(default_factory=list)
    arrays: list[tuple[Callable[[Any], list[Any]], _Survey]] = field(default_factory=list)
    keyed: list[tuple[Callable[[Any], dict[str, Any]], Slot]] = field(default_factory=list)
    containers: int = 0

    def take(self, node: Node, path: str = "") -> _Survey:
        """Add a node and all below it; the path leads to it in the decoded object."""
        get: Callable[[Any], Any] = attrgetter(path) if path else _itself
        if node.value:
            self.values.append((get, node.value))
            return self
        self.containers += 1
        if node.keys:
            self.keyed.append((get, node.keys))
        if node.each:
            self.arrays.append((get, _Survey().take(node.each)))
        for attribute, (name, child) in zip(node.attributes(), node.members.items(), strict=True):
            self.names.append(spelled(name))
            self.take(child, f"{path}.{attribute}" if path else attribute)
        return self

    def is_flat(self) -> bool:
        """Whether the arrays hold no arrays and no keyed objects."""
        return not any(element.arrays or element.keyed for _, element in self.arrays)


class CountedReader:
    """Reads UTF-8 bodies in which no declared place is absent and every value is canonical or an alias.

    Args:
        tree: the declared places.
    """

    def __init__(self, tree: Node) -> None:
        self._survey = _Survey().take(tree)
        self._height = tree.height()
        self._decode_canonical = msgspec.json.Decoder(typed(tree, canonical=True)).decode
        self._decode_strings = msgspec.json.Decoder(typed(tree, canonical=False)).decode

    @classmethod
    def of(cls, tree: Node) -> CountedReader | None:
        """A reader for a tree, or None.

        One with ``[n]``, nested arrays, a name that stands twice or one that needs escapes is not for it, nor one whose
        canonical values hold quotes: what replaces one alias could then hold another.
        """
        names = tree.names()
        values = [value for slot in tree.slots() for value in slot.canonical]
        serves = (
            len(set(names)) == len(names)
            and all(_countable(name) and json.dumps(name, ensure_ascii=False) == f'"{name}"' for name in names)
            and not any('"' in value for value in values)
            and typed(tree, canonical=True) is not None
            and _Survey().take(tree).is_flat()
        )
        return cls(tree) if serves else None

    def count_canonical(self, body: bytes) -> int | None:
        """How many values a body holds, if all of them are canonical and that is proved; else None.

        Nearly every request ends here: the decoder itself refuses whatever is not canonical.
        """
        if not _is_plain(body):
            return None
        try:
            root = self._decode_canonical(body)
        except (msgspec.DecodeError, RecursionError):  # a ValidationError is a DecodeError
            return None
        survey = self._survey
        count = body.count
        for name in survey.names:
            if count(name) != 1:
                return None
        total, containers = len(survey.values), survey.containers
        for get, element in survey.arrays:
            length = len(get(root))
            for name in element.names:
                if count(name) != length:
                    return None
            total += length * len(element.values)
            containers += length * element.containers
        for get_keyed, _ in survey.keyed:
            keys = get_keyed(root)
            if any(count(spelled(key)) != 1 for key in keys):
                return None
            total += len(keys)
        return total if _is_shallow(body, containers, self._height) else None

    def read(self, body: bytes) -> Reading | None:
        """The reading of a body of canonical values and aliases, one finding a distinct alias; None if unproved."""
        if not _is_plain(body):
            return None
        try:
            root = self._decode_strings(body)
        except (msgspec.DecodeError, RecursionError):
            return None
        survey = self._survey
        found = _Found(dict.fromkeys(survey.names, 1))
        judged = all(found.take(slot, [get(root)]) for get, slot in survey.values)
        containers = survey.containers
        for get_array, element in survey.arrays:
            items = get_array(root)
            containers += len(items) * element.containers
            for name in element.names:
                found.expected[name] = len(items)
            for get, slot in element.values:
                judged = judged and found.take(slot, list(map(get, items)))
        for get_keyed, slot in survey.keyed:
            judged = judged and found.take_keys(slot, list(get_keyed(root)))
        if judged and found.is_proved(body) and _is_shallow(body, containers, self._height):
            return found.reading(body)
        return None


class _Found:
    """The values of one body while they are judged.

    Attributes:
        expected: how often each text (a name, key or alias as it is spelled) must then stand in the body.
    """

    __slots__ = ("_aliases", "_canonical", "_meanings", "expected")

    def __init__(self, expected: dict[bytes, int]) -> None:
        self.expected = expected
        self._canonical = 0
        self._aliases: list[tuple[Slot, str, int]] = []
        self._meanings: dict[bytes, bytes] = {}

    def take(self, slot: Slot, column: list[str]) -> bool:
        """Judge the values of one field; False if only an exact reading can say."""
        strange = set(column) - slot.canonical
        if len(strange) > _MAX_ALIASES:
            return False
        self._canonical += len(column)
        for raw in strange:
            match = slot.find(raw)
            text = spelled(raw)
            # A text that is met elsewhere too cannot be replaced everywhere.
            if match is None or text in self.expected or not _countable(raw):
                return False
            times = column.count(raw)
            self.expected[text] = times
            self._meanings[text] = slot.spelled[match.value]
            self._aliases.append((slot, raw, times))
            self._canonical -= times
        return True

    def take_keys(self, slot: Slot, keys: list[str]) -> bool:
        """Judge the keys of one object; False if only an exact reading can say."""
        canonical = [key for key in keys if key in slot.canonical]
        for key in canonical:
            text = spelled(key)
            if text in self.expected:
                return False
            self.expected[text] = 1
        matches = [slot.find(key) for key in keys[: len(slot.canonical) + 1]]
        apart = len({match.value for match in matches if match}) == len(keys)
        return apart and self.take(slot, keys)

    def is_proved(self, body: bytes) -> bool:
        """Whether every text stands in the body just as often as it was met, and no replacement makes another's."""
        count = body.count
        for text, times in self.expected.items():
            if count(text) != times:
                return False
        return self._meanings.keys().isdisjoint(self._meanings.values())

    def reading(self, body: bytes) -> Reading:
        """The reading; its rewrite replaces the bytes of the aliases."""
        reading = Reading(self._canonical)
        for slot, raw, times in self._aliases:
            reading.add(FindingKind.ALIAS, slot, "", raw, detail=AN_ALIAS, times=times)
        if self._meanings:
            reading.rewrite = partial(_replace, body, self._meanings)
        return reading


def _is_plain(body: bytes) -> bool:
    """Whether a body is UTF-8 in which every string is spelled as it reads."""
    return _BACKSLASH not in body and (body.isascii() or is_utf8(body))


def _itself(root: Any) -> Any:
    return root


def _countable(text: str) -> bool:
    """Whether a text can only stand in a document as a string, so that its bytes may be counted."""
    return "," not in text and ":" not in text


def spelled(text: str) -> bytes:
    """A string as it stands in a body without backslashes."""
    return b'"%s"' % text.encode()


def _replace(body: bytes, meanings: dict[bytes, bytes]) -> bytes:
    for text, meaning in meanings.items():
        body = body.replace(text, meaning)
    return body


def _is_shallow(body: bytes, known: int, height: int) -> bool:
    """Whether a valid document nests no deeper than readers take.

    Args:
        body: the document.
        known: how many of its containers lie on the way to a value.
        height: how deep those nest.
    """
    room = MAX_DEPTH - height + known - body.count(b"{")
    at = body.find(b"[")  # arrays are fewer: finding a few is faster than counting through a large body
    while at >= 0 and room >= 0:
        room -= 1
        at = body.find(b"[", at + 1)
    return room >= 0 or depth(body) <= MAX_DEPTH


def depth(body: bytes) -> int:
    """How deep the containers of a valid document nest."""
    if _BACKSLASH in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # what quotes are left begin or end a string
    brackets = b"".join(body.split(b'"')[0::2]).translate(None, _NO_BRACKETS)
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
