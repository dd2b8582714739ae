"""Writes query strings, forms and paths along a plan: percent-encoding, order and what must not matter are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import FormField, PathField, QueryField
from stagenorm.testing.plan import Plan, Way

PARAMETERS = ("1", "42")
"""What stands in a path for a parameter that is no field."""

_OTHERS = ("page=2", "q=Series+C+", "empty", "x=%C3%28", "sort=-a", "", "stage%20=x", "u=\xe9")
_STYLES = st.sampled_from(("little", "UPPER", "lower"))
_COIN = st.booleans()


def _encoded(draw: st.DrawFn, text: str) -> str:
    """A text percent-encoded: as little as is safe, or every byte, in either case of hexadecimal."""
    data = text.encode("utf-8", "surrogatepass")
    style = draw(_STYLES)
    if style == "little":
        return quote(data, safe="")
    return "".join((f"%{byte:02X}" if style == "UPPER" else f"%{byte:02x}") for byte in data)


def _value(draw: st.DrawFn, text: str) -> str:
    """The same as a parameter's value, where a space between two words may also be written ``+``."""
    words = text.split(" ")
    if len(words) > 1 and all(word.isascii() and word.isalnum() for word in words) and draw(_COIN):
        return quote_plus(text)
    return _encoded(draw, text)


@st.composite
def parameters(draw: st.DrawFn, fields: Sequence[QueryField] | Sequence[FormField], plan: Plan) -> bytes:
    """Query strings, or the same as a body, that hold the fields of one endpoint as the plan says."""
    parts: list[str] = []
    for field in fields:
        is_culprit = field == plan.culprit
        if (is_culprit and plan.way is Way.ABSENT) or not (is_culprit or field.required or draw(_COIN)):
            continue
        parts += _spoiled(draw, field, plan) if is_culprit else _ordinary(draw, field, plan)
    names = {field.name for field in fields}
    others = st.sampled_from([other for other in _OTHERS if other.split("=")[0] not in names])
    for other in draw(st.lists(others, max_size=2)):
        parts.insert(draw(st.integers(0, len(parts))), other)
    return "&".join(parts).encode("latin-1")


def _ordinary(draw: st.DrawFn, field: QueryField | FormField, plan: Plan) -> list[str]:
    times = draw(st.integers(1, 3)) if field.repeated else 1
    return [_part(draw, field, _value(draw, draw(plan.ordinary(field)))) for _ in range(times)]


def _spoiled(draw: st.DrawFn, field: QueryField | FormField, plan: Plan) -> list[str]:
    """The culprit's parameter, as the plan's way has it."""
    value = _value(draw, draw(plan.strings(field)))
    if plan.way is Way.RAW_PLUS:
        value += "+"
    elif plan.way is Way.RAW_BYTES:
        value += draw(st.sampled_from(("\xe9", "\xc3\xa9", "\xa0", "\xff")))
    elif plan.way is Way.BROKEN_UTF8:
        value += draw(st.sampled_from(("%C3%28", "%FF", "%ed%a0%80", "%C3")))
    part = _part(draw, field, value)
    if plan.way is Way.SEMICOLON:
        return [draw(st.sampled_from((f"{part};", f";{part}", f"a=b;{part}", f"{part};a=b")))]
    if plan.way is Way.REPEATED:
        return [part, _part(draw, field, _value(draw, draw(plan.ordinary(field))))]
    return [part, *(_ordinary(draw, field, plan) if field.repeated and draw(_COIN) else [])]


def _part(draw: st.DrawFn, field: QueryField | FormField, value: str) -> str:
    return f"{_encoded(draw, field.name)}={value}"


@st.composite
def paths(draw: st.DrawFn, endpoint: Endpoint, plan: Plan) -> bytes:
    """Paths of requests to one endpoint, percent-encoded, with its path fields as the plan says."""
    fields = {field.name: field for field in endpoint.fields if isinstance(field, PathField)}
    segments = []
    for segment in endpoint.segments:
        if isinstance(segment, str):
            text = segment
        elif segment.name in fields:
            text = draw(_segments(fields[segment.name], plan))
        else:
            text = draw(st.sampled_from(PARAMETERS))
        segments.append(_encoded(draw, text))
    return ("/" + "/".join(segments)).encode()


def _segments(field: PathField, plan: Plan) -> st.SearchStrategy[str]:
    """Texts that fill one segment: a slash would make two of it, and without a character there is none."""
    strings = plan.strings(field) if field == plan.culprit else plan.ordinary(field)
    return strings.filter(lambda text: text != "" and "/" not in text)
