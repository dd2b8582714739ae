"""Walk: batch after batch from a checkpoint, pausing, backing off and stopping between two of them.

Each step, its checkpoint and its audit record are one transaction. Runs and reverts are both walks.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc

from stagenorm.backfill import control
from stagenorm.backfill.control import Checkpoint, Status
from stagenorm.backfill.database import Connection, passes, said
from stagenorm.backfill.pace import Pace
from stagenorm.backfill.session import Session
from stagenorm.backfill.throttle import Throttle
from stagenorm.errors import DatabaseError

_PAUSE = 1.0
_ALL = 2**62


class Step(NamedTuple):
    """What a batch did.

    Attributes:
        last_id: the last key of it.
        seen: rows passed.
        changed: rows changed.
    """

    last_id: str
    seen: int
    changed: int


Take = Callable[[Connection, int, str | None, int], Step | None]
"""Does one batch of a run behind a key, of at most so many rows; None where no rows are left."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a walk tells while it goes.

    Attributes:
        at: how far it is.
        total: rows that there are to pass, as they were counted before.
        size: rows of the next batch.
        pause: why it waits, or None.
    """

    at: Checkpoint
    total: int
    size: int
    pause: str | None = None


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a walk behaves.

    Attributes:
        pace: its batches.
        throttles: any of which pauses it.
        transactional: do it all in one transaction.
        stop: set by whoever wants it to end after the batch.
        tell: called at the beginning, after each batch, and when a pause begins or has another reason.
        chance: uniform in 0 to 1.
    """

    pace: Pace = field(default_factory=Pace)
    throttles: Sequence[Throttle] = ()
    transactional: bool = False
    stop: Event = field(default_factory=Event)
    tell: Callable[[Progress], None] = lambda _progress: None
    chance: Callable[[], float] = random.random


def walk(session: Session, at: Checkpoint, take: Take, conduct: Conduct, total: int) -> tuple[Checkpoint, Status]:
    """Go on until no rows are left, or somebody stops it.

    Args:
        session: whose connection holds the lock.
        at: where to begin.
        take: does a batch.
        conduct: how to behave.
        total: rows that there are to pass, for those who are told of progress.

    Returns:
        Where it ended, and whether done or stopped; the control table says the same.

    Raises:
        DatabaseError: a batch failed for good; the control table keeps the error and the checkpoint.
        BackfillRefusedError: another process took the lock or moved the checkpoint.
    """
    size, failures, waiting = conduct.pace.start, 0, None
    conduct.tell(Progress(at, total, size))
    while not conduct.stop.is_set():
        try:
            if failures:
                session.reconnect()
                at = control.current(session.connection, at.run)  # the commit may have come through all the same
            if reason := _pause(session.connection, conduct.throttles):
                if reason != waiting:
                    conduct.tell(Progress(at, total, size, reason))
                waiting = reason
                conduct.stop.wait(_PAUSE)
                continue
            waiting = None
            began = time.monotonic()
            moved = _batch(session.connection, at, take, _ALL if conduct.transactional else size, conduct.pace)
            if moved is None:
                _end(session, at.run, Status.DONE)
                return at, Status.DONE
        except exc.SQLAlchemyError as error:
            failures += 1
            if not passes(error) or failures > conduct.pace.patience:
                _record_failure(session, at.run, said(error))
                raise DatabaseError(
                    f"run {at.run} stopped at {at.last_id or 'its beginning'}: {said(error)}: nothing of that batch stays; "
                    "mend the cause and give the same command again to go on"
                ) from error
            size = conduct.pace.halved(size)
            conduct.tell(Progress(at, total, size, f"trying again after: {said(error)}"))
            conduct.stop.wait(conduct.pace.wait(failures, conduct.chance()))
            continue
        except DatabaseError as error:
            _record_failure(session, at.run, str(error))
            raise
        failures = 0
        at, size = moved, conduct.pace.next_size(size, time.monotonic() - began)
        conduct.tell(Progress(at, total, size))
    _end(session, at.run, Status.STOPPED)
    return at, Status.STOPPED


def _pause(connection: Connection, throttles: Sequence[Throttle]) -> str | None:
    return next((reason for throttle in throttles if (reason := throttle.reason(connection))), None)


def _batch(connection: Connection, at: Checkpoint, take: Take, size: int, pace: Pace) -> Checkpoint | None:
    with connection.begin():
        if connection.dialect.name == "postgresql":
            # Waiting for somebody's row must not make others wait for ours, nor must the disk or a standby: should the
            # server crash, rows, log and checkpoint are lost together, and a resumed run does them again. The end is
            # committed as the server is set, and with it all that went before.
            settings = {"lock_timeout": f"{max(1, int(pace.seconds * 1000))}ms", "synchronous_commit": "off"}
            connection.execute(sa.select(*(sa.func.set_config(*setting, True) for setting in settings.items())))
        step = take(connection, at.run, at.last_id, size)
        if step is None:
            return None
        return control.advance(connection, at, *step)


def _end(session: Session, run: int, status: Status, error: str | None = None) -> None:
    with session.connection.begin():
        control.end(session.connection, run, status, error)


def _record_failure(session: Session, run: int, error: str) -> None:
    try:
        session.reconnect()
        _end(session, run, Status.FAILED, error)
    except Exception:  # noqa: BLE001, S110 - the first error is the one to tell; an unfinished run resumes as well
        pass
