"""What goes into a boundary and what comes out: Request, and Pass, Rewrite or Reject.

Only these values live here; they are all that an adapter knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from stagenorm.boundary.headers import Headers

if TYPE_CHECKING:
    from stagenorm.boundary.guard import Announced, Guard


class Unread(Enum):
    """Why a body was not held whole."""

    TOO_LARGE = "it has more bytes than are checked here"
    INCOMPLETE = "it did not arrive complete and well-formed"
    NO_LENGTH = "nothing says for certain where it ends: send one plain Content-Length"


@dataclass(slots=True)
class Request:
    """One guarded request.

    Attributes:
        guard: the endpoint that it is for, from Boundary.open.
        announced: what the headers say of the body, from Guard.announced.
        method: as the client wrote it.
        path: decoded, below the mounted application.
        raw_path: as the client wrote it, mount prefix included; None if the server does not say.
        query: the query string as the client wrote it.
        headers: pairs of bytes, names in lower case.
        client: the peer's address, or None.
        body: the whole body, or why it is not held.
    """

    guard: Guard
    announced: Announced
    method: str
    path: str
    raw_path: bytes | None
    query: bytes
    headers: Headers
    client: str | None
    body: bytes | Unread = b""


@dataclass(frozen=True, slots=True)
class Pass:
    """Hand the request on as it is.

    Attributes:
        headers: to add to the response.
    """

    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True)
class Rewrite:
    """Hand the request on with these parts replaced; None leaves a part as it is.

    Attributes:
        headers: to add to the response.
        path: decoded, below the mounted application.
        raw_path: the matching raw path, or None if the request has none that matches.
        query: the query string.
        body: the body; Content-Length must follow where the request declares one.
    """

    headers: tuple[tuple[bytes, bytes], ...] = ()
    path: str | None = None
    raw_path: bytes | None = None
    query: bytes | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """Answer with this response and never call the host.

    Attributes:
        status: 400, 413, 415 or 500.
        headers: of the response.
        body: the problem document; empty for HEAD.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())
    body: bytes = b""


Verdict = Pass | Rewrite | Reject
