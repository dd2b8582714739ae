"""Revert: gives every row that a run changed its old value back, unless somebody has edited it since."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm.backfill import control
from stagenorm.backfill.change import Change
from stagenorm.backfill.columns import Columns
from stagenorm.backfill.control import LOG, Checkpoint, Kind, Status
from stagenorm.backfill.database import Connection, Database, explained
from stagenorm.backfill.session import Session
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct, Step, Take, walk
from stagenorm.errors import BackfillRefusedError, DatabaseError


@dataclass(frozen=True, slots=True)
class Reverted:
    """How a revert ended.

    Attributes:
        of_run: what was taken back.
        target: that it had changed.
        at: how far it came; ``rows_seen`` are the run's changes, ``rows_changed`` those that were taken back.
        status: done or stopped.
    """

    of_run: int
    target: Target
    at: Checkpoint
    status: Status

    @property
    def kept(self) -> int:
        """Rows that were edited or deleted since the run, and stay as they are."""
        return self.at.rows_seen - self.at.rows_changed


def revert(database: Database, number: int, conduct: Conduct) -> Reverted:
    """Take a run back, or go on with a revert of it that did not end. It is a run itself, and logged as one.

    Args:
        database: where it was.
        number: of the run.
        conduct: how this behaves.

    Raises:
        BackfillRefusedError: there is no such run, it was taken back already, or another works on its target.
        DatabaseError: the database failed; the checkpoint stays.
    """
    with database.reading() as connection:
        found = control.find(connection, number)
        if found.kind != Kind.RUN.value:
            raise BackfillRefusedError(
                f"run {number} is a revert of run {found.of_run}: run the backfill again instead"
            )
        target = Target.from_json(found.target)
        columns = Columns(database, connection, target)  # its filter is of no matter: the log names every row
    with explained(database), Session(database, target) as session:
        connection = session.connection
        with connection.begin():
            last = control.find(connection, number)
            if by := control.taken_back_by(connection, number):
                raise BackfillRefusedError(
                    f"run {by} took run {number} back already: nothing that it wrote is left to take back"
                )
            if last.status == Status.RUNNING.value:  # its process was killed; it must not resume halfway taken back
                control.end(connection, number, Status.STOPPED, "a revert of it began")
            if newer := control.newer_runs(connection, number, target):
                raise BackfillRefusedError(
                    f"{target.name} was changed since run {number}: revert run {', then run '.join(map(str, newer))} first"
                )
            at = control.resumable_revert(connection, number)
            if at:
                control.go_on(connection, at.run)
            else:
                at = control.begin(connection, Kind.REVERT, target, found.vocabulary, of_run=number)
        at, status = walk(session, at, restoring_step(columns, number), conduct, last.rows_changed)
    return Reverted(number, target, at, status)


def restoring_step(columns: Columns, number: int) -> Take:
    """A batch that gives rows their old values back.

    Args:
        columns: of the target.
        number: of the run whose log tells them.
    """
    after, last = (sa.bindparam(name, type_=LOG.c.key.type) for name in ("stagenorm_after", "stagenorm_last"))
    entries = sa.select(LOG.c.key).where(LOG.c.run == number, LOG.c.key > after).order_by(LOG.c.key)
    ahead = entries.limit(sa.bindparam("stagenorm_size", type_=sa.BigInteger())).subquery("stagenorm_ahead")
    boundary = sa.select(sa.func.max(ahead.c.key), sa.func.count())
    done = LOG.alias("stagenorm_done")
    unedited = sa.and_(
        done.c.run == number,
        done.c.key > after,
        done.c.key <= last,
        columns.named_by(done.c.key),
        columns.exact == done.c.new,
    )
    change = Change(columns, done.c.key, done.c.new, done.c.old, unedited)
    mine = LOG.alias("stagenorm_mine")
    logged = sa.exists().where(mine.c.run == sa.bindparam("stagenorm_run"), mine.c.key == done.c.key)
    skipped = sa.select(sa.exists().where(unedited, ~logged))

    def take(connection: Connection, run_: int, last_id: str | None, size: int) -> Step | None:
        behind = {"stagenorm_after": last_id or ""}
        upper, seen = connection.execute(boundary, {**behind, "stagenorm_size": size}).one()
        if not seen:
            return None
        batch = {**behind, "stagenorm_last": upper}
        changed = change.make(connection, run_, batch)
        # A trigger that returns NULL keeps rows without a word; they were not edited, and could not be taken back later.
        if changed < seen and connection.scalar(skipped, {**batch, "stagenorm_run": run_}):
            raise DatabaseError(change.kept)
        return Step(upper, seen, changed)

    return take
