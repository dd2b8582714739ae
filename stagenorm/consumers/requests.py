"""From the request line of a log to the endpoint that it calls, and which lines are worth reading at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote

from stagenorm.boundary.endpoint import Endpoint, PathParameter, Routes

_CACHED = 16_384
_LONGEST = 2048  # bytes of a target that are kept; longer ones are not remembered
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


class Requests:
    """Finds the endpoint of a logged request, by the rules by which the Boundary does.

    Args:
        endpoints: as the service declares them.

    Attributes:
        candidate: finds every quoted request line that may be a request to an endpoint, and few others, among lines
            with paired quotes. Its groups are the method with the target, and the agent where the rest of the line is
            as in the combined format.

    Raises:
        ConfigurationError: two endpoints share a name or a path.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        endpoints = tuple(endpoints)
        self._routes = Routes((endpoint, endpoint.name) for endpoint in endpoints)
        self._known = lru_cache(_CACHED)(self._find)
        self.candidate = _candidate(endpoints)

    def endpoint(self, method: bytes, target: bytes) -> str | None:
        """The name of the endpoint, or None.

        Args:
            method: as it was sent.
            target: as it was sent: a path, or a whole URL, with or without a query.
        """
        if not target.startswith(b"/"):
            target = _AUTHORITY.sub("", target.decode("latin-1"), count=1).encode("latin-1")
        path = target.partition(b"?")[0].partition(b"#")[0]
        return self._known(method, path) if len(path) <= _LONGEST else self._find(method, path)

    def _find(self, method: bytes, path: bytes) -> str | None:
        return self._routes.find(method.decode("latin-1"), unquote(path.decode("utf-8", "replace")) or "/")


def _candidate(endpoints: tuple[Endpoint, ...]) -> re.Pattern[bytes]:
    methods = {endpoint.method for endpoint in endpoints}
    methods |= {"HEAD"} if "GET" in methods else set()
    spellings = sorted(methods | {method.lower() for method in methods} | {method.title() for method in methods})
    heads = sorted({_head(endpoint) for endpoint in endpoints})
    # A slash may stand twice, a letter be written as %XX, and a proxy is sent the whole URL.
    target = rb'(?:/+(?:%s)|[^/]|[^ "\n?%%]*%%)[^ ]*' % (b"|".join(heads) or b"(?!)")
    method = b"(?:%s)" % ("|".join(spellings).encode() or b"(?!)")
    rest = rb' [^"]*" [^ ]+ [^ ]+ "[^"]*" "([^"]*)"\r?(?=\n)'
    return re.compile(rb'\] "(%s %s)(?:%s)?' % (method, target, rest))


def _head(endpoint: Endpoint) -> bytes:
    """The expression for the segments before the first parameter."""
    literal: list[bytes] = []
    for segment in endpoint.segments:
        if isinstance(segment, PathParameter):
            break
        raw, quoted = re.escape(segment.encode()), re.escape(quote(segment).encode())
        literal.append(raw if raw == quoted else b"(?:%s|%s)" % (raw, quoted))
    if not literal:
        return b"" if endpoint.segments else b'(?=[ ?#"])'
    return b"/+".join(literal) + (b'(?=[/ ?#"%])' if len(literal) == len(endpoint.segments) else b"/")
