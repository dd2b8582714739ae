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
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from stagenorm.boundary.endpoint import Endpoint

_SLASH = r"(?:\\?/|%2[Ff]|\\u002[Ff])+"
# What stands for a parameter: ${id} #{id} {id} {{id}} <id> <int:id> \(id) (\d+) %s :id, or one value.
_HOLDS = r"""(?:[$#]?\{(?:[^{}\n]|\{[^{}\n]*\})*\}|\\?\((?:[^()\n]|\([^()\n]*\))*\)[+*?]?|<[^<>\n]*>|\[[^\]\n]*\][+*]?|[^\s/"'`]+)"""
_APART = r"(?:(?!\n[ \t\r]*\n|%s)[\s\S]){1,200}?"  # within one statement, whatever joins the parts
_NEAR = r"(?:[^=;!{}\n]|\n\s*\.){1,60}?"  # within one line, or a chain of calls
_JOINS = r"""[/"'`.:]"""  # what a segment stands behind where a path is made of parts
_AFTER = r"(?![\w-])"
_END = r"""(?=\\?["'`]|[?#&:,;)\s<]|$)"""
# Between two literals that are one text: operators of concatenation, or nothing, with line ends and continuations.
_QUOTE = r"""(?:"|'|`|\\"|\\'|\\`)"""  # spelt out: a text is searched for its first letters, and for no optional one
_GLUE = re.compile(rf"""{_QUOTE}[ \t\r\n\\]*(?:\+\+?|\.\.?|&|\|\||<>|~)?[ \t\r\n\\_]*(?:[fFrRbBuU@$]{{0,2}}){_QUOTE}""")
# Something that only the running program knows: the end of a literal that something is joined to, or what it holds.
_DYNAMIC = r"""(?:\\?["'`]\s*[+.,&|~<%)]|[$#]?\{|%[sdv]|\$\w|<\w|\\\()"""
_GENERIC = re.compile(r"api|apis|rest|public|internal|services?|v\d+")
_JOINTS = re.compile(r"[-_.]+")
_LONGEST_SHOWN = 160
_LONGEST_BASE = 200


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
        end: the line where it ends.
        confidence: how sure that is.
        text: the line, cut.
    """

    endpoint: str
    line: int
    end: int
    confidence: Confidence
    text: str


@dataclass(frozen=True)
class _Look:
    """What is looked for.

    Attributes:
        pattern: that a place matches.
        confidence: what that proves.
        needs: what a text in lower case must hold, or it has no such place: a quick look before the slow one.
        elsewhere: what must match somewhere in the text too.
        before: what a match begins with, if it stands before it.
        glued: whether it is looked for where literals were joined, too.
    """

    pattern: re.Pattern[str]
    confidence: Confidence
    needs: tuple[str, ...]
    elsewhere: re.Pattern[str] | None = None
    before: re.Pattern[str] | None = None
    glued: bool = False


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

    @property
    def needles(self) -> list[bytes]:
        """Without any of these in lower case, a text calls none of the endpoints."""
        return [needle for _, needles, _ in self._looks for needle in needles]

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
                for source in texts if look.glued else texts[:1]:
                    for first, last in source.lines(look):
                        if not any(begin <= last and first <= end for begin, end in taken):
                            taken.append((first, last))
                            found[first] = Place(name, first, last, look.confidence, texts[0].line(first))
            yield from (found[line] for line in sorted(found))


class _Source:
    """A text whose matches are told by their lines, with or without what joins literals."""

    def __init__(self, text: str, dissolved: re.Pattern[str] | None = None) -> None:
        self._original = text
        self._shifts: list[tuple[int, int]] = [(0, 0)]  # from here in the text, so many characters were taken out
        self._text = text
        self._lowered = text.lower()
        if dissolved:
            parts, end, gone = [], 0, 0
            for match in dissolved.finditer(text):
                parts.append(text[end : match.start()])
                end = match.end()
                gone += len(match[0])
                self._shifts.append((end - gone, gone))
            self._text = "".join([*parts, text[end:]])
            self._lowered = self._text.lower()

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins."""
        return [0, *(match.end() for match in re.finditer("\n", self._original))]

    def line(self, number: int) -> str:
        """A line of the original, from 1."""
        begin = self._starts[number - 1]
        return self._original[begin : begin + 4 * _LONGEST_SHOWN].partition("\n")[0].strip()[:_LONGEST_SHOWN]

    def lines(self, look: _Look) -> Iterator[tuple[int, int]]:
        """The first and the last line of each match."""
        if not all(need in self._lowered for need in look.needs):
            return
        if look.elsewhere and not look.elsewhere.search(self._text):
            return
        for match in look.pattern.finditer(self._text):
            start = match.start()
            if look.before and (base := look.before.search(self._text[max(0, start - _LONGEST_BASE) : start])):
                start -= len(base[0])
            yield self._line_at(start), self._line_at(match.end() - 1)

    def _line_at(self, place: int) -> int:
        _, gone = self._shifts[bisect_right(self._shifts, (place, len(self._original))) - 1]
        return bisect_right(self._starts, place + gone)


