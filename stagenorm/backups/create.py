"""Create: a dump with its manifest, both of one snapshot; the checksum is taken as the bytes go by."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stagenorm.backfill.columns import resolved
from stagenorm.backfill.database import Database, query
from stagenorm.backfill.target import Target
from stagenorm.backups import receipt, tools
from stagenorm.backups.contents import contents
from stagenorm.backups.manifest import Hashing, Manifest, place
from stagenorm.backups.scratch import scratch
from stagenorm.errors import BackupError, DataFileError

CUSTOM, PLAIN, SQLITE = "custom", "plain", "sqlite"


def create(
    database: Database, out: Path, targets: Sequence[Target], *, format_: str = CUSTOM, tools_in: Path | None = None
) -> Manifest:
    """Dump a database.

    Args:
        database: to dump.
        out: the file that is written; its manifest goes beside it.
        targets: the columns to be changed, whose values the manifest keeps.
        format_: ``custom`` or ``plain``, of PostgreSQL; SQLite has one format.
        tools_in: the directory of PostgreSQL's programs.

    Raises:
        BackfillRefusedError: the table of a target is not there.
        BackupError: the dump failed; neither file is there then.
        DatabaseError: the database failed.
        DataFileError: the files cannot be written.
    """
    try:
        # By its own name from the beginning, so of two that begin at once one is refused; until it has a manifest nothing
        # vouches for it.
        file = out.open("xb")
    except FileExistsError as error:
        raise BackupError(
            f"{out} is there already{_cut_off(out)}: a backup is never overwritten, name another file"
        ) from error
    except OSError as error:
        raise DataFileError(f"{out} cannot be written: {error.strerror}") from error
    try:
        with file, _ours(file, out):
            for each in (place(out), receipt.place(out)):  # of a dump that is no more
                each.unlink(missing_ok=True)
            hashing = Hashing(file)
            if database.kind == "sqlite":
                made = _sqlite(database, out, hashing, targets)
            else:
                made = _postgresql(database, hashing, targets, format_, tools_in)
            file.flush()
            os.fsync(file.fileno())
            if not _is_at(file, out):
                raise BackupError(f"{out} was taken away meanwhile: nothing is left of this backup, make it again")
            made.write(out)
    except OSError as error:
        raise DataFileError(f"{out} cannot be written: {error.strerror}") from error
    return made


@contextmanager
def _ours(file: BinaryIO, out: Path) -> Iterator[None]:
    """Lock a dump while it is written, so that others can tell it from one that was cut off; if that fails, it is removed."""
    with suppress(OSError):  # of a file system without locks
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    except BaseException:
        if _is_at(file, out):
            for each in (place(out), out):
                each.unlink(missing_ok=True)
        raise


def _is_at(file: BinaryIO, out: Path) -> bool:
    """Whether an open file still has its name: somebody may have taken it away, and made another."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), out.stat())
    except OSError:
        return False


def _cut_off(out: Path) -> str:
    if place(out).exists() or not out.is_file():
        return ""
    try:
        with out.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return ", and is being written"
    except OSError:
        return " without a manifest"
    return " without a manifest, so it was cut off and can be removed"


def _postgresql(
    database: Database, hashing: Hashing, targets: Sequence[Target], format_: str, tools_in: Path | None
) -> Manifest:
    began = time.time()
    with database.reading() as connection:
        snapshot = query(connection, "SELECT pg_export_snapshot()").scalar()
        dump = tools.find(connection, "pg_dump", tools_in)
        command: list[str | Path] = [dump, f"--format={format_}", f"--snapshot={snapshot}", "--no-password"]
        server = query(connection, "SHOW server_version").scalar()
        identity = database.identity(connection)
        targets = [resolved(database, connection, target) for target in targets]
        # The connection that holds the snapshot counts in it while pg_dump writes.
        with ThreadPoolExecutor(1) as beside:
            counting = beside.submit(contents, connection, targets)
            try:
                with tools.piped(command, database.url) as dumped:
                    hashing.copy(dumped)
            except BackupError:
                if counting.done():  # a snapshot ends with a connection that failed, which then is the cause
                    counting.result()
                raise
            held = counting.result()
    return Manifest(
        identity,
        format_,
        hashing.size,
        hashing.sha256,
        began,
        f"PostgreSQL {server}",
        tools.version(dump),
        tuple(target.as_json for target in targets),
        held,
    )


def _sqlite(database: Database, out: Path, hashing: Hashing, targets: Sequence[Target]) -> Manifest:
    began = time.time()
    with database.reading() as connection:
        identity = database.identity(connection)
        targets = [resolved(database, connection, target) for target in targets]
    with scratch(out.resolve().parent) as directory:
        copy = directory / "snapshot.db"
        try:
            with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")  # one file holds it all
        except sqlite3.Error as error:
            raise BackupError(f"{database.name} could not be copied: {error}") from error
        with Database(f"sqlite:///{copy}").reading() as connection:
            held = contents(connection, targets)
        with copy.open("rb") as source:
            hashing.copy(source)
    library = f"SQLite {sqlite3.sqlite_version}"
    return Manifest(
        identity,
        SQLITE,
        hashing.size,
        hashing.sha256,
        began,
        library,
        library,
        tuple(target.as_json for target in targets),
        held,
    )
