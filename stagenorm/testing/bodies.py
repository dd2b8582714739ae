"""Writes bodies along a plan, with the headers that describe them: JSON or a form, readable or not."""

from __future__ import annotations

import codecs

from hypothesis import strategies as st

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import FormField, JsonField, JsonKeys
from stagenorm.testing.json_documents import documents
from stagenorm.testing.parameters import parameters
from stagenorm.testing.plan import Plan, Way

_JSON_TYPES = ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8")
_FORM_TYPES = ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8")
_OTHER_TYPES = (
    *("text/plain", "application/octet-stream", "text/json", "multipart/form-data; boundary=x", "*/*"),
    *("application/json", "application/x-www-form-urlencoded"),
)
_CHARSETS = ("latin-1", "utf-16", "ascii", "utf-7", '"iso-8859-1"')
# What is written into a document to spoil it; of UTF-16 and UTF-32, what the document is written in.
_SPOILERS = {
    Way.NAN: ("NaN", "Infinity", "-Infinity", "01", "1.", "+1", "0x1", "1_000"),
    Way.SURROGATE: ('"\\ud800"', '"\\udfff"', '"\\udc00\\ud800"', '{"\\ud800":1}'),
    Way.DEEP: tuple("[" * depth + "]" * depth for depth in (129, 1_000, 100_000)),
    Way.TRAILING: ("x", "{}", "null", ",", "]", "\0", '"seed"', "// no comment"),
    Way.UTF16: ("utf-16-le", "utf-16-be", "utf-16"),
    Way.UTF32: ("utf-32-le", "utf-32-be", "utf-32"),
    Way.NOT_UTF8: ("\xff", "\xc3(", "\xed\xa0\x80", "\xc0\x80"),
}


@st.composite
def bodies(draw: st.DrawFn, endpoint: Endpoint, plan: Plan) -> tuple[dict[str, str], bytes]:
    """The headers that describe a body, and the body; both empty where the plan wants none."""
    json = [field for field in endpoint.fields if isinstance(field, (JsonField, JsonKeys))]
    form = [field for field in endpoint.fields if isinstance(field, FormField)]
    if json:
        media = draw(st.sampled_from(_JSON_TYPES))
        body = b"" if _has_none(draw, json, plan) else _spoiled(draw, draw(documents(json, plan)), plan)
    elif form:
        media = draw(st.sampled_from(_FORM_TYPES))
        body = draw(parameters(form, plan))
    else:
        return {}, b""
    if plan.way is Way.TOO_LARGE:
        body += (b" " if json else b"&") * (plan.max_body_bytes + 1 - len(body))
    return (_described(draw, media, plan) if body else {}), body


def _has_none(draw: st.DrawFn, fields: list[JsonField | JsonKeys], plan: Plan) -> bool:
    """Whether a request to an endpoint with JSON fields comes without a body."""
    if plan.culprit in fields and plan.way is not Way.CANONICAL:
        return plan.way is Way.ABSENT and plan.depth < 0
    return not any(field.required for field in fields) and draw(st.booleans())


def _spoiled(draw: st.DrawFn, document: str, plan: Plan) -> bytes:
    """A document as the bytes of a body, unreadable as a whole where the plan says so."""
    extra = draw(st.sampled_from(_SPOILERS.get(plan.way, ("",))))
    if plan.way is Way.BYTE_ORDER_MARK:
        return codecs.BOM_UTF8 + document.encode()
    if plan.way in (Way.UTF16, Way.UTF32):
        return document.encode(extra)
    if plan.way is Way.TRAILING:
        return (document + extra).encode()
    if plan.way is Way.TRUNCATED:
        return document.rstrip()[: draw(st.integers(-len(document.strip()) + 1, -1))].encode()
    if plan.way is Way.NOT_UTF8:
        before, after = _parted(document, '""')
        return before.encode()[:-1] + extra.encode("latin-1") + b'"' + after.encode()
    return "".join(_parted(document, extra)).encode() if extra else document.encode()


def _parted(document: str, extra: str) -> tuple[str, str]:
    """A document with one more value at its beginning, parted behind that value."""
    opening, rest = document.lstrip()[:1], document.lstrip()[1:]
    if opening == '"':
        return extra, ""
    comma = "" if rest.lstrip()[:1] in ("}", "]") else ","
    name = '"?":' if opening == "{" else ""
    return f"{opening}{name}{extra}", comma + rest


def _described(draw: st.DrawFn, media: str, plan: Plan) -> dict[str, str]:
    """The headers that say how a body is to be read."""
    media = {
        Way.MEDIA_TYPE: draw(st.sampled_from([other for other in _OTHER_TYPES if other not in media])),
        Way.CHARSET: f"{media.partition(';')[0]}; charset={draw(st.sampled_from(_CHARSETS))}",
    }.get(plan.way, media)
    headers = {} if plan.way is Way.NO_MEDIA_TYPE else {"content-type": media}
    if plan.way is Way.ENCODED:
        headers["content-encoding"] = draw(st.sampled_from(("gzip", "br", "identity, deflate", "x")))
    return headers
