"""Source code as trees of files, as far as their ignore files let them be seen. It imports pathspec and ahocorasick_rs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.consumers.source_text import Calls, Place
from stagenorm.errors import DataFileError, MissingExtraError

try:
    from ahocorasick_rs import MATCHKIND_LEFTMOST_FIRST, BytesAhoCorasick
    from pathspec import GitIgnoreSpec
except ModuleNotFoundError as error:
    raise MissingExtraError("reading source code", "consumers") from error

_IGNORE_FILES = (".gitignore", ".ignore")
_NEVER = {".git", ".hg", ".svn", ".jj"}
_LARGEST = 32 << 20
_BINARY = 8000  # bytes in which a NUL makes a file a binary one, as for git
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class Searched:
    """What was found in source code.

    Attributes:
        places: pairs of a file and a place in it.
        files: how many were read.
        unread: files that could not be, and why.
        binary: how many hold no text.
        unsearchable: names of the endpoints whose path has no literal segment to look for.
    """

    places: list[tuple[str, Place]] = field(default_factory=list)
    files: int = 0
    unread: list[tuple[str, str]] = field(default_factory=list)
    binary: int = 0
    unsearchable: list[str] = field(default_factory=list)

    def for_machines(self) -> dict[str, Any]:
        """The same as values of JSON."""
        return {
            "files": self.files,
            "binary": self.binary,
            "unsearchable": self.unsearchable,
            "unread": [{"file": file, "why": why} for file, why in self.unread],
            "places": [
                {
                    "endpoint": place.endpoint,
                    "file": file,
                    "line": place.line,
                    "end_line": place.end,
                    "confidence": place.confidence.name.lower(),
                    "text": place.text,
                }
                for file, place in self.places
            ],
        }


def search(paths: Sequence[Path], endpoints: Sequence[Endpoint]) -> Searched:
    """Every place that calls an endpoint.

    Args:
        paths: files, which are read whatever ignore files say, and directories.
        endpoints: as the service declares them.

    Raises:
        DataFileError: one of the paths is not there.
    """
    calls = Calls(endpoints)
    found = Searched(unsearchable=calls.unsearchable)
    # All needles in one pass: of the kinds of match, this one is searched for with SIMD.
    sieve = BytesAhoCorasick(calls.needles, MATCHKIND_LEFTMOST_FIRST)
    for file in dict.fromkeys(_files(paths)):
        try:
            content = _content(file)
        except OSError as error:
            found.unread.append((file, error.strerror or str(error)))
            continue
        if content is None:
            found.unread.append((file, f"it is larger than {_LARGEST >> 20} MiB"))
            continue
        found.files += 1
        if content.startswith(_UTF_16):
            content = content.decode("utf-16", "replace").encode()
        elif content.find(b"\0", 0, _BINARY) >= 0:
            found.binary += 1
            continue
        lowered = content.lower()
        if sieve.find_matches_as_indexes(lowered):
            text = content.decode("utf-8", "replace")
            found.places += [(file, place) for place in calls.find(text, calls.candidates(lowered))]
    return found


def _content(file: str) -> bytes | None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        return None if size > _LARGEST else os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)


def _files(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if path.is_dir():
            yield from _tree(str(path), list(_ignored_above(path.resolve())))
        elif path.exists():
            yield str(path)
        else:
            raise DataFileError(f"{path} is not there: name files or directories of source code")


_Ignored = tuple[str, GitIgnoreSpec]
"""What a directory's ignore files say, after the path of what it holds, from that directory on."""


def _ignored_above(directory: Path) -> Iterator[_Ignored]:
    """What the directories above say, up to the root of the repository."""
    if (directory / ".git").exists():
        return
    above = list(directory.parents)
    root = next((place for place, each in enumerate(above) if (each / ".git").exists()), -1)
    for each in reversed(above[: root + 1]):
        spec = _spec(str(each), [name for name in _IGNORE_FILES if (each / name).is_file()])
        if spec:
            yield f"{directory.relative_to(each)}/", spec


def _tree(directory: str, above: list[_Ignored]) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        yield directory  # it is told as a file that cannot be read
        return
    spec = _spec(directory, [entry.name for entry in entries if entry.name in _IGNORE_FILES])
    rules = [*above, ("", spec)] if spec else above
    for entry in entries:
        is_directory = entry.is_dir(follow_symlinks=False)
        if entry.name in _NEVER or (rules and _is_ignored(entry.name + "/" * is_directory, rules)):
            continue
        if is_directory:
            yield from _tree(entry.path, [(f"{before}{entry.name}/", spec) for before, spec in rules])
        elif entry.is_file(follow_symlinks=False):
            yield entry.path


def _spec(directory: str, names: list[str]) -> GitIgnoreSpec | None:
    lines = [
        line
        for name in names
        for line in Path(directory, name).read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return GitIgnoreSpec.from_lines(lines) if lines else None


def _is_ignored(name: str, rules: list[_Ignored]) -> bool:
    """The deepest directory that says anything decides."""
    for before, spec in reversed(rules):
        decided = spec.check_file(before + name).include
        if decided is not None:
            return decided
    return False
