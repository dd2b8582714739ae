"""Access logs as text: common, combined, and what nginx and Apache are usually told to add to them."""

from __future__ import annotations

import re

from stagenorm.consumers.networks import parse_address
from stagenorm.consumers.record import Record, moment_of

_MOMENT = rb"[0-3]\d/[A-Z][a-z]{2}/\d{4}:\d\d:[0-5]\d:[0-6]\d [+-]\d{4}|\d{4}-\d\d-\d\d[T ][0-9:.,]{5,18}(?:Z|[+-]\d\d:?\d\d)?"
_QUOTED = rb'"((?:[^"\\\n]|\\.)*)"'
_LINE = re.compile(
    rb"\[(" + _MOMENT + rb")\] (?:[^\" ]+ )*?" + _QUOTED + rb'(?= |$)((?: (?:[^" ][^ ]*|"(?:[^"\\]|\\.)*"))*)\s*$'
)
_REGULAR = re.compile(
    rb"([0-9a-fA-F:.]+) [^ ]+ [^ ]+ \[("
    + _MOMENT
    + rb')\] "([A-Za-z]+) ([^ "\\]+)(?: [^ "\\]*)?" [0-9-]+ [^ "]+ "[^"\\]*" "([^"\\]*)"$'
)
_FIELD = re.compile(_QUOTED)
_REQUEST = re.compile(rb"([A-Za-z]+) ([^ ]+)(?: HTTP/[0-9.]+)?")
_HOPS = re.compile(rb"[0-9a-fA-F:.\[\]]{2,}(?:, ?[0-9a-zA-Z:.\[\]_-]+)*")


def read_text(line: bytes) -> Record | None:
    """What a line says, or None where it is malformed.

    Args:
        line: without its end. NULs before it, which a log that was cut while it was written begins with, are no part.
    """
    regular = _REGULAR.match(line)
    if regular:
        peer, moment, method, target, agent = regular.groups()
        at = moment_of(moment)
        return None if at is None else Record(at, method, target, peer, b"", agent)
    line = line.lstrip(b"\0")
    found = _LINE.search(line)
    if found is None:
        return None
    at = moment_of(found[1])
    front = line[: found.start()].split()
    if at is None or not front:
        return None
    request = _REQUEST.fullmatch(found[2])
    method, target = request.groups() if request else (b"", b"")  # such as "-", of a connection that sent nothing
    peer, forwarded = _peer(front)
    fields = _FIELD.findall(found[3])
    return Record(at, method, target, peer, forwarded or _forwarded(fields[2:]), _agent(fields))


def _peer(front: list[bytes]) -> tuple[bytes, bytes]:
    """The peer, and what was forwarded where that stands first; a virtual host may stand first too."""
    last = len(front) - 3  # before ident and user
    if last > 0 and _is_address(front[last]):
        before = b" ".join(front[:last])
        return front[last], before if _HOPS.fullmatch(before) else b""
    if len(front) > 3 and _is_address(front[1]):
        return front[1], b""
    return front[0], b""


def _is_address(token: bytes) -> bool:
    return parse_address(token.decode("latin-1")) is not None


def _agent(fields: list[bytes]) -> bytes:
    """The second quoted field is the agent, after the referrer; where there is one alone, it is what it looks like."""
    if len(fields) == 1 and not fields[0].startswith((b"http://", b"https://", b"-")):
        return fields[0]
    return fields[1] if len(fields) > 1 else b""


def _forwarded(fields: list[bytes]) -> bytes:
    return next((field for field in fields if _HOPS.fullmatch(field) and _is_address(field.split(b",")[0])), b"")
