"""The small subset of RFC 9535 JSONPath that a JSON field takes: names, ``[*]`` and ``[n]``.

Only parsing lives here. ``$.a.b``, ``$['a b']``, ``$.list[*].name`` and ``$[0]`` are in; filters, slices, negative
indexes, unions, wildcards over names and ``..`` are out, because a value's place must be known before it is read.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Final

from stagenorm.errors import PathExpressionError


class Each(Enum):
    """The step ``[*]``: every element of an array."""

    EACH = "[*]"


EACH: Final = Each.EACH

Step = str | int | Each
"""A member name, an index from 0, or EACH."""

# RFC 9535, section 2.3.1 (name selector), 2.3.2 (wildcard), 2.3.3 (index) and 2.5.1 (shorthand names).
_STEP = re.compile(
    r"\.(?P<short>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)"
    r"|\[\s*(?:(?P<each>\*)|(?P<index>0|[1-9][0-9]{0,8})|'(?P<single>(?:[^'\\\x00-\x1f]|\\['\\])*)'"
    r'|(?P<double>"(?:[^"\\\x00-\x1f]|\\.)*"))\s*\]'
)


def parse(expression: str) -> tuple[Step, ...]:
    """The steps of a path expression, from the root.

    Raises:
        PathExpressionError: it is outside the subset; the message shows the place.
    """
    if not expression.startswith("$"):
        raise PathExpressionError(f"path {expression!r} must begin with '$', the root of the document")
    steps: list[Step] = []
    at = 1
    while at < len(expression):
        found = _STEP.match(expression, at)
        if found is None:
            raise PathExpressionError(
                f"path {expression!r}: cannot use {expression[at:]!r} at position {at}. A path is made of names "
                "(.stage or ['stage-name']), [*] and [n]"
            )
        step = _step(found)
        if isinstance(step, str) and any("\ud800" <= ch <= "\udfff" for ch in step):
            raise PathExpressionError(f"path {expression!a}: the name {step!a} holds a lone surrogate: no body can")
        steps.append(step)
        at = found.end()
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if found["each"]:
        return EACH
    if found["index"]:
        return int(found["index"])
    if found["short"]:
        return found["short"]
    if found["double"]:
        try:
            return str(json.loads(found["double"]))
        except ValueError as error:
            raise PathExpressionError(f"path {found.string!r}: the name {found['double']} is no JSON string") from error
    return found["single"].replace("\\'", "'").replace("\\\\", "\\")


def pointer(steps: tuple[str | int, ...]) -> str:
    """A place in a document as an RFC 6901 JSON pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
