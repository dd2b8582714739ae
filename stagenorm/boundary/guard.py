"""Guard: one endpoint made ready, with a reader for each part of a request.

It finds and judges values; what follows from a finding is the decision table's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from stagenorm.boundary import headers as http
from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import Field, FormField, JsonField, JsonKeys, PathField, QueryField
from stagenorm.boundary.headers import Headers, Media, Seal
from stagenorm.boundary.json_body import JsonReader
from stagenorm.boundary.parameters import ParameterReader
from stagenorm.boundary.path import PathReader
from stagenorm.boundary.reading import NO_ALIASES, Aliases, Reading, Slot
from stagenorm.boundary.request import Request, Unread
from stagenorm.events import FindingKind

_REMEMBERED = 256
_ABOUT_BODY = frozenset((b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"))
AMBIGUOUS_END = "/\n"  # "/funds/\n" is "/funds/" to a router built on "$", and a fund named "\n" to every one


class Parts(NamedTuple):
    """What the parts of one request hold; None for a part without declared fields."""

    path: Reading | None = None
    query: Reading | None = None
    body: Reading | None = None

    def readings(self) -> list[Reading]:
        """The parts that were read, in the order in which they stand in a request."""
        return [reading for reading in self if reading is not None]


class Announced(NamedTuple):
    """What the headers of a request say of its body.

    Attributes:
        is_wanted: whether the body must be held to be judged.
        fault: why a body with these headers is not read, or None if it is.
        refused: what they say against a body that is certain to come, or None.
    """

    is_wanted: bool = True
    fault: str | None = None
    refused: Reading | None = None


PLAIN = Announced()
_NOT_READ = Announced(is_wanted=False)


class Guard:
    """Reads the declared fields of one endpoint.

    Args:
        endpoint: what the host declared.
        slot: binds a field to the normalizer of its vocabulary.
        max_body_bytes: the largest body that is read.

    Attributes:
        count_canonical: how many values a body holds, if a quick look proves all of them canonical (None says nothing);
            None where no quick look at the body can say all.

    Raises:
        ConfigurationError: the JSON fields contradict each other.
    """

    def __init__(self, endpoint: Endpoint, slot: Callable[[Field], Slot], max_body_bytes: int) -> None:
        self.endpoint = endpoint
        self._max_body_bytes = max_body_bytes
        self._digits = len(str(max_body_bytes))
        slots = [slot(declared) for declared in endpoint.fields]
        json = [each for each in slots if isinstance(each.declared, (JsonField, JsonKeys))]
        form = [each for each in slots if isinstance(each.declared, FormField)]
        query = [each for each in slots if isinstance(each.declared, QueryField)]
        path = [each for each in slots if isinstance(each.declared, PathField)]
        self._path = PathReader(endpoint, path) if path else None
        self._query = ParameterReader(query) if query else None
        self._json = JsonReader(json) if json else None
        self._form = ParameterReader(form) if form else None
        self.count_canonical = None if path or query or self._json is None else self._json.count_canonical
        self._plain_types: set[bytes | None] = set()  # content types seen before that are read
        self._media = Media.JSON if json else Media.FORM if form else None

    def announced(self, headers: Headers) -> Announced:
        """What the headers say of the body; PLAIN where nothing is against it."""
        if self._media is None:
            return _NOT_READ
        # Nearly every request has one known Content-Type, one Content-Length of few digits, and no more about its body.
        content_type = length = None
        for name, value in headers:
            if name in _ABOUT_BODY:
                if name == b"content-type" and content_type is None:
                    content_type = value
                elif name == b"content-length" and length is None:
                    length = value
                else:
                    return self._announced(http.joined(headers))
        if content_type in self._plain_types and (length is None or len(length) < self._digits):
            return PLAIN
        return self._announced(http.joined(headers))

    def _announced(self, by_name: Mapping[bytes, bytes]) -> Announced:
        length = http.length(by_name.get(b"content-length", b""))
        content_type = by_name.get(b"content-type")
        fault = None if content_type in self._plain_types else self._media_fault(content_type)
        if b"content-encoding" in by_name:
            fault = fault or http.encoding_fault(by_name[b"content-encoding"])
        if length and length > self._max_body_bytes:
            return Announced(is_wanted=False, fault=fault, refused=self._too_large())
        if fault is None:
            return PLAIN
        if length or b"transfer-encoding" in by_name:
            return Announced(is_wanted=False, fault=fault, refused=_unsupported(fault))
        return Announced(fault=fault)

    def _media_fault(self, content_type: bytes | None) -> str | None:
        assert self._media is not None
        fault = http.media_fault(content_type, self._media)
        if fault is None and len(self._plain_types) < _REMEMBERED:
            self._plain_types.add(content_type)
        return fault

    def read(self, request: Request, aliases: Aliases = NO_ALIASES) -> Parts:
        """Find and judge every declared value of a request, sealed ones marked as such.

        Args:
            request: the request.
            aliases: temporary aliases that count now.
        """
        if request.path.endswith(AMBIGUOUS_END):
            detail = "the path ends in '/' and a line break, and routers differ in what follows: send it without"
            return Parts(Reading.of(FindingKind.UNREADABLE, "path", detail))
        parts = Parts(
            self._path.read(request.path, aliases) if self._path else None,
            self._read_query(request, self._query, aliases) if self._query else None,
            self._read_body(request, aliases) if self._media else None,
        )
        for reading in parts:
            if reading and reading.rewrite:
                return self._sealed(request, parts, aliases)
        return parts

    def _read_query(self, request: Request, reader: ParameterReader, aliases: Aliases) -> Reading:
        # Django decodes the query string, too, in the charset of the Content-Type.
        content_type = http.joined(request.headers).get(b"content-type")
        fault = http.charset_fault(content_type) if request.query and content_type else None
        return Reading.of(FindingKind.UNREADABLE, "query", fault) if fault else reader.read(request.query, aliases)

    def _too_large(self) -> Reading:
        detail = f"the body has more than {self._max_body_bytes} bytes: send less"
        return Reading.of(FindingKind.TOO_LARGE, "body", detail)

    def _read_body(self, request: Request, aliases: Aliases, *, locate: bool = False) -> Reading:
        announced = request.announced
        if announced.refused:
            return announced.refused
        body = request.body
        if isinstance(body, Unread):
            if body is Unread.TOO_LARGE:
                return self._too_large()
            return Reading.of(FindingKind.UNREADABLE, "body", f"the body is not read: {body.value}")
        if len(body) > self._max_body_bytes:
            return self._too_large()
        if body and announced.fault:
            return _unsupported(announced.fault)
        if self._form:
            return self._form.read(body, aliases)
        assert self._json is not None
        return self._json.read(body, locate=locate, aliases=aliases) if body else self._json.absent()

    def _sealed(self, request: Request, parts: Parts, aliases: Aliases) -> Parts:
        """The parts, with the rewriting taken back of what a digest or a signature covers."""
        seal = http.seal(request.headers)
        if seal is None:
            return parts
        path, query, body = parts
        if body and body.rewrite:
            body = self._read_body(request, aliases, locate=True).sealed()
        if seal is Seal.REQUEST:
            path = path and path.sealed()
            query = query and query.sealed()
        return Parts(path, query, body)


def _unsupported(fault: str) -> Reading:
    return Reading.of(FindingKind.UNSUPPORTED, "body", fault)