def _needles(literals: list[str]) -> Iterator[bytes]:
    """Without any of these in lower case, a text does not hold the path: its last segment, and what is telling of it."""
    telling = [each for each in literals[:-1] if not _GENERIC.fullmatch(each) and len(each) > 3]
    spelled = {literal.lower() for literal in (literals[-1], *telling)}
    joined = {_JOINTS.sub(joint, each) for each in spelled for joint in ("_", "")}
    yield from (each.encode() for each in sorted(spelled | joined) if each)


def _looks(endpoint: Endpoint, literals: list[str]) -> Iterator[_Look]:
    base = 0  # how many segments a base URL usually holds
    while base < len(literals) - 1 and _GENERIC.fullmatch(literals[base]):
        base += 1
    last = literals[-1]
    yield _look(_in_one(endpoint, 0), Confidence.HIGH, literals)
    if len(literals) > 1:
        for left_out in range(1, len(literals) - 1):
            yield _look(_in_one(endpoint, left_out), Confidence.MEDIUM, literals[left_out:])
        needed = literals[base:] if len(literals) - base > 1 else literals
        before = re.compile(_base(literals[:base])) if needed is not literals and base else None
        yield _Look(re.compile(_in_parts(needed)), Confidence.MEDIUM, _lowered(needed), before=before)
    words = literals[base:] if len(literals) - base > 1 else literals
    parts = [part.lower() for word in words for part in _JOINTS.split(word)]
    yield _Look(re.compile(_name(words), re.IGNORECASE), Confidence.LOW, tuple(parts))
    if len(literals) - base > 1:
        yield _look(_in_one(endpoint, 0, whole=False), Confidence.LOW, literals[:-1])
    # The literal comes first in each expression, and what stands before it after: so it is found quickly.
    ends = rf"{re.escape(last)}{{}}(?:{_SLASH})?{{}}"
    yield _look(ends.format(_behind("/", last), _END), Confidence.LOW, [last])
    if len(literals) > 1:
        others = "|".join(map(re.escape, literals[base:-1] or literals[:-1]))
        near = re.compile(rf"""["'`/](?:{others}){_AFTER}""")
        yield _Look(
            re.compile(ends.format(_behind("[\"'`]", last), r"""(?=\\?["'`?])""")),
            Confidence.LOW,
            (last.lower(),),
            near,
        )


def _look(pattern: str, confidence: Confidence, literals: list[str]) -> _Look:
    return _Look(re.compile(pattern), confidence, _lowered(literals), glued=True)


def _lowered(literals: list[str]) -> tuple[str, ...]:
    return tuple(literal.lower() for literal in literals)


def _behind(what: str, literal: str) -> str:
    """That something stands before a literal, which was just matched."""
    return rf"(?:(?<={what}{re.escape(literal)})|(?<=%2[Ff]{re.escape(literal)}))"


def _word(literal: str) -> str:
    return rf"{re.escape(literal)}(?<![\w-]{re.escape(literal)}){_AFTER}"


def _in_one(endpoint: Endpoint, left_out: int, *, whole: bool = True) -> str:
    """The path in one piece; what follows its last literal may be anything.

    Args:
        endpoint: whose path it is.
        left_out: how many of the first literals may be missing.
        whole: with its last literal, or else with something in its place that only the running program knows.
    """
    last = max(place for place, segment in enumerate(endpoint.segments) if isinstance(segment, str))
    parts: list[str] = []
    held = ""
    for place, segment in enumerate(endpoint.segments[: last + 1]):
        if not isinstance(segment, str):
            held += f"{_HOLDS}{_SLASH}" if parts else ""
        elif left_out:
            left_out -= 1
        else:
            text = re.escape(segment) if whole or place < last else _DYNAMIC
            parts.append(f"{_SLASH}{held}{text}" if parts else _word(segment))
            held = ""
    return "".join(parts) + (_AFTER if whole else "")


def _in_parts(literals: list[str]) -> str:
    """The segments one after the other, each as something begins: the nearest of each to the next."""
    words = [_word(literal) + _behind(_JOINS, literal) for literal in literals]
    return words[0] + "".join(_APART % before + word for before, word in pairwise(words))


def _base(literals: list[str]) -> str:
    """The segments that a base URL usually holds, right before the others."""
    return "".join(f"{_word(literal)}{_behind(_JOINS, literal)}{_NEAR}" for literal in literals) + "$"


def _name(literals: list[str]) -> str:
    """An identifier that a generator makes of the path: monteCarloSimulate, funds_by_id_companies."""
    return r"\w{0,24}?".join("[-_.]?".join(map(re.escape, _JOINTS.split(literal))) for literal in literals)
