"""Restore: the proof that a dump restores, in a database of its own that is gone afterwards whatever happens."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagenorm.backfill.database import Connection, Database, query, said
from stagenorm.backfill.target import Target
from stagenorm.backups import receipt, tools
from stagenorm.backups.contents import contents, differences
from stagenorm.backups.create import PLAIN, SQLITE
from stagenorm.backups.manifest import Manifest, verify
from stagenorm.backups.plain import restricted
from stagenorm.backups.receipt import Receipt
from stagenorm.backups.scratch import scratch
from stagenorm.errors import BackupError, DatabaseError

BUDGET = 300.0
"""Seconds that a restore may take."""
_INTEGRITY = "PRAGMA integrity_check"
_PREFIX = "stagenorm_restore_"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a restore showed.

    Attributes:
        manifest: of the dump.
        seconds: that restoring took.
        smoke: each query and the first row that it gave.
    """

    manifest: Manifest
    seconds: float
    smoke: tuple[tuple[str, Any], ...]

    def receipt(self) -> Receipt:
        """What a run may begin on."""
        held = self.manifest
        return Receipt(held.database, held.sha256, held.created_at, tuple(held.contents["columns"]), self.seconds)


def restore_test(
    database: Database, dump: Path, *, smoke: Sequence[str] = (), budget: float = BUDGET, tools_in: Path | None = None
) -> Proof:
    """Restore a dump into a temporary database, and hold it against its manifest.

    Where it does not pass, whatever the reason, the receipt beside it, which an earlier test wrote, is removed. Where it could
    not begin (another database, no such login, no program, no manifest) that one stays.

    Args:
        database: that the dump is of; a PostgreSQL server gets the temporary database beside it.
        dump: the file.
        smoke: queries that must give a row each.
        budget: seconds that restoring may take.
        tools_in: the directory of PostgreSQL's programs.

    Raises:
        BackupError: the dump is damaged, of another database, does not restore, restores something else, takes too
            long, or a smoke query gives nothing.
        DatabaseError: the database failed.
    """
    manifest, program = Manifest.read(dump), None
    with database.reading() as connection:
        if database.identity(connection) != manifest.database:
            raise BackupError(f"{dump} is of {manifest.database}, not of {database.name}: name its own database")
        if manifest.format != SQLITE:
            program = tools.find(connection, "psql" if manifest.format == PLAIN else "pg_restore", tools_in)
    try:
        return _proof(database, dump, verify(dump), program, smoke, budget)
    except BackupError:
        receipt.place(dump).unlink(missing_ok=True)
        raise


def _proof(  # noqa: PLR0917 - each is one thing
    database: Database, dump: Path, manifest: Manifest, program: Path | None, smoke: Sequence[str], budget: float
) -> Proof:
    targets = [Target.from_json(text) for text in manifest.targets]
    began = time.monotonic()
    with _postgresql(database, dump, manifest, program) if program else _sqlite(dump) as restored:
        seconds = time.monotonic() - began
        try:
            with restored.reading() as connection:
                found = contents(connection, targets)
                if differing := differences(manifest.contents, found):
                    raise BackupError(f"{dump} does not restore what its manifest says: {'; '.join(differing[:5])}")
                answered = tuple((each, _first(connection, each)) for each in (*_built_in(manifest), *smoke))
        except DatabaseError as error:
            raise BackupError(f"{dump}: what it restores cannot be read as its manifest says: {error}") from error
    if seconds > budget:
        raise BackupError(f"{dump} took {seconds:.0f} s to restore, over the budget of {budget:.0f} s: {_FASTER}")
    return Proof(manifest, seconds, answered)


_FASTER = "a way back that slow is none at night; dump less, or give the restore a faster machine"


def _built_in(manifest: Manifest) -> tuple[str, ...]:
    return (_INTEGRITY,) if manifest.format == SQLITE else ("SELECT count(*) FROM pg_class",)


def _first(connection: Connection, smoke: str) -> Any:
    try:
        row = query(connection, smoke).first()
    except Exception as error:
        raise BackupError(f"the smoke query {smoke!a} failed on the restored database: {said(error)}") from error
    if row is None or (smoke == _INTEGRITY and row[0] != "ok"):
        raise BackupError(
            f"the smoke query {smoke!a} gave {'no row' if row is None else row[0]} on the restored database"
        )
    return [str(value) for value in row]


@contextmanager
def _postgresql(database: Database, dump: Path, manifest: Manifest, program: Path) -> Iterator[Database]:
    with database.server() as connection:
        number = query(connection, "SELECT oid FROM pg_database WHERE datname = current_database()").scalar()
        _clean_up(database, connection, f"{_PREFIX}{number}_")
        name = f"{_PREFIX}{number}_{secrets.token_hex(6)}"
        # Held while this process lives: a database whose lock is free was left behind.
        query(connection, f"SELECT pg_advisory_lock(hashtext('{name}'), 0)")
        try:
            query(connection, f'CREATE DATABASE "{name}" TEMPLATE template0')
            url = database.url.set(database=name)
            common = ["--no-password", f"--dbname={name}"]
            options = (
                ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"]
                if manifest.format == PLAIN
                else ["--exit-on-error", "--no-owner", "--no-privileges"]
            )
            opened = restricted(dump) if manifest.format == PLAIN else dump.open("rb")
            with opened as source, tools.piped([program, *common, *options], url, source):
                pass
            yield Database(url.render_as_string(hide_password=False))
        finally:
            _drop(database, connection, name)


def _drop(database: Database, connection: Connection, name: str) -> None:
    """Drop a temporary database, and first the subscriptions that the dump brought: PostgreSQL keeps one that has any."""
    asked = f"SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = '{name}'"  # noqa: S608 - ours
    subscriptions = [str(each).replace('"', '""') for each in query(connection, asked).scalars()]
    if subscriptions:
        inside = Database(database.url.set(database=name).render_as_string(hide_password=False))
        with inside.server() as restored:
            for each in subscriptions:
                for how in (
                    f'ALTER SUBSCRIPTION "{each}" DISABLE',
                    f'ALTER SUBSCRIPTION "{each}" SET (slot_name = NONE)',
                ):
                    query(restored, how)
                query(restored, f'DROP SUBSCRIPTION "{each}"')
    query(connection, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _clean_up(database: Database, connection: Connection, prefix: str) -> None:
    """Drop the databases that processes which were killed left behind."""
    found = query(connection, f"SELECT datname FROM pg_database WHERE starts_with(datname, '{prefix}')")  # noqa: S608 - ours
    for (name,) in found.all():
        if query(connection, f"SELECT pg_try_advisory_lock(hashtext('{name}'), 0)").scalar():
            _drop(database, connection, name)


@contextmanager
def _sqlite(dump: Path) -> Iterator[Database]:
    with scratch() as directory:
        path = directory / "restored.db"
        try:
            # The dump is opened as it is read: never written, not even its journal.
            address = f"{dump.resolve().as_uri()}?mode=ro&immutable=1"
            with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(path)) as target:
                source.backup(target)
        except sqlite3.Error as error:
            raise BackupError(f"{dump} does not restore: {error}: make the backup again") from error
        yield Database(f"sqlite:///{path}")
