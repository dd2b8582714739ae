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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, filterfalse
from operator import attrgetter
from typing import Any

import msgspec

from stagenorm.boundary.json_tree import Node, typed
from stagenorm.boundary.reading import Reading, Slot, countable, spelled

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
        survey = self._survey = _Survey().take(tree)
        # What every request needs, without the way through the survey.
        self._names = survey.names
        self._arrays = [(get, each.names, len(each.values), each.containers) for get, each in survey.arrays]
        self._keyed = survey.keyed
        self._values, self._containers = len(survey.values), survey.containers
        self._columns = list(_columns(survey))
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
            and all(countable(name) and json.dumps(name, ensure_ascii=False) == f'"{name}"' for name in names)
            and not any('"' in value for value in values)
            and typed(tree, canonical=True) is not None
            and _Survey().take(tree).is_flat()
        )
        return cls(tree) if serves else None

    def count_canonical(self, body: bytes) -> int | None:
        """How many values a body holds, if all of them are canonical and that is proved; else None.

        Nearly every request ends here: the decoder itself refuses whatever is not canonical.
        """
        if _BACKSLASH in body or not (body.isascii() or is_utf8(body)):
            return None
        try:
            root = self._decode_canonical(body)
        except (msgspec.DecodeError, RecursionError):  # a ValidationError is a DecodeError
            return None
        return self._prove(body, root)

    def _prove(self, body: bytes, root: Any) -> int | None:
        """How many values a decoded body holds; None unless every key on the way was met, and it is shallow."""
        count = body.count
        for name in self._names:
            if count(name) != 1:
                return None
        total, containers = self._values, self._containers
        for get, names, values, each in self._arrays:
            length = len(get(root))
            for name in names:
                if count(name) != length:
                    return None
            total += length * values
            containers += length * each
        for get_keyed, slot in self._keyed:
            keys = get_keyed(root)
            # More keys than values cannot all be good, and each costs a pass over the body.
            if len(keys) > len(slot.canonical) or any(count(spelled(key)) != 1 for key in keys):
                return None
            total += len(keys)
        return total if _is_shallow(body, containers, self._height) else None

    def read(self, body: bytes) -> Reading | None:
        """The reading of a body of canonical values and aliases, one finding a distinct alias; None if unproved."""
        if _BACKSLASH in body or not (body.isascii() or is_utf8(body)):
            return None
        try:
            root = self._decode_strings(body)
        except (msgspec.DecodeError, RecursionError):
            return None
        total = self._prove(body, root)
        if total is None:
            return None
        rewritten = body
        aliases: list[tuple[Slot, str]] = []
        canonical = total
        for slot, column_of in self._columns:
            column = column_of(root)
            # In the order in which they stand.
            for raw in filterfalse(slot.canonical.__contains__, dict.fromkeys(column)):
                respelled = slot.respelled(raw)
                if respelled is None or len(aliases) == _MAX_ALIASES:
                    return None
                text, meaning = respelled
                times = column.count(raw)
                pieces = rewritten.split(text)
                # A text that is met elsewhere too, or that another replacement made, cannot be replaced everywhere.
                if len(pieces) != times + 1:
                    return None
                rewritten = meaning.join(pieces)
                aliases.append((slot, raw))
                canonical -= times
        if not aliases:
            return Reading(total)
        if self._keyed and not self._are_apart(root):
            return None
        return Reading.of_aliases(aliases, total - canonical, canonical, rewritten)

    def _are_apart(self, root: Any) -> bool:
        """Whether no two keys of one object mean one value."""
        for get, slot in self._keyed:
            keys = get(root)
            matches = [slot.find(key) for key in keys]
            if len({match.value for match in matches if match}) < len(keys):
                return False
        return True


_Column = Callable[[Any], list[str]]


def _columns(survey: _Survey) -> Iterator[tuple[Slot, _Column]]:
    """Every field, and how to get its values."""
    for get, slot in survey.values:
        yield slot, _single(get)
    for get_array, element in survey.arrays:
        for get, slot in element.values:
            yield slot, _each(get_array, get)
    for get_keyed, slot in survey.keyed:
        yield slot, _names(get_keyed)


def _single(get: Callable[[Any], str]) -> _Column:
    return lambda root: [get(root)]


def _each(get_array: Callable[[Any], list[Any]], get: Callable[[Any], str]) -> _Column:
    return lambda root: list(map(get, get_array(root)))


def _names(get: Callable[[Any], dict[str, Any]]) -> _Column:
    return lambda root: list(get(root))


def _itself(root: Any) -> Any:
    return root


def _is_shallow(body: bytes, known: int, height: int) -> bool:
    """Whether a valid document nests no deeper than readers take.

    Args:
        body: the document.
        known: how many of its containers lie on the way to a value.
        height: how deep those nest.
    """
    objects = len(body) // 5 + 1  # an object around another takes five bytes: {"":}
    if objects > MAX_DEPTH:
        objects = height - known + body.count(b"{")
    room = MAX_DEPTH - objects
    at = body.find(b"[")  # arrays are fewer: finding a few is faster than counting through a large body
    while at >= 0 and room >= 0:
        room -= 1
        at = body.find(b"[", at + 1)
    return room >= 0 or depth(body) <= MAX_DEPTH


def depth(body: bytes) -> int:
    """How deep the containers of a valid document nest, held in small pieces: it may be made of quotes."""
    deepest = now = start = 0
    inside = False  # of a string
    while start < len(body):
        end = start + _CHUNK
        while body[end - 1 : end] == b"\\":  # an escape is not cut in two
            end += 1
        chunk = body[start:end]
        start = end
        if _BACKSLASH in chunk:
            chunk = chunk.replace(b"\\\\", b"").replace(b'\\"', b"")  # what quotes are left begin or end a string
        pieces = chunk.split(b'"')
        brackets = b"".join(pieces[inside::2]).translate(None, _NO_BRACKETS)
        if brackets:
            levels = list(accumulate(map(_DEPTH_CHANGE.__getitem__, brackets), initial=now))
            deepest, now = max(deepest, *levels), levels[-1]
        inside ^= len(pieces) % 2 == 0
    return deepest


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
