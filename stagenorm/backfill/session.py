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
                raise BackfillRefusedError(_taken(self._target))
            time.sleep(_POLL)

    def _lock_file(self) -> int:
        path = Path(f"{self._database.path}-stagenorm-lock")
        try:
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseError(f"{path} cannot be opened to lock: {error.strerror}") from error
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(opened)
            raise BackfillRefusedError(_taken(self._target)) from error
        return opened


def _taken(target: Target) -> str:
    return f"another run works on {target.name}: stagenorm backfill status shows it; wait until it has ended"
