"""Endpoint: what a host declares, and matching a request's path to one.

Routers differ in small ways; matching takes every path that any of them would route here: with and without a trailing
slash, several slashes for one (Flask takes them so in front, and behind a mount that is in the middle), HEAD as GET, a
method in any case (Flask and Django upper-case it), and a path that ends in a newline (a router built on ``re`` with
``$`` takes it).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from stagenorm.boundary.fields import Field, FormField, JsonField, JsonKeys, PathField
from stagenorm.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}|:([A-Za-z_][A-Za-z0-9_]*)")
_FLASK_PARAMETER = re.compile(r"<(?:[^<>]*:)?([^<>:]*)>")
_REMEMBERED = 1024
_METHOD = re.compile(r"[A-Z]+")


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
        flask = _FLASK_PARAMETER.search(text)
        if flask:
            self._fail(f"path segment {text!r}: write {{{flask[1]}}}, not {flask[0]}")
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


Target = TypeVar("Target")


class Routes(Generic[Target]):
    """Finds what belongs to the endpoint of a request.

    Args:
        targets: pairs of an endpoint and what is found for it. No two endpoints of one method may match the same
            path, because routers differ in which they would take.

    Attributes:
        elsewhere: paths seen before that lead to no endpoint by any method; bounded, so it never holds all of them.

    Raises:
        ConfigurationError: two endpoints share a name or a path.
    """

    def __init__(self, targets: Iterable[tuple[Endpoint, Target]]) -> None:
        self.elsewhere: set[str] = set()
        by_method: dict[str, list[tuple[Endpoint, Target]]] = {}
        known: list[Endpoint] = []
        targets = list(targets)
        for endpoint, target in targets:
            for other in known:
                _check_apart(other, endpoint)
            known.append(endpoint)
            by_method.setdefault(endpoint.method, []).append((endpoint, target))
        # One pattern a method, one group an endpoint.
        self._tables = {
            method: (
                re.compile("|".join(f"({path_pattern(endpoint, '[^/]+')})" for endpoint, _ in pairs)),
                [target for _, target in pairs],
            )
            for method, pairs in by_method.items()
        }
        self._literal = {
            (method, endpoint.path): target
            for endpoint, target in targets
            if not any(isinstance(part, PathParameter) for part in endpoint.segments)
            for method in (("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,))
        }
        if "GET" in self._tables:
            self._tables["HEAD"] = self._tables["GET"]

    def find(self, method: str, path: str) -> Target | None:
        """What belongs to the endpoint of a request, or None.

        Args:
            method: in any case.
            path: decoded, below the mounted application.
        """
        target = self._literal.get((method, path))
        if target is not None:
            return target
        table = self._tables.get(method) or self._tables.get(method.upper())
        if table:
            found = table[0].fullmatch(path)
            if found and found.lastindex:
                return table[1][found.lastindex - 1]
        self._remember(path)
        return None

    def _remember(self, path: str) -> None:
        few = len(self.elsewhere) < _REMEMBERED and len(path) <= _REMEMBERED
        if few and not any(pattern.fullmatch(path) for pattern, _ in self._tables.values()):
            self.elsewhere.add(path)


def path_pattern(endpoint: Endpoint, segment: str) -> str:
    """A regular expression for the whole path of a request to an endpoint.

    Args:
        endpoint: whose path it is.
        segment: the expression for a segment that a parameter takes.
    """
    parts = (segment if isinstance(part, PathParameter) else re.escape(part) for part in endpoint.segments)
    return "/*" + "/+".join(parts) + r"/*\n?"


def _check_apart(one: Endpoint, other: Endpoint) -> None:
    if one.name == other.name:
        raise ConfigurationError(f"two endpoints are named {one.name!r}: rename one")
    if one.method == other.method and _overlap(one, other):
        raise ConfigurationError(
            f"endpoints {one.name!r} and {other.name!r} match the same {one.method} paths "
            f"({one.path} and {other.path}): declare one of them"
        )


def _overlap(one: Endpoint, other: Endpoint) -> bool:
    return len(one.segments) == len(other.segments) and all(
        isinstance(left, PathParameter) or isinstance(right, PathParameter) or left == right
        for left, right in zip(one.segments, other.segments, strict=True)
    )
