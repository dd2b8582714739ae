"""Guard: one endpoint made ready, with a reader for each part of a request.

It finds and judges values; what follows from a finding is the decision table's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from stagenorm.boundary import headers as http
from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import Field, FormField, JsonField, JsonKeys, PathField, QueryField
from stagenorm.boundary.headers import BodyHead, Media
from stagenorm.boundary.json_body import JsonReader
from stagenorm.boundary.parameters import ParameterReader
from stagenorm.boundary.path import PathReader
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
        json = [each for each in slots if isinstance(each.declared, (JsonField, JsonKeys))]
        form = [each for each in slots if isinstance(each.declared, FormField)]
        query = [each for each in slots if isinstance(each.declared, QueryField)]
        path = [each for each in slots if isinstance(each.declared, PathField)]
        self._path = PathReader(endpoint, path) if path else None
        self._query = ParameterReader(query) if query else None
        self._json = JsonReader(json) if json else None
        self._form = ParameterReader(form) if form else None
        self._only_json = None if path or query else self._json
        self._media = Media.JSON if json else Media.FORM if form else None

    def wants_body(self, request: Request) -> bool:
        """Whether the body must be held to judge it; False also where the headers alone already refuse it."""
        return self._media is not None and self._refused_unread(self._head(request)) is None

    def only_canonical(self, request: Request) -> bool:
        """Whether a quick look proves every declared value canonical; False says nothing."""
        body = request.body
        return (
            self._only_json is not None
            and isinstance(body, bytes)
            and 0 < len(body) <= self._max_body_bytes
            and self._head(request).fault is None
            and self._only_json.count_canonical(body) is not None
        )

    def read(self, request: Request) -> Parts:
        """Find and judge every declared value of a request, sealed ones marked as such."""
        parts = Parts(
            self._path.read(request.path) if self._path else None,
            self._query.read(request.query) if self._query else None,
            self._read_body(request) if self._media else None,
        )
        if any(reading.rewrite for reading in parts.readings()):
            self._seal(request, parts)
        return parts

    def _head(self, request: Request) -> BodyHead:
        if request.body_head is None:
            assert self._media is not None
            request.body_head = http.body_head(request.headers, self._media)
        return request.body_head

    def _refused_unread(self, head: BodyHead) -> Finding | None:
        """What the headers alone say against a body that is certain to come."""
        if not (head.length or head.chunked):
            return None
        if head.fault:
            return Finding(FindingKind.UNSUPPORTED, "body", detail=head.fault)
        return self._too_large() if head.length and head.length > self._max_body_bytes else None

    def _too_large(self) -> Finding:
        return Finding(
            FindingKind.TOO_LARGE, "body", detail=f"the body has more than {self._max_body_bytes} bytes: send less"
        )

    def _read_body(self, request: Request, *, locate: bool = False) -> Reading:
        head, body = self._head(request), request.body
        refused = self._refused_unread(head)
        if refused or body is Unread.TOO_LARGE or (isinstance(body, bytes) and len(body) > self._max_body_bytes):
            return Reading.of(refused or self._too_large())
        if isinstance(body, Unread):
            return Reading.of(Finding(FindingKind.UNREADABLE, "body", detail=f"the body is not read: {body.value}"))
        if body and head.fault:
            return Reading.of(Finding(FindingKind.UNSUPPORTED, "body", detail=head.fault))
        if self._form:
            return self._form.read(body)
        assert self._json is not None
        return self._json.read(body, locate=locate) if body else self._json.absent()

    def _seal(self, request: Request, parts: Parts) -> None:
        """Take back the rewriting of what a digest or a signature covers."""
        signed = http.seals_request(request.headers)
        if parts.body and parts.body.rewrite and (signed or http.seals_body(request.headers)):
            parts.body = _sealed(self._read_body(request, locate=True))
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
