"""Tools: PostgreSQL's own programs, found for a server and run without a password on a command line."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stagenorm.backfill.database import URL, Connection, query
from stagenorm.errors import BackupError

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_PLACES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")


def find(connection: Connection, name: str, directory: Path | None) -> Path:
    """A program that fits a server.

    Args:
        connection: to the server.
        name: of the program.
        directory: where to look; None looks where the server's own are, in the usual places, and in PATH.

    Raises:
        BackupError: there is none of the server's version or a newer one.
    """
    server = query(connection, "SHOW server_version_num").scalar()
    major = int(str(server)) // 10_000
    places = [directory] if directory else [Path(each.format(major)) for each in _PLACES]
    on_path = None if directory else shutil.which(name)
    seen = []
    for path in [*(place / name for place in places), *([Path(on_path)] if on_path else [])]:
        if not path.is_file():
            continue
        if (its := _major(path)) >= major:
            return path
        seen.append(f"{path} is {its}")
    raise BackupError(
        f"no {name} for PostgreSQL {major} ({'; '.join(seen) or 'none was found'}): install the client programs of that "
        "version, or name their directory with --pg-bin"
    )


@functools.cache
def version(path: Path) -> str:
    """What a program says of itself. Raises BackupError where it does not run."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - the operator's own program
    except (OSError, subprocess.CalledProcessError) as error:
        raise BackupError(f"{path} does not run: {error}") from error
    return done.stdout.strip()


def _major(path: Path) -> int:
    found = _VERSION.search(version(path))
    return int(found[1]) if found else 0


def _environment(url: URL) -> dict[str, str]:
    given = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": str(url.password) if url.password else None,
        "PGDATABASE": url.database,
        **{f"PG{name.upper()}": str(value) for name, value in url.query.items() if name.startswith("ssl")},
    }
    return {**os.environ, "PGAPPNAME": "stagenorm", **{name: value for name, value in given.items() if value}}


@contextmanager
def piped(command: Sequence[str | Path], url: URL, source: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Run a program of PostgreSQL's on a database.

    Args:
        command: the program and its arguments; where to connect is told it by the environment.
        url: of the database.
        source: what it reads.

    Yields:
        What it writes.

    Raises:
        BackupError: it does not run or failed, with what it said.
    """
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own program
                [str(each) for each in command],
                env=_environment(url),
                stdin=source or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
            )
        except OSError as error:
            raise BackupError(f"{command[0]} does not run: {error.strerror}") from error
        assert process.stdout is not None
        with process:
            try:
                yield process.stdout
                process.stdout.read()
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            said.seek(0)
            words = " ".join(said.read(2000).decode(errors="replace").split())
            raise BackupError(f"{Path(command[0]).name} failed ({process.returncode}): {words or 'it said nothing'}")
