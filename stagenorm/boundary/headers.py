"""What the boundary reads from request headers, and the notice headers that it writes.

Sans-IO: headers are pairs of bytes with lower-case names. Nothing that a client sent is ever written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import format_datetime
from enum import Enum
from functools import lru_cache

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


@dataclass(slots=True)
class BodyHead:
    """What the headers say of a body.

    Attributes:
        fault: why a body with these headers is not read, or None if it is.
        length: declared, in bytes; None where no number is.
        chunked: whether it comes with a transfer coding, and so is there without a declared length.
    """

    fault: str | None
    length: int | None
    chunked: bool


def body_head(headers: Headers, expected: Media) -> BodyHead:
    """What the headers say of a body."""
    by_name = dict(headers)
    if len(by_name) < len(headers):
        by_name = _joined(headers)
    fault = None
    if by_name.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
        fault = "the body is encoded (Content-Encoding): send it plain"
    length = by_name.get(b"content-length", b"")
    return BodyHead(
        fault or _media_fault(by_name.get(b"content-type"), expected),
        int(length[:19]) if length.isdigit() else None,
        b"transfer-encoding" in by_name,
    )


def _joined(headers: Headers) -> dict[bytes, bytes]:
    """Headers by name; values of one name are joined by commas (RFC 9110, section 5.3)."""
    by_name: dict[bytes, bytes] = {}
    for name, value in headers:
        by_name[name] = by_name[name] + b", " + value if name in by_name else value
    return by_name


@lru_cache(maxsize=256)  # services see the same few types all day
def _media_fault(content_type: bytes | None, expected: Media) -> str | None:
    if content_type is None:
        return f"there is no Content-Type header: send {expected.value}"
    media, *parameters = content_type.decode("latin-1").lower().split(";")
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


def first_value(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header, or None."""
    return next((value for key, value in headers if key == name), None)


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
