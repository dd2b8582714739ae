"""The declared JSON fields of an endpoint as one tree of places, and the msgspec type that decodes just those.

Only the shape lives here; ``json_body`` reads a body along it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from stagenorm.boundary.fields import JsonField, JsonKeys
from stagenorm.boundary.json_path import EACH, Step
from stagenorm.boundary.reading import Slot
from stagenorm.errors import ConfigurationError


@dataclass(slots=True, eq=False)
class Node:
    """A place on the way to a value. Exactly one of the five attributes is set.

    Attributes:
        value: the field whose string stands here.
        keys: the field whose values are the member names of the object here.
        members: the object here, by the member names that lead on.
        each: the array here, when every element leads on.
        items: the array here, by the indexes that lead on.
    """

    value: Slot | None = None
    keys: Slot | None = None
    members: dict[str, Node] = field(default_factory=dict)
    each: Node | None = None
    items: dict[int, Node] = field(default_factory=dict)

    def attributes(self) -> list[str]:
        """What the decoded members are called: by position, since a member name need not be an identifier."""
        return [f"m{position}" for position in range(len(self.members))]

    def used(self) -> list[str]:
        """What stands here, in words: more than one entry is a contradiction."""
        kinds = {
            "a value": self.value,
            "an object whose keys are values": self.keys,
            "an object": self.members,
            "an array ([*])": self.each,
            "an array ([n])": self.items,
        }
        return [words for words, kind in kinds.items() if kind]

    def children(self) -> list[Node]:
        """The places that lead on from here."""
        return [*self.members.values(), *([self.each] if self.each else []), *self.items.values()]

    def slots(self) -> list[Slot]:
        """Every field at or below this place."""
        own = [slot for slot in (self.value, self.keys) if slot]
        return own + [slot for child in self.children() for slot in child.slots()]

    def names(self) -> list[str]:
        """Every member name that leads on, here or below."""
        return [*self.members, *(name for child in self.children() for name in child.names())]

    def height(self) -> int:
        """How many containers stand on the longest way from here to a value."""
        below = max((child.height() for child in self.children()), default=0)
        return below if self.value else below + 1


def build_tree(slots: Iterable[Slot]) -> Node:
    """Lay the declared JSON fields over each other.

    Raises:
        ConfigurationError: two fields say different things of one place.
    """
    root = Node()
    for slot in slots:
        declared = slot.declared
        assert isinstance(declared, (JsonField, JsonKeys))
        node = root
        visited = [root]
        for step in declared.steps:
            node = _descend(node, step)
            visited.append(node)
        if node.value or node.keys:
            raise ConfigurationError(f"field {slot.label!r} is declared twice: remove one")
        if isinstance(declared, JsonField):
            node.value = slot
        else:
            node.keys = slot
        for place in visited:
            if len(place.used()) > 1:
                raise ConfigurationError(
                    f"field {slot.label!r} contradicts another field: one place cannot be "
                    f"{' and '.join(place.used())} at once"
                )
    return root


def _descend(node: Node, step: Step) -> Node:
    if isinstance(step, str):
        return node.members.setdefault(step, Node())
    if isinstance(step, int):
        return node.items.setdefault(step, Node())
    assert step is EACH
    node.each = node.each or Node()
    return node.each


def typed(node: Node, *, canonical: bool) -> Any:
    """The msgspec type that decodes the wanted places, none of which may be absent, and skips all else.

    Args:
        node: where it begins.
        canonical: whether only canonical values are decoded; otherwise any string is.

    Returns:
        The type, or None where ``[n]`` makes one impossible: it would have to fit the other elements too.
    """
    slot = node.value or node.keys
    if slot:
        string: Any = Literal[slot.normalizer.vocabulary.values] if canonical else str
        return string if node.value else dict.__class_getitem__((string, msgspec.Raw))
    if node.items:
        return None
    if node.each:
        element: Any = typed(node.each, canonical=canonical)
        return element and list.__class_getitem__(element)
    below = [typed(child, canonical=canonical) for child in node.members.values()]
    if None in below:
        return None
    names = dict(zip(node.attributes(), node.members, strict=True))
    return msgspec.defstruct("Object", list(zip(names, below, strict=True)), rename=names, gc=False)
