"""Create: a dump with its manifest, both of one snapshot; the checksum is taken as the bytes go by."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

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
        with file:
            for each in (place(out), receipt.place(out)):  # of a dump that is no more
                each.unlink(missing_ok=True)
            hashing = Hashing(file)
            if database.kind == "sqlite":
                made = _sqlite(database, out, hashing, targets)
            else:
                made = _postgresql(database, hashing, targets, format_, tools_in)
            file.flush()
            os.fsync(file.fileno())
        made.write(out)
    except BaseException as error:
        out.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataFileError(f"{out} cannot be written: {error.strerror}") from error
        raise
    return made


def _cut_off(out: Path) -> str:
    whole = place(out).exists() or not out.is_file()
    return "" if whole else " without a manifest, so it is being written or was cut off"


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
