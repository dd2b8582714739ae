"""What the boundary reads from request headers, and the notice headers that it writes.

Sans-IO: headers are pairs of bytes with lower-case names. Nothing that a client sent is ever written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from email.utils import format_datetime

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.core.token import Token

Headers = Sequence[tuple[bytes, bytes]]

_UTF8 = ("utf-8", "utf8")
_MEDIA = re.compile(r"[a-z0-9!#$&^_.+*-]+/[a-z0-9!#$&^_.+*-]+")  # what is told of one: it can steer nothing
_SHOWN = 64
_DEPRECATIONS = b'</api/deprecations>; rel="deprecation"'


class Media(Token):
    """The media types that bodies are read in."""

    JSON = "application/json"
    FORM = "application/x-www-form-urlencoded"


def joined(headers: Headers) -> dict[bytes, bytes]:
    """Headers by name; values of one name are joined by commas (RFC 9110, section 5.3)."""
    by_name = dict(headers)
    if len(by_name) < len(headers):
        by_name = {}
        for name, value in headers:
            by_name[name] = by_name[name] + b", " + value if name in by_name else value
    return by_name


def length(value: bytes) -> int | None:
    """The number of bytes that a Content-Length declares, or None if it is no plain number."""
    return int(value.lstrip(b"0")[:19] or b"0") if value.isdigit() else None


def encoding_fault(encoding: bytes) -> str | None:
    """Why a body with this Content-Encoding is not read, or None if it is."""
    is_plain = encoding.strip().lower() in (b"", b"identity")
    return None if is_plain else "the body is encoded (Content-Encoding): send it plain"


def media_fault(content_type: bytes | None, expected: Media) -> str | None:
    """Why a body with this Content-Type is not read, or None if it is."""
    if content_type is None:
        return f"there is no Content-Type header: send {expected.value}"
    if b"," in content_type:
        return f"there are several Content-Type headers: send one, with {expected.value}"
    sent = content_type.decode("latin-1").lower().partition(";")[0].strip(" \t")
    if not _is_media(sent, expected):
        named = f"{sent}, not" if len(sent) <= _SHOWN and _MEDIA.fullmatch(sent) else "not"
        return f"the media type is {named} {expected.value}"
    return charset_fault(content_type)


def charset_fault(content_type: bytes) -> str | None:
    """Why a reader might not read text with this Content-Type as UTF-8, or None."""
    for parameter in content_type.decode("latin-1").lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        # Without any white space that some reader strips: U+00A0 and U+001F are such for Python's.
        if name.strip().startswith("charset") and value.strip(' \t"') not in _UTF8:
            return "the charset is not UTF-8"
    return None


def _is_media(media: str, expected: Media) -> bool:
    # RFC 6839, section 3.1: a +json type is read like JSON; so do Flask and FastAPI.
    is_json = expected is Media.JSON and media.startswith("application/") and media.endswith("+json")
    return media == expected.value or is_json


def first_value(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header, or None."""
    return next((value for key, value in headers if key == name), None)


# What nearly every request has, and no more than that.
_SEALING_NOTHING = frozenset(
    b"accept accept-encoding accept-language cache-control connection content-length content-type cookie "
    b"host origin referer sec-fetch-dest sec-fetch-mode sec-fetch-site sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform "
    b"traceparent tracestate transfer-encoding user-agent x-forwarded-for x-forwarded-host x-forwarded-port "
    b"x-forwarded-proto x-real-ip x-request-id".split()
)


_SIGNATURES = re.compile(rb"signature|hmac")
_DIGESTS = re.compile(rb"digest|\bmd5\b|\bsha-?[0-9]+\b|\bhash\b|\bchecksum\b|sha256")
_BEARER = (b"Bearer ", b"Basic ")
_SIGNING_SCHEMES = re.compile(rb"signature|aws4-|hawk|digest|[a-z0-9-]*hmac", re.IGNORECASE)


class Seal(Token):
    """What a request carries that rewriting would break."""

    BODY = "body"  # a digest of the body
    REQUEST = "request"  # a signature, which may cover the body, the query and the path


def seal(headers: Headers) -> Seal | None:
    """What of a request must not be rewritten: RFC 9421 signatures, RFC 9530 digests, and any sender's own kinds."""
    others = [
        (name, value)
        for name, value in headers
        if name not in _SEALING_NOTHING and not (name == b"authorization" and value.startswith(_BEARER))
    ]
    if not others:
        return None
    names = b" ".join([name for name, _ in others])
    if _SIGNATURES.search(names) or any(k == b"authorization" and _SIGNING_SCHEMES.match(v) for k, v in others):
        return Seal.REQUEST
    return Seal.BODY if _DIGESTS.search(names) else None


def notices(endpoint: Endpoint, items: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """The response headers that tell a client what was found.

    Args:
        endpoint: gives the dates, where configured.
        items: pairs of a field's label and a finding's token.
    """
    listed = ", ".join(f"{_structured_string(label)};finding={token}" for label, token in items)
    headers = [(b"stagenorm-notice", listed.encode()), (b"link", _DEPRECATIONS)]
    if endpoint.deprecation:
        headers.append((b"deprecation", b"@%d" % endpoint.deprecation.timestamp()))
    if endpoint.sunset:
        headers.append((b"sunset", _http_date(endpoint.sunset)))
    return headers


def _http_date(moment: datetime) -> bytes:
    return format_datetime(moment.astimezone(timezone.utc), usegmt=True).encode()


def _structured_string(text: str) -> str:
    """A String, or beyond printable ASCII a Display String, of RFC 9651 (sections 3.3.3 and 3.3.8)."""
    if text.isascii() and text.isprintable():
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    escaped = (
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'%"' else f"%{byte:02x}" for byte in text.encode("utf-8")
    )
    return '%"' + "".join(escaped) + '"'
