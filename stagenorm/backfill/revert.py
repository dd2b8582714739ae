"""Revert: gives every row that a run changed its old value back, unless somebody has edited it since."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm.backfill import control
from stagenorm.backfill.columns import Columns
from stagenorm.backfill.control import LOG, Checkpoint, Kind, Status
from stagenorm.backfill.database import Connection, Database, explained
from stagenorm.backfill.session import Session
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct, Step, Take, walk
from stagenorm.errors import BackfillRefusedError


@dataclass(frozen=True, slots=True)
class Reverted:
    """How a revert ended.

    Attributes:
        at: how far it came; ``rows_seen`` are the run's changes, ``rows_changed`` those that were taken back.
        status: done or stopped.
    """

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
        columns = Columns(database, connection, target)
    with explained(database), Session(database, target) as session:
        connection = session.connection
        with connection.begin():
            last = control.find(connection, number)
            if by := control.taken_back_by(connection, number):
                raise BackfillRefusedError(
                    f"run {by} took run {number} back already: what holds its values since was written by somebody else"
                )
            if last.status == Status.RUNNING.value:  # its process was killed; it must not resume halfway taken back
                control.end(connection, number, Status.STOPPED, "a revert of it began")
            at = control.resumable_revert(connection, number) or control.begin(
                connection, Kind.REVERT, target, found.vocabulary, of_run=number
            )
            if control.newer_runs(connection, number, at.run, target):
                raise BackfillRefusedError(
                    f"a later run changed {target.name} since run {number}: revert the later ones first, newest first"
                )
        at, status = walk(session, at, restoring_step(columns, number), conduct, last.rows_changed)
    return Reverted(at, status)


def restoring_step(columns: Columns, number: int) -> Take:
    """A batch that gives rows their old values back.

    Args:
        columns: of the target.
        number: of the run whose log tells them.
    """

    def take(connection: Connection, run_: int, last_id: str | None, size: int | None) -> Step | None:
        entries = sa.select(LOG.c.key, LOG.c.old, LOG.c.new).where(LOG.c.run == number)
        if last_id is not None:
            entries = entries.where(LOG.c.key > last_id)
        ahead = entries.order_by(LOG.c.key).limit(size).subquery("stagenorm_ahead")
        upper, seen = connection.execute(sa.select(sa.func.max(ahead.c.key), sa.func.count())).one()
        if not seen:
            return None
        return Step(upper, seen, _restore(connection, columns, number, last_id, upper, run_))

    return take


def _restore(  # noqa: PLR0917 - each is one thing
    connection: Connection, columns: Columns, number: int, last_id: str | None, upper: str, run_: int
) -> int:
    log = LOG.alias("stagenorm_done")
    batch = [log.c.run == number, log.c.key <= upper]
    if last_id is not None:
        batch.append(log.c.key > last_id)
    unedited = sa.and_(*batch, columns.named_by(log.c.key), columns.exact == log.c.new)
    change = sa.update(columns.table).values({columns.column: columns.stored(log.c.old)}).where(unedited)
    logged = (sa.literal(run_), sa.literal(columns.target.name), sa.literal(control.now(), LOG.c.at.type))
    if connection.dialect.name == "postgresql":
        stands = columns.exact.label("given")
        changed = change.returning(log.c.key, log.c.new.label("was"), stands).cte("stagenorm_changed")
        source = sa.select(*logged, changed.c.key, changed.c.was, changed.c.given)
        return control.log(connection, source)
    source = sa.select(*logged, log.c.key, log.c.new, log.c.old).where(unedited)
    written = control.log(connection, source)
    if written and connection.execute(change).rowcount != written:
        raise BackfillRefusedError(f"a trigger keeps rows of {columns.target.name} from changing: drop it meanwhile")
    return written
