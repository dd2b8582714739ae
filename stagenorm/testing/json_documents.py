"""Writes JSON documents along a plan: every place, spelling and gap is drawn, and so is what must not matter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import cycle

from hypothesis import strategies as st

from stagenorm.boundary.fields import JsonField, JsonKeys
from stagenorm.boundary.json_path import EACH, Step
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.testing.plan import Expected, Plan, Way
from stagenorm.testing.values import aliases, aliases_of, canonical, unknowns

Entries = Sequence[tuple[tuple[Step, ...], JsonField | JsonKeys]]
"""Fields below a place, with the steps that still lead to each."""

_GAPS = ("", " ", "\n  ", "\t", "\r\n", "   ")
_NUMBERS = ("1", "0", "-0.50e+10", "1E400", "12345678901234567890.0", "-0", "1e-7", "true", "false", "null", "[]", "{}")
_NAMES = ("id", "note", "", "$", "a,b", "a:b", '"', "\\", "\u00e9", "\U0001f600")
_LONGEST_ARRAY = 32
_STYLES = st.sampled_from(("plain", "ascii", "escaped", "ESCAPED"))
_SOME_GAPS = st.lists(st.sampled_from(_GAPS), min_size=1, max_size=4)
_COIN = st.booleans()


def _spelled(text: str, style: str) -> str:
    """A string in JSON. A lone surrogate is escaped in any style, since it has no bytes."""
    if style == "plain" and not any("\ud800" <= ch <= "\udfff" for ch in text):
        return json.dumps(text, ensure_ascii=False)
    if style in ("plain", "ascii"):
        return json.dumps(text)
    code = "%04X" if style == "ESCAPED" else "%04x"
    data = text.encode("utf-16-be", "surrogatepass")
    units = (int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    return '"' + "".join("\\u" + code % unit for unit in units) + '"'


@st.composite
def documents(draw: st.DrawFn, fields: Sequence[JsonField | JsonKeys], plan: Plan) -> str:
    """Documents that hold the fields of one endpoint as the plan says."""
    writer = _Writer(draw, fields, plan)
    text = writer.place([(field.steps, field) for field in fields], 0, here=plan.culprit in fields)
    return next(writer.gaps) + text + next(writer.gaps)


class _Writer:
    """Writes one document. ``here`` says of a place that the culprit's special one lies at or below it."""

    def __init__(self, draw: st.DrawFn, fields: Sequence[JsonField | JsonKeys], plan: Plan) -> None:
        self._draw = draw
        self._plan = plan
        self.gaps = cycle(draw(_SOME_GAPS))
        names = (step for field in fields for step in field.steps if isinstance(step, str))
        self._noise = _noise(tuple(names), plan.vocabulary)

    def place(self, entries: Entries, depth: int, *, here: bool) -> str:
        steps, field = entries[0]
        planted = here and self._plan.depth == depth
        if planted and self._plan.way is Way.OTHER_SHAPE:
            return self._other_shape(entries)
        if not steps:
            return self._value(field, here=here) if isinstance(field, JsonField) else self._keyed(field, here=here)
        if steps[0] is EACH:
            return self._elements(entries, depth, here=here)
        if isinstance(steps[0], int):
            return self._items(entries, depth, here=here)
        return self._members(entries, depth, here=here)

    def _spell(self, text: str) -> str:
        return _spelled(text, self._draw(_STYLES))

    def _joined(self, brackets: str, parts: Sequence[str]) -> str:
        gap = self.gaps
        inside = ",".join(f"{next(gap)}{part}{next(gap)}" for part in parts) or next(gap)
        return f"{brackets[0]}{inside}{brackets[1]}"

    def _member(self, name: str, value: str) -> str:
        return f"{self._spell(name)}{next(self.gaps)}:{next(self.gaps)}{value}"

    def _other_shape(self, entries: Entries) -> str:
        steps, _ = entries[0]
        is_array = bool(steps) and not isinstance(steps[0], str)
        container = "{}" if is_array else "[]"
        return self._draw(st.sampled_from([container, "null", "0", "true", self._spell("seed")]))

    def _value(self, field: JsonField, *, here: bool) -> str:
        found = self._draw(self._plan.values(field) if here else self._plan.ordinary(field))
        return self._spell(found) if isinstance(found, str) else json.dumps(found)

    def _keyed(self, field: JsonKeys, *, here: bool) -> str:
        vocabulary, way = self._plan.vocabulary_of(field), self._plan.way
        terms = self._draw(st.lists(st.sampled_from(vocabulary.terms), unique=True, min_size=int(here), max_size=4))
        keys = [
            term.value
            if self._plan.expected is Expected.CANONICAL or self._draw(_COIN)
            else self._draw(aliases_of(vocabulary, term))
            for term in terms
        ]
        if here and way in (Way.ALIAS, Way.SEALED_ALIAS):
            keys[0] = self._draw(aliases_of(vocabulary, terms[0]))
        elif here and way in (Way.UNKNOWN, Way.HOSTILE):
            keys[0] = self._draw(self._plan.strings(field))
        elif here and way is Way.TWO_KEYS_ONE_VALUE:
            keys[0] = terms[0].value
            keys.append(self._draw(aliases_of(vocabulary, terms[0])))
        elif here and way is Way.DUPLICATE_KEY and self._plan.depth == len(field.steps):
            keys.append(keys[0])
        return self._joined("{}", [self._member(key, self._draw(self._noise)) for key in keys])

    def _elements(self, entries: Entries, depth: int, *, here: bool) -> str:
        below = [(steps[1:], field) for steps, field in entries]
        length = self._draw(st.integers(int(here), 3))
        chosen = self._draw(st.integers(0, length - 1)) if here else None
        return self._joined("[]", [self.place(below, depth + 1, here=at == chosen) for at in range(length)])

    def _items(self, entries: Entries, depth: int, *, here: bool) -> str:
        below = _grouped(entries)
        culprit = self._culprit_step(below, here=here)
        needed = {step for step, under in below.items() if step == culprit or any(field.required for _, field in under)}
        shortest = max((step + 1 for step in needed if isinstance(step, int)), default=0)
        if culprit is not None and self._is_absent(depth):
            assert isinstance(culprit, int)
            return self._joined("[]", [self._draw(self._noise) for _ in range(min(culprit, _LONGEST_ARRAY))])
        parts = [
            self.place(below[at], depth + 1, here=at == culprit) if at in below else self._draw(self._noise)
            for at in range(shortest + self._draw(st.integers(0, 2)))
        ]
        return self._joined("[]", parts)

    def _members(self, entries: Entries, depth: int, *, here: bool) -> str:
        below = _grouped(entries)
        culprit = self._culprit_step(below, here=here)
        parts = []
        for name, under in below.items():
            assert isinstance(name, str)
            is_culprit = name == culprit
            if is_culprit and self._is_absent(depth):
                continue
            if is_culprit or any(field.required for _, field in under) or self._draw(_COIN):
                parts.append(self._member(name, self.place(under, depth + 1, here=is_culprit)))
            if is_culprit and self._plan.way is Way.DUPLICATE_KEY and self._plan.depth == depth:
                parts.append(self._member(name, self.place(under, depth + 1, here=False)))
        others = st.sampled_from([name for name in _NAMES if name not in below])
        for name in self._draw(st.lists(others, max_size=3)):
            parts.insert(self._draw(st.integers(0, len(parts))), self._member(name, self._draw(self._noise)))
        return self._joined("{}", parts)

    def _is_absent(self, depth: int) -> bool:
        return self._plan.way is Way.ABSENT and self._plan.depth == depth

    def _culprit_step(self, below: dict[Step, Entries], *, here: bool) -> Step | None:
        """The step that leads on to the culprit."""
        return next((step for step, under in below.items() if here and self._leads_to_culprit(under)), None)

    def _leads_to_culprit(self, entries: Entries) -> bool:
        return any(field == self._plan.culprit for _, field in entries)


def _grouped(entries: Entries) -> dict[Step, Entries]:
    grouped: dict[Step, list[tuple[tuple[Step, ...], JsonField | JsonKeys]]] = {}
    for steps, field in entries:
        grouped.setdefault(steps[0], []).append((steps[1:], field))
    return dict(grouped)


@lru_cache(maxsize=256)
def _noise(names: tuple[str, ...], vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    """Values beside the way: odd numbers, and the texts of values, aliases and names where they mean nothing."""
    texts = st.one_of(
        *(canonical(vocabulary), aliases(vocabulary), unknowns(vocabulary)),
        st.sampled_from([*names, *_NAMES, "}],[{", '":"', "//", "\u2028"]),
    )
    strings = st.builds(_spelled, texts, _STYLES)
    leaves = st.one_of(st.sampled_from(_NUMBERS), strings)
    objects = st.builds('{{{}:{},"":{}}}'.format, strings, leaves, leaves)
    return st.one_of(leaves, st.builds("[{} , {}]".format, leaves, objects), objects)
