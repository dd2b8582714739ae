"""What the boundary reads from request headers, and the notice headers that it writes.

Sans-IO: headers are pairs of bytes with lower-case names. Nothing that a client sent is ever written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from email.utils import format_datetime
from enum import Enum

from stagenorm.boundary.endpoint import Endpoint

Headers = Sequence[tuple[bytes, bytes]]

_UTF8 = ("utf-8", "utf8")
# Fields of RFC 9530, RFC 3230 and RFC 1864 that hold a digest of the body.
_DIGESTS = frozenset({b"content-digest", b"repr-digest", b"digest", b"content-md5", b"x-amz-content-sha256"})
_DEPRECATIONS = b'</api/deprecations>; rel="deprecation"'


class Media(Enum):
    """The media types that bodies are read in."""

    JSON = "application/json"
    FORM = "application/x-www-form-urlencoded"


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Every value of one header."""
    return [value for key, value in headers if key == name]


def media_fault(headers: Headers, expected: Media) -> str | None:
    """Why a body with these headers is not read, or None if it is."""
    if any(value.strip().lower() not in (b"", b"identity") for value in values(headers, b"content-encoding")):
        return "the body is encoded (Content-Encoding): send it plain"
    types = values(headers, b"content-type")
    if len(types) != 1:
        return f"{'several Content-Type headers' if types else 'no Content-Type header'}: send {expected.value}"
    media, *parameters = types[0].decode("latin-1").lower().split(";")
    if not _is_media(media.strip(" \t"), expected):
        return f"the media type is not {expected.value}"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip(" \t").startswith("charset") and value.strip(' \t"') not in _UTF8:
            return "the charset is not UTF-8"
    return None


def _is_media(media: str, expected: Media) -> bool:
    # RFC 6839, section 3.1: a +json type is read like JSON; so do Flask and FastAPI.
    is_json = expected is Media.JSON and media.startswith("application/") and media.endswith("+json")
    return media == expected.value or is_json


def declared_length(headers: Headers) -> int | None:
    """The body's declared length in bytes, or None where none (or no single number) is declared."""
    lengths = set(values(headers, b"content-length"))
    if len(lengths) != 1:
        return None
    text = lengths.pop()
    return int(text.lstrip(b"0")[:19] or b"0") if text.isdigit() else None


def is_chunked(headers: Headers) -> bool:
    """Whether the body comes with a transfer coding, so that one is there without a declared length."""
    return bool(values(headers, b"transfer-encoding"))


def seals_body(headers: Headers) -> bool:
    """Whether a digest covers the body, so that changing it would break what the host verifies."""
    return any(name in _DIGESTS for name, _ in headers)


def seals_request(headers: Headers) -> bool:
    """Whether a signature (RFC 9421, or any sender's own header) may cover the body, the query and the path."""
    return any(b"signature" in name or b"hmac" in name for name, _ in headers)


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
