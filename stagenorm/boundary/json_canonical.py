"""The fastest reading of a JSON body, for what nearly every request is: canonical values and nothing strange.

The decoder itself refuses whatever is not canonical, so only the proof is left, by the counting that ``json_counted``
explains. It serves trees in which every name stands once, and whose arrays hold no arrays and no keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec

from stagenorm.boundary.json_counted import countable, is_shallow, is_utf8, spelled
from stagenorm.boundary.json_tree import Node, typed


@dataclass(slots=True)
class _Survey:
    """What one object on the way holds, arrays and keyed objects apart.

    Attributes:
        names: member names that lead on, as they are spelled.
        values: how many values.
        containers: how many objects and arrays.
        arrays: how to get each array from the root, and the survey of one element.
        keyed: how to get each object whose keys are values.
    """

    names: list[bytes] = field(default_factory=list)
    values: int = 0
    containers: int = 0
    arrays: list[tuple[Callable[[Any], list[Any]], _Survey]] = field(default_factory=list)
    keyed: list[Callable[[Any], dict[str, Any]]] = field(default_factory=list)

    def take(self, node: Node, path: str) -> _Survey:
        """Add a node and all below it; the path leads to it from the root."""
        if node.value:
            self.values += 1
            return self
        self.containers += 1
        get: Callable[[Any], Any] = attrgetter(path) if path else _itself
        if node.keys:
            self.keyed.append(get)
        if node.each:
            self.arrays.append((get, _Survey().take(node.each, "")))
        for attribute, (name, child) in zip(node.attributes(), node.members.items(), strict=True):
            self.names.append(spelled(name))
            self.take(child, f"{path}.{attribute}" if path else attribute)
        return self

    def is_flat(self) -> bool:
        """Whether the arrays hold no arrays and no keyed objects."""
        return not any(element.arrays or element.keyed for _, element in self.arrays)


class CanonicalReader:
    """Counts the values of UTF-8 bodies that hold canonical values only.

    Args:
        tree: the declared places.
    """

    def __init__(self, tree: Node) -> None:
        self._decode = msgspec.json.Decoder(typed(tree, canonical=True)).decode
        self._height = tree.height()
        self._survey = _Survey().take(tree, "")

    @classmethod
    def of(cls, tree: Node) -> CanonicalReader | None:
        """A reader for a tree, or None if it does not serve it."""
        names = tree.names()
        serves = (
            typed(tree, canonical=True) is not None
            and len(set(names)) == len(names)
            and all(map(countable, names))
            and _Survey().take(tree, "").is_flat()
        )
        return cls(tree) if serves else None

    def count(self, body: bytes) -> int | None:
        """How many values a body holds, if all of them are canonical and that is proved; else None."""
        if b"\\" in body or not (body.isascii() or is_utf8(body)):
            return None
        try:
            root = self._decode(body)
        except (msgspec.DecodeError, RecursionError):  # a ValidationError is a DecodeError
            return None
        survey = self._survey
        count = body.count
        for name in survey.names:
            if count(name) != 1:
                return None
        total, containers = survey.values, survey.containers
        for get, element in survey.arrays:
            length = len(get(root))
            for name in element.names:
                if count(name) != length:
                    return None
            total += length * element.values
            containers += length * element.containers
        if survey.keyed:
            keys = [key for get_keyed in survey.keyed for key in get_keyed(root)]
            if any(count(spelled(key)) != 1 for key in keys):
                return None
            total += len(keys)
        return total if is_shallow(body, containers, self._height) else None


def _itself(root: Any) -> Any:
    return root
