"""requests_for: whole requests to one endpoint, of each of which it is known what must become of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import strategies as st

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import PathField, QueryField
from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.testing.bodies import bodies
from stagenorm.testing.parameters import parameters, paths
from stagenorm.testing.plan import Expected, Plan, Way, plans

__all__ = ["Expected", "GeneratedRequest", "Way", "requests_for"]

_SIGNATURES = ("signature-input", "x-hub-signature-256", "x-hmac")
_DIGESTS = ("content-digest", "repr-digest", "digest", "content-md5")
_ONE_IN_TEN = st.integers(0, 9).map(lambda number: number == 9)
_SHOWN_BODY = 400


@dataclass(frozen=True)
class GeneratedRequest:
    """One request as it goes over the wire.

    Attributes:
        method: in capitals.
        path: percent-encoded.
        query: without the ``?``.
        headers: pairs, names in lower case.
        body: the whole body.
        expected: what must become of it in enforce.
        way: what sets it apart, in words that complete "the request holds ...".
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    expected: Expected
    way: Way

    def __str__(self) -> str:
        """A curl command line; a long body is cut."""
        target = self.path + (b"?" + self.query if self.query else b"")
        words = ["curl", "-i", "--path-as-is", "-X", self.method, _shell(b"http://localhost" + target)]
        for name, value in self.headers:
            if name != b"content-length":  # curl's own
                words += ["-H", _shell(name + b": " + value)]
        if self.body and b"content-type" not in dict(self.headers):
            words += ["-H", "content-type:"]  # else curl adds one
        if self.body:
            words += ["--data-binary", _shell(self.body[:_SHOWN_BODY])]
        cut = f"   # ... {len(self.body)} bytes in all" if len(self.body) > _SHOWN_BODY else ""
        return " ".join(words) + cut


def _shell(data: bytes) -> str:
    """Bytes as one word for a shell; ANSI-C quoting where they do not print."""
    if re.fullmatch(rb"[ -~]*", data):
        return "'" + data.decode().replace("'", "'\\''") + "'"
    escaped = data.decode("latin-1").replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(ch if " " <= ch <= "~" else f"\\x{ord(ch):02x}" for ch in escaped) + "'"


def requests_for(
    endpoint: Endpoint, vocabulary: Vocabulary = INVESTMENT_STAGES, *, max_body_bytes: int = 1 << 20
) -> st.SearchStrategy[GeneratedRequest]:
    """Requests to one endpoint: canonical ones, ones with aliases, and ones that must be refused in enforce.

    A request is planned before it is written, so ``expected`` never depends on what it tests. Refused ones hold an
    unknown or hostile value, or are unreadable in one of the ways that ``Way`` lists. What must not matter is drawn
    too: spelling, white space, percent-encoding, other parameters and members.

    Args:
        endpoint: where the values sit.
        vocabulary: of every field that names none: the boundary's.
        max_body_bytes: the boundary's limit.
    """
    requests = _requests(endpoint, plans(endpoint, vocabulary, max_body_bytes))
    return requests.filter(lambda made: made.expected is Expected.REFUSED or len(made.body) <= max_body_bytes)


@st.composite
def _requests(draw: st.DrawFn, endpoint: Endpoint, planned: st.SearchStrategy[Plan]) -> GeneratedRequest:
    plan = draw(planned)
    method = "HEAD" if endpoint.method == "GET" and draw(_ONE_IN_TEN) else endpoint.method
    headers, body = draw(bodies(endpoint, plan))
    if plan.way is Way.SEALED_ALIAS:
        covers_body = body and not isinstance(plan.culprit, (PathField, QueryField))
        headers[draw(st.sampled_from(_SIGNATURES + _DIGESTS if covers_body else _SIGNATURES))] = "sha-256=:AAAA:"
    if body:
        headers["content-length"] = str(len(body))
    query = [field for field in endpoint.fields if isinstance(field, QueryField)]
    return GeneratedRequest(
        method,
        draw(paths(endpoint, plan)),
        draw(parameters(query, plan)) if query else b"",
        tuple((name.encode(), value.encode()) for name, value in headers.items()),
        body,
        plan.expected,
        plan.way,
    )
