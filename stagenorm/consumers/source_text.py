"""What a call of an endpoint looks like in source code, whatever the language: text in, places out. Pure.

A path is looked for by its literal segments, in their order: as one text with something at each parameter, as parts that
are joined, without the segments that a base URL may hold, and as the name that a generated client makes of it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from stagenorm.boundary.endpoint import Endpoint

_SLASH = r"(?:\\?/|%2[Ff]|\\u002[Ff])+"
# What stands for a parameter: ${id} #{id} {id} {{id}} <id> <int:id> \(id) (\d+) %s :id, or one value.
_HOLDS = r"""(?:[$#]?\{(?:[^{}\n]|\{[^{}\n]*\})*\}|\\?\((?:[^()\n]|\([^()\n]*\))*\)[+*?]?|<[^<>\n]*>|\[[^\]\n]*\][+*]?|[^\s/"'`]+)"""
_APART = r"(?:(?!\n[ \t\r]*\n)[\s\S]){1,200}?"  # within one statement, whatever joins the parts
_BEFORE, _AFTER = r"(?<![\w-])", r"(?![\w-])"
_END = r"""(?=\\?["'`]|[?#&:,;)\s<]|$)"""
# Between two literals that are one text: operators of concatenation, or nothing, with line ends and continuations.
_GLUE = re.compile(r"""\\?["'`][ \t\r\n\\]*(?:\+\+?|\.\.?|&|\|\||<>|~)?[ \t\r\n\\_]*(?:[fFrRbBuU@$]{0,2})\\?["'`]""")
_GENERIC = re.compile(r"api|apis|rest|public|internal|services?|v\d+")
_LONGEST_SHOWN = 160


class Confidence(IntEnum):
    """How sure it is that a place calls the endpoint."""

    LOW = 1
    """The end of its path, or a name like its own."""
    MEDIUM = 2
    """All of its path in parts, or all but what a base URL usually holds."""
    HIGH = 3
    """All of its path in one."""


class Place(NamedTuple):
    """A place in a text.

    Attributes:
        endpoint: that it seems to call.
        line: where that begins, from 1.
        confidence: how sure that is.
        text: the line, cut.
    """

    endpoint: str
    line: int
    confidence: Confidence
    text: str


@dataclass(frozen=True)
class _Look:
    """What is looked for: of an expression, the text to apply it to, and what it proves."""

    pattern: re.Pattern[str]
    confidence: Confidence
    elsewhere: re.Pattern[str] | None = None  # must be in the text too


class Calls:
    """Finds calls of endpoints.

    Args:
        endpoints: as the service declares them. One without a literal segment is in ``unsearchable``.

    Attributes:
        unsearchable: names of the endpoints whose path has nothing to look for.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._looks: list[tuple[str, tuple[bytes, ...], tuple[_Look, ...]]] = []
        self.unsearchable: list[str] = []
        for endpoint in endpoints:
            literals = [segment for segment in endpoint.segments if isinstance(segment, str)]
            if literals:
                self._looks.append((endpoint.name, tuple(_needles(literals)), tuple(_looks(endpoint, literals))))
            else:
                self.unsearchable.append(endpoint.name)

    def candidates(self, lowered: bytes) -> list[int]:
        """Which endpoints may be called in a text at all.

        Args:
            lowered: the text in lower case.
        """
        return [
            number for number, (_, needles, _) in enumerate(self._looks) if any(needle in lowered for needle in needles)
        ]

    def find(self, text: str, candidates: Iterable[int]) -> Iterator[Place]:
        """The places that call endpoints, in their order.

        Args:
            text: the whole of a file.
            candidates: which endpoints to look for, from ``candidates``.
        """
        texts = [_Source(text), *([_Source(text, _GLUE)] if _GLUE.search(text) else [])]
        for number in candidates:
            name, _, looks = self._looks[number]
            taken: list[tuple[int, int]] = []
            found: dict[int, Place] = {}
            for look in looks:  # the surest first; a place is told once
                for source in texts:
                    for first, last in source.lines(look):
                        if not any(begin <= last and first <= end for begin, end in taken):
                            taken.append((first, last))
                            found[first] = Place(name, first, look.confidence, texts[0].line(first))
            yield from (found[line] for line in sorted(found))


class _Source:
    """A text whose matches are told by their lines, with or without what joins literals."""

    def __init__(self, text: str, dissolved: re.Pattern[str] | None = None) -> None:
        self._original = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._shifts: list[tuple[int, int]] = [(0, 0)]  # from here in the text, so many characters were taken out
        self._text = text
        if dissolved:
            parts, end, gone = [], 0, 0
            for match in dissolved.finditer(text):
                parts.append(text[end : match.start()])
                end = match.end()
                gone += len(match[0])
                self._shifts.append((end - gone, gone))
            self._text = "".join([*parts, text[end:]])

    def line(self, number: int) -> str:
        """A line of the original, from 1."""
        begin = self._starts[number - 1]
        return self._original[begin : begin + 4 * _LONGEST_SHOWN].partition("\n")[0].strip()[:_LONGEST_SHOWN]

    def lines(self, look: _Look) -> Iterator[tuple[int, int]]:
        """The first and the last line of each match."""
        if look.elsewhere and not look.elsewhere.search(self._text):
            return
        for match in look.pattern.finditer(self._text):
            yield self._line_at(match.start()), self._line_at(match.end() - 1)

    def _line_at(self, place: int) -> int:
        _, gone = self._shifts[bisect_right(self._shifts, (place, len(self._original))) - 1]
        return bisect_right(self._starts, place + gone)


def _needles(literals: list[str]) -> Iterator[bytes]:
    """Without any of these in lower case, a text does not hold the path: its last segment, and what is telling of it."""
    telling = [each for each in literals[:-1] if not _GENERIC.fullmatch(each) and len(each) > 3]
    for literal in {literals[-1], *telling}:
        spelled = literal.lower()
        for joint in ("-", "_", ""):
            yield re.sub(r"[-_.]", joint, spelled).encode()
        yield spelled.encode()


def _looks(endpoint: Endpoint, literals: list[str]) -> Iterator[_Look]:
    last = re.escape(literals[-1])
    base = 0  # how many segments a base URL usually holds
    while base < len(literals) - 1 and _GENERIC.fullmatch(literals[base]):
        base += 1
    yield _look(_in_one(endpoint, 0), Confidence.HIGH)
    if base:
        yield _look(_in_one(endpoint, base), Confidence.MEDIUM)
    if len(literals) > 1:
        yield _look(_in_parts(literals), Confidence.MEDIUM)
        for left_out in range(max(base, 1), len(literals) - 1):
            yield _look(_in_one(endpoint, left_out), Confidence.MEDIUM)
        if len(literals) - base > 1:
            yield _look(_in_parts(literals[base:]), Confidence.LOW)
            yield _Look(re.compile(_name(literals[base:]), re.IGNORECASE), Confidence.LOW)
        else:
            yield _Look(re.compile(_name(literals), re.IGNORECASE), Confidence.LOW)
    yield _look(rf"{_SLASH}{last}{_SLASH}?{_END}", Confidence.LOW)
    if len(literals) > 1:
        others = "|".join(map(re.escape, literals[base:-1] or literals[:-1]))
        near = re.compile(rf"""(?:{_SLASH}|["'`])(?:{others}){_AFTER}""")
        yield _Look(re.compile(rf"""(?<=["'`]){last}{_SLASH}?(?=\\?["'`?])"""), Confidence.LOW, near)


def _look(pattern: str, confidence: Confidence) -> _Look:
    return _Look(re.compile(pattern), confidence)


def _in_one(endpoint: Endpoint, left_out: int) -> str:
    """The path in one piece from a literal segment on; what follows its last literal may be anything."""
    parts: list[str] = []
    pending = ""
    for segment in endpoint.segments:
        if not isinstance(segment, str):
            pending += f"{_HOLDS}{_SLASH}" if parts else ""
        elif left_out:
            left_out -= 1
        else:
            parts.append(f"{_SLASH}{pending}{re.escape(segment)}" if parts else re.escape(segment))
            pending = ""
    return f"{_BEFORE}{''.join(parts)}{_AFTER}"


def _in_parts(literals: list[str]) -> str:
    return _APART.join(f"{_BEFORE}{re.escape(literal)}{_AFTER}" for literal in literals)


def _name(literals: list[str]) -> str:
    """An identifier that a generator makes of the path: monteCarloSimulate, funds_by_id_companies."""
    return r"\w{0,24}?".join(re.sub(r"(?:\\?[-_.])+", "[-_.]?", re.escape(literal)) for literal in literals)
