"""Session: the one connection of a run, which holds its lock, so that two runs never work on one target at once."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa
from sqlalchemy import exc

from stagenorm.backfill.database import Connection, Database
from stagenorm.backfill.target import Target
from stagenorm.errors import BackfillRefusedError, DatabaseError

_LOCK_SECONDS = 3.0  # the server may still be ending the batch of a process that was killed
_POLL = 0.05
# Where a lock of one 64-bit number stands: PostgreSQL's manual, pg_locks.
_HELD = sa.text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (CAST(classid AS bigint) << 32) | CAST(objid AS bigint) = CAST(:number AS bigint))"
)


class Session:
    """A connection with the lock of a target.

    On PostgreSQL the lock is the session's, so it cannot outlive the connection nor the connection it. On SQLite it is
    that of a file beside the database, which the system frees when the process ends.

    Args:
        database: to connect to.
        target: what nobody else may work on meanwhile.

    Raises:
        BackfillRefusedError: somebody else has it.
    """

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target
        self._stack = ExitStack()
        self.connection: Connection

    def __enter__(self) -> Session:  # noqa: PYI034 - typing has no Self on Python 3.10
        with ExitStack() as stack:
            if self._database.kind == "sqlite":
                stack.callback(os.close, self._lock_file())
            self._connect(time.monotonic() + _LOCK_SECONDS)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()
        self._stack.close()

    def reconnect(self) -> None:
        """Take a new connection, and the lock again. Raises SQLAlchemy's errors, and BackfillRefusedError."""
        self._drop()
        self._connect(time.monotonic() + _LOCK_SECONDS)

    def _drop(self) -> None:
        with suppress(exc.SQLAlchemyError):
            self.connection.close()

    def _connect(self, deadline: float) -> None:
        self.connection = self._database.connect()
        try:
            if self._database.kind == "postgresql":
                self._lock_session(deadline)
        except BaseException:
            self._drop()
            raise

    def _lock_session(self, deadline: float) -> None:
        asked = sa.select(sa.func.pg_try_advisory_lock(self._target.lock_number))
        while True:
            with self.connection.begin():
                if self.connection.scalar(asked):
                    return
            if time.monotonic() > deadline:
                raise BackfillRefusedError(_taken(self._target.name))
            time.sleep(_POLL)

    def _lock_file(self) -> int:
        path = _lock_path(self._database)
        try:
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseError(f"{path} cannot be opened to lock: {error.strerror}") from error
        for last in (False, False, True):
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if last:
                    os.close(opened)
                    raise BackfillRefusedError(_taken(f"a table of {self._database.name}")) from error
                time.sleep(_POLL)  # somebody may only have asked for the status
        return opened


def is_locked(database: Database, target: Target) -> bool:
    """Whether a run works on a target at this moment; true also where nobody lets us know.

    Raises:
        DatabaseError: the database failed.
    """
    if database.kind == "sqlite":
        try:
            opened = os.open(_lock_path(database), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(opened)
        return False
    with database.reading() as connection:
        return bool(connection.scalar(_HELD, {"number": target.lock_number}))


def _lock_path(database: Database) -> Path:
    return Path(f"{database.path}-stagenorm-lock")


def _taken(what: str) -> str:
    return f"another run works on {what}: stagenorm backfill status shows it; wait until it has ended"
