"""Endpoint: what a host declares, and matching a request's path to one.

Routers differ in small ways; matching takes every path that any of them would route here: with and without a trailing
slash, several slashes for one (Flask takes them so at the start of a path, or behind a mount), HEAD as GET, a method
in any case (Flask and Django upper-case it), and a path that ends in a newline (a router built on ``re`` with ``$``
takes it).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from stagenorm.boundary.fields import Field, FormField, JsonField, JsonKeys, PathField
from stagenorm.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}|:([A-Za-z_][A-Za-z0-9_]*)")
_METHOD = re.compile(r"[A-Z]+")
_SLASHES = re.compile("/+")


@dataclass(frozen=True)
class Endpoint:
    """One guarded operation of a host.

    Attributes:
        name: how metrics, logs and modes call it: letters, digits, ``_``, ``.`` and ``-``, at most 64.
        method: the HTTP method in capitals; HEAD is guarded with GET.
        path: below the mounted application, with ``{id}`` or ``:id`` for one segment.
        fields: where the values sit.
        deprecation: since when written forms other than canonical are deprecated (RFC 9745), with a time zone.
        sunset: when they stop working (RFC 8594), not before deprecation.

    Raises:
        ConfigurationError: any of them cannot work; the message names the endpoint and the fix.
    """

    name: str
    method: str
    path: str
    fields: tuple[Field, ...]
    deprecation: datetime | None = None
    sunset: datetime | None = None

    def __init__(
        self,
        name: str,
        method: str,
        path: str,
        fields: Iterable[Field],
        *,
        deprecation: datetime | None = None,
        sunset: datetime | None = None,
    ) -> None:
        values = {"name": name, "method": method, "path": path, "fields": tuple(fields)}
        for attribute, value in {**values, "deprecation": deprecation, "sunset": sunset}.items():
            object.__setattr__(self, attribute, value)
        self._check()

    def _check(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"endpoint name {self.name!r}: use 1 to 64 of the letters, digits, '_', '.' and '-'; it labels metrics"
            )
        if not _METHOD.fullmatch(self.method):
            self._fail(f"method {self.method!r} is no HTTP method in capitals, such as 'POST'")
        if self.method == "HEAD":
            self._fail("HEAD is guarded with GET: declare 'GET'")
        if not self.path.startswith("/") or "?" in self.path or "#" in self.path or "//" in self.path:
            self._fail(f"path {self.path!r} must begin with '/', without empty segments, query or fragment")
        if not self.fields:
            self._fail("no fields: name at least one place where a value sits")
        self._check_fields()
        for moment in (self.deprecation, self.sunset):
            if moment is not None and moment.utcoffset() is None:
                self._fail(f"date {moment} has no time zone: add tzinfo=timezone.utc")
        if self.deprecation and self.sunset and self.sunset < self.deprecation:
            self._fail("sunset lies before deprecation (RFC 9745, section 4): move one of them")

    def _check_fields(self) -> None:
        parameters = [segment for segment in self.segments if isinstance(segment, PathParameter)]
        names = [parameter.name for parameter in parameters]
        if len(set(names)) < len(names):
            self._fail(f"path {self.path!r} names a parameter twice")
        kinds = {type(declared) for declared in self.fields}
        if FormField in kinds and kinds & {JsonField, JsonKeys}:
            # A handler that tries one and then the other would read a body that was judged as the other kind.
            self._fail("its body cannot be both JSON and a form: declare the fields of one kind")
        seen: set[tuple[type, str]] = set()
        for declared in self.fields:
            if isinstance(declared, PathField) and declared.name not in names:
                self._fail(f"PathField {declared.name!r} is not in the path {self.path!r}: write {{{declared.name}}}")
            if (type(declared), declared.label) in seen:
                self._fail(f"field {declared.label!r} is declared twice: remove one")
            seen.add((type(declared), declared.label))

    def _fail(self, detail: str) -> None:
        raise ConfigurationError(f"endpoint {self.name!r}: {detail}")

    @property
    def segments(self) -> tuple[str | PathParameter, ...]:
        """The path's segments: literals, and PathParameter where any one segment goes."""
        literal = self.path.strip("/").split("/") if self.path.strip("/") else []
        return tuple(self._segment(text) for text in literal)

    def _segment(self, text: str) -> str | PathParameter:
        found = _PARAMETER.fullmatch(text)
        if found:
            return PathParameter(found[1] or found[2])
        if "{" in text or "}" in text or text.startswith(":") or "%" in text:
            self._fail(
                f"path segment {text!r}: a parameter fills a whole segment, as {{id}} or :id, and literal text is "
                "written decoded"
            )
        return text


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A ``{name}`` in a path."""

    name: str


class Routes:
    """Finds the endpoint of a request.

    Args:
        endpoints: no two of one method may match the same path, because routers differ in which they would take.

    Raises:
        ConfigurationError: two endpoints share a name or a path.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._trees: dict[str, _Tree] = {}
        known: list[Endpoint] = []
        for endpoint in endpoints:
            for other in known:
                if other.name == endpoint.name:
                    raise ConfigurationError(f"two endpoints are named {endpoint.name!r}: rename one")
                if other.method == endpoint.method and _overlap(other, endpoint):
                    raise ConfigurationError(
                        f"endpoints {other.name!r} and {endpoint.name!r} match the same {endpoint.method} paths "
                        f"({other.path} and {endpoint.path}): declare one of them"
                    )
            known.append(endpoint)
            self._trees.setdefault(endpoint.method, _Tree()).add(endpoint)
        if "GET" in self._trees:
            self._trees["HEAD"] = self._trees["GET"]

    def find(self, method: str, path: str) -> Endpoint | None:
        """The endpoint of a request, or None.

        Args:
            method: in any case.
            path: decoded, below the mounted application.
        """
        tree = self._trees.get(method) or self._trees.get(method.upper())
        return tree.find(split(path), 0) if tree else None


class _Tree:
    """Endpoints of one method by their segments."""

    __slots__ = ("endpoint", "literals", "parameter")

    def __init__(self) -> None:
        self.endpoint: Endpoint | None = None
        self.literals: dict[str, _Tree] = {}
        self.parameter: _Tree | None = None

    def add(self, endpoint: Endpoint) -> None:
        tree = self
        for segment in endpoint.segments:
            if isinstance(segment, str):
                tree = tree.literals.setdefault(segment, _Tree())
            else:
                tree.parameter = tree.parameter or _Tree()
                tree = tree.parameter
        tree.endpoint = endpoint

    def find(self, segments: list[str], depth: int) -> Endpoint | None:
        if depth == len(segments):
            return self.endpoint
        segment = segments[depth]
        tree = self.literals.get(segment)
        if tree is None and depth == len(segments) - 1:
            tree = self.literals.get(segment.removesuffix("\n"))
        found = tree.find(segments, depth + 1) if tree else None
        if found is None and self.parameter and segment:
            found = self.parameter.find(segments, depth + 1)
        return found


def split(path: str) -> list[str]:
    """The segments of a request's path, without the empty ones that a slash at either end or several in a row make."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    segments = path.split("/")
    if not segments[0]:
        del segments[0]
    if segments and segments[-1] in ("", "\n"):
        del segments[-1]
    return segments


def _overlap(one: Endpoint, other: Endpoint) -> bool:
    return len(one.segments) == len(other.segments) and all(
        isinstance(left, PathParameter) or isinstance(right, PathParameter) or left == right
        for left, right in zip(one.segments, other.segments, strict=True)
    )
