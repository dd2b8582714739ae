"""Guard: one endpoint made ready, with a reader for each part of a request.

It finds and judges values; what follows from a finding is the decision table's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from stagenorm.boundary import headers as http
from stagenorm.boundary.endpoint import Endpoint, PathParameter, split
from stagenorm.boundary.fields import Field, FormField, JsonField, JsonKeys, PathField, QueryField
from stagenorm.boundary.headers import Headers, Media
from stagenorm.boundary.json_body import JsonReader
from stagenorm.boundary.parameters import ParameterReader
from stagenorm.boundary.reading import Reading, Slot
from stagenorm.boundary.request import Request, Unread
from stagenorm.events import Finding, FindingKind


@dataclass(slots=True)
class Parts:
    """What the parts of one request hold; None for a part without declared fields."""

    path: Reading | None = None
    query: Reading | None = None
    body: Reading | None = None

    def readings(self) -> list[Reading]:
        """The parts that were read, in the order in which they stand in a request."""
        return [reading for reading in (self.path, self.query, self.body) if reading is not None]


class Guard:
    """Reads the declared fields of one endpoint.

    Args:
        endpoint: what the host declared.
        slot: binds a field to the normalizer of its vocabulary.
        max_body_bytes: the largest body that is read.

    Raises:
        ConfigurationError: the JSON fields contradict each other.
    """

    def __init__(self, endpoint: Endpoint, slot: Callable[[Field], Slot], max_body_bytes: int) -> None:
        self.endpoint = endpoint
        self._max_body_bytes = max_body_bytes
        slots = [slot(declared) for declared in endpoint.fields]
        names = [segment.name if isinstance(segment, PathParameter) else None for segment in endpoint.segments]
        json = [each for each in slots if isinstance(each.declared, (JsonField, JsonKeys))]
        form = [each for each in slots if isinstance(each.declared, FormField)]
        query = [each for each in slots if isinstance(each.declared, QueryField)]
        self._path = [(names.index(each.label), each) for each in slots if isinstance(each.declared, PathField)]
        self._query = ParameterReader(query) if query else None
        self._json = JsonReader(json) if json else None
        self._form = ParameterReader(form) if form else None
        self._media = Media.JSON if json else Media.FORM if form else None

    def wants_body(self, headers: Headers) -> bool:
        """Whether the body must be held to judge it; False also where the headers alone already refuse it."""
        return self._media is not None and self._refused_unread(headers) is None

    def read(self, request: Request) -> Parts:
        """Find and judge every declared value of a request, sealed ones marked as such."""
        parts = Parts(
            self._read_path(request) if self._path else None,
            self._query.read(request.query) if self._query else None,
            self._read_body(request.headers, request.body) if self._media else None,
        )
        if any(reading.rewrite for reading in parts.readings()):
            self._seal(request, parts)
        return parts

    def _read_path(self, request: Request) -> Reading:
        reading = Reading()
        segments = split(request.path)
        for position, slot in self._path:
            raw = segments[position]
            match = slot.find(raw)
            if match is None:
                reading.add_unknown(slot, slot.label, raw)
            elif match.exact:
                reading.counts[FindingKind.CANONICAL] += 1
            else:
                reading.add(slot.alias(slot.label, raw))
                reading.rewrite = lambda: self._rewritten_path(request.path).encode("utf-8", "surrogatepass")
        return reading

    def _rewritten_path(self, path: str) -> str:
        for position, value in self._path_values(path):
            segments = path.split("/")
            segments[position] = value
            path = "/".join(segments)
        return path

    def _path_values(self, path: str) -> list[tuple[int, str]]:
        """Where each path field stands between the slashes of a path, and its canonical value if it has one."""
        segments = path.split("/")
        places = [place for place, segment in enumerate(segments) if segment]
        found = [(places[position], slot.find(segments[places[position]])) for position, slot in self._path]
        return [(place, match.value) for place, match in found if match]

    def rewritten_raw_path(self, path: str, raw: bytes | None) -> bytes | None:
        """The raw path with the aliases of its decoded form replaced, all else as it was.

        Returns:
            None where the request has no raw path, or one that does not split as the decoded path does.
        """
        if raw is None:
            return None
        segments, decoded = raw.split(b"/"), path.split("/")
        for position, value in self._path_values(path):
            behind = position - len(decoded)  # counted from the end: the raw path may begin with a mount prefix
            if -behind > len(segments) or unquote(segments[behind].decode("latin-1")) != decoded[position]:
                return None
            segments[behind] = quote(value, safe="").encode()
        return b"/".join(segments)

    def _refused_unread(self, headers: Headers) -> Finding | None:
        """What the headers alone say against the body, if one is certain to come."""
        length = http.declared_length(headers)
        if length or http.is_chunked(headers):
            fault = self._media and http.media_fault(headers, self._media)
            if fault:
                return Finding(FindingKind.UNSUPPORTED, "body", detail=fault)
            if length is not None and length > self._max_body_bytes:
                return self._too_large()
        return None

    def _too_large(self) -> Finding:
        return Finding(
            FindingKind.TOO_LARGE, "body", detail=f"the body has more than {self._max_body_bytes} bytes: send less"
        )

    def _read_body(self, headers: Headers, body: bytes | Unread, *, locate: bool = False) -> Reading:
        refused = self._refused_unread(headers)
        if refused:
            return Reading.of(refused)
        if body is Unread.TOO_LARGE:
            return Reading.of(self._too_large())
        if isinstance(body, Unread):
            return Reading.of(Finding(FindingKind.UNREADABLE, "body", detail=f"the body is not read: {body.value}"))
        if self._form:
            fault = body and http.media_fault(headers, Media.FORM)
            return (
                Reading.of(Finding(FindingKind.UNSUPPORTED, "body", detail=fault)) if fault else self._form.read(body)
            )
        assert self._json is not None
        if not body:
            return self._json.absent()
        fault = http.media_fault(headers, Media.JSON)
        if fault:
            return Reading.of(Finding(FindingKind.UNSUPPORTED, "body", detail=fault))
        return self._json.read(body, locate=locate)

    def _seal(self, request: Request, parts: Parts) -> None:
        """Take back the rewriting of what a digest or a signature covers."""
        signed = http.seals_request(request.headers)
        if parts.body and parts.body.rewrite and (signed or http.seals_body(request.headers)):
            parts.body = _sealed(self._read_body(request.headers, request.body, locate=True))
        if signed:
            parts.path = parts.path and _sealed(parts.path)
            parts.query = parts.query and _sealed(parts.query)


def _sealed(reading: Reading) -> Reading:
    sealed = Reading()
    detail = "the value is an alias, and a digest or signature forbids rewriting it: send a canonical value"
    for finding in reading.findings:
        is_alias = finding.kind is FindingKind.ALIAS
        sealed.findings.append(replace(finding, kind=FindingKind.SEALED_ALIAS, detail=detail) if is_alias else finding)
    sealed.counts.update(reading.counts)
    sealed.counts[FindingKind.SEALED_ALIAS] = sealed.counts.pop(FindingKind.ALIAS, 0)
    return sealed
