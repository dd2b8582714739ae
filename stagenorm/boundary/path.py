"""Reading and rewriting the declared segments of a request's path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from stagenorm.boundary.endpoint import Endpoint, PathParameter, path_pattern
from stagenorm.boundary.reading import NO_ALIASES, Aliases, Reading, Slot
from stagenorm.errors import ConfigurationError


class PathReader:
    """Reads the path fields of one endpoint.

    Args:
        endpoint: whose path it is.
        slots: the endpoint's path fields.

    Raises:
        ConfigurationError: a vocabulary holds a value that cannot stand in one segment.
    """

    def __init__(self, endpoint: Endpoint, slots: Iterable[Slot]) -> None:
        self._pattern = re.compile(path_pattern(endpoint, "([^/]+)"))
        names = [segment.name for segment in endpoint.segments if isinstance(segment, PathParameter)]
        self._slots = [(names.index(slot.label) + 1, slot) for slot in slots]  # by the pattern's groups
        for _, slot in self._slots:
            if any("/" in value for value in slot.canonical):
                raise ConfigurationError(
                    f"endpoint {endpoint.name!r}: a value of {slot.normalizer.vocabulary.name!r} holds '/', so "
                    f"PathField {slot.label!r} cannot take it: use another field"
                )

    def read(self, path: str, aliases: Aliases = NO_ALIASES) -> Reading:
        """Find and judge the declared segments of a path that the endpoint matches."""
        reading = Reading(aliases=aliases)
        found = self._pattern.fullmatch(path)
        assert found is not None
        edits: list[tuple[int, int, str]] = []
        for group, slot in self._slots:
            value = reading.judge(slot, slot.label, found[group])
            if value is not None:
                edits.append((*found.span(group), value))
        if edits:
            reading.rewrite = lambda: _edited(path, edits).encode("utf-8", "surrogatepass")
        return reading


def _edited(path: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, value in sorted(edits, reverse=True):  # from the end, so that positions hold
        path = path[:start] + value + path[end:]
    return path


def rewrite_raw(raw: bytes | None, path: str, rewritten: str) -> bytes | None:
    """The raw path that goes with a rewritten one: changed segments are quoted anew, all else is as it was.

    Args:
        raw: as the client wrote it, mount prefix included.
        path: decoded, below the mounted application.
        rewritten: the same with other segments in the same places.

    Returns:
        None where there is no raw path, or one that does not split as the decoded path does.
    """
    if raw is None:
        return None
    segments, before, after = raw.split(b"/"), path.split("/"), rewritten.split("/")
    for behind in range(1, len(before) + 1):  # from the end: a mount prefix stands in front
        if before[-behind] != after[-behind]:
            if behind > len(segments) or unquote(segments[-behind].decode("latin-1")) != before[-behind]:
                return None
            segments[-behind] = quote(after[-behind], safe="").encode()
    return b"/".join(segments)
