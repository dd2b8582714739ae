"""Manifest: what a dump is and holds, in a JSON file beside it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from stagenorm.backfill.target import Target
from stagenorm.errors import BackupError
from stagenorm.files import replacing

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of a dump.

    Attributes:
        database: which one it is of, as ``Database.identity`` tells.
        format: ``custom``, ``plain`` or ``sqlite``.
        size: bytes.
        sha256: of the file, in hexadecimal.
        created_at: seconds since the epoch, before the first byte was read.
        server: its version.
        tool: its version.
        targets: the columns to be changed, each as ``Target.as_json`` has it.
        contents: as ``contents`` tells, of the same snapshot as the dump.
    """

    database: str
    format: str
    size: int
    sha256: str
    created_at: float
    server: str
    tool: str
    targets: tuple[str, ...]
    contents: dict[str, Any]

    def write(self, dump: Path) -> Path:
        """Write it beside its dump. Raises DataFileError where that cannot be."""
        with replacing(place(dump)) as file:
            file.write(json.dumps(asdict(self), indent=2).encode())
        return place(dump)

    @classmethod
    def read(cls, dump: Path) -> Manifest:
        """The manifest of a dump. Raises BackupError where there is none that can be read."""
        path = place(dump)
        if not dump.exists():
            raise BackupError(f"{dump} is not there: name the dump that stagenorm backup create made")
        try:
            read = json.loads(path.read_bytes())
            made = cls(**{**read, "targets": tuple(read["targets"])})
            {**made.contents["tables"], **made.contents["columns"]}
            [Target.from_json(target) for target in made.targets]
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror}: make the backup again") from error
        except (ValueError, TypeError, KeyError) as error:
            raise BackupError(f"{path} is no manifest: make the backup again") from error
        return made


def place(dump: Path) -> Path:
    """Where the manifest of a dump is."""
    return dump.with_name(f"{dump.name}.manifest.json")


class Hashing:
    """Takes bytes on their way into a file, and counts and hashes them.

    Args:
        target: where they go.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.size = 0

    def copy(self, source: IO[bytes]) -> None:
        """Take everything from a stream."""
        while chunk := source.read(_CHUNK):
            self._hash.update(chunk)
            self._target.write(chunk)
            self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """Of what was taken, in hexadecimal."""
        return self._hash.hexdigest()


def verify(dump: Path) -> Manifest:
    """Hold a dump against its manifest.

    Args:
        dump: the file.

    Raises:
        BackupError: the size or the checksum is another, or one of the two files is not there.
    """
    manifest = Manifest.read(dump)
    digest, size = hashlib.sha256(), 0
    try:
        with dump.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise BackupError(f"{dump} cannot be read: {error.strerror}") from error
    if size != manifest.size:
        raise BackupError(f"{dump} has {size:,} bytes, its manifest says {manifest.size:,}: make the backup again")
    if digest.hexdigest() != manifest.sha256:
        raise BackupError(
            f"{dump} is not the file that its manifest speaks of (SHA-256 differs): make the backup again"
        )
    return manifest
