"""Control: the tables that a backfill keeps beside the data, and every read and write of a run's state.

``stage_migration_control`` has a row for each run, ``stage_migration_batch`` one for each of its batches, and
``stage_normalization_log`` one for each value that was changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

import sqlalchemy as sa

from stagenorm.backfill.database import Connection
from stagenorm.backfill.target import Target
from stagenorm.errors import BackfillRefusedError

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_metadata = sa.MetaData()

RUNS = sa.Table(
    "stage_migration_control",
    _metadata,
    sa.Column("run", _BIG, sa.Identity(), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("of_run", _BIG),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("vocabulary", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("last_id", sa.Text),
    sa.Column("batches", _BIG, nullable=False, default=0),
    sa.Column("rows_seen", _BIG, nullable=False, default=0),
    sa.Column("rows_changed", _BIG, nullable=False, default=0),
    sa.Column("rows_before", _BIG),
    sa.Column("nulls_before", _BIG),
    sa.Column("receipt", sa.Text),
    sa.Column("no_receipt", sa.Text),
    sa.Column("started_at", _MOMENT, nullable=False),
    sa.Column("updated_at", _MOMENT, nullable=False),
    sa.Column("ended_at", _MOMENT),
    sa.Column("error", sa.Text),
)
BATCHES = sa.Table(
    "stage_migration_batch",
    _metadata,
    sa.Column("run", _BIG, primary_key=True, autoincrement=False),
    sa.Column("batch", _BIG, primary_key=True, autoincrement=False),
    sa.Column("last_id", sa.Text, nullable=False),
    sa.Column("rows_seen", _BIG, nullable=False),
    sa.Column("rows_changed", _BIG, nullable=False),
    sa.Column("at", _MOMENT, nullable=False),
)
CHANGED = "stage_normalization_log_changed"
"""The constraint that refuses a row which is as it was."""
# A run meets each row once: the primary key makes the database itself refuse a second time.
LOG = sa.Table(
    "stage_normalization_log",
    _metadata,
    sa.Column("run", _BIG, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
    sa.Column("table", sa.Text, nullable=False),
    sa.Column("old", sa.Text, nullable=False),
    sa.Column("new", sa.Text, nullable=False),
    sa.Column("at", _MOMENT, nullable=False),
    sa.CheckConstraint('"old" <> "new"', name=CHANGED),
)


class Kind(Enum):
    """What a run does."""

    RUN = "run"
    REVERT = "revert"


class Status(Enum):
    """Where a run is."""

    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    DONE = "done"


# Built once: a batch would take longer to build them than to execute them.
_MOVE = sa.update(RUNS).where(RUNS.c.run == sa.bindparam("of"), RUNS.c.batches == sa.bindparam("behind"))
_AUDIT = sa.insert(BATCHES)

RESUMABLE = (Status.RUNNING.value, Status.STOPPED.value, Status.FAILED.value)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a run is.

    Attributes:
        run: its number.
        last_id: the last key that was passed, encoded; None before the first.
        batches: how many batches are done.
        rows_seen: how many rows were passed.
        rows_changed: how many of them were changed.
    """

    run: int
    last_id: str | None = None
    batches: int = 0
    rows_seen: int = 0
    rows_changed: int = 0


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(timezone.utc)


def create_tables(connection: Connection) -> None:
    """Create what is not there yet."""
    _metadata.create_all(connection)


def exist(connection: Connection) -> bool:
    """Whether a backfill was ever applied here."""
    return sa.inspect(connection).has_table(RUNS.name)


def resumable(connection: Connection, target: str, vocabulary: str) -> Checkpoint | None:
    """The last run of the same target and vocabulary, if it did not end and nobody began to take it back.

    Nor may rows of its column have been taken back since it began: they may stand in front of its checkpoint.

    Args:
        connection: to read with.
        target: as JSON, its key filled in.
        vocabulary: its fingerprint.
    """
    wanted = (RUNS.c.kind == Kind.RUN.value, RUNS.c.target == target, RUNS.c.vocabulary == vocabulary)
    last = connection.execute(sa.select(RUNS).where(*wanted).order_by(RUNS.c.run.desc()).limit(1)).first()
    if last is None or last.status not in RESUMABLE:
        return None
    later = sa.or_(RUNS.c.run > last.run, RUNS.c.updated_at > last.started_at)
    since = sa.or_(RUNS.c.of_run == last.run, (RUNS.c.rows_changed > 0) & later)
    name = Target.from_json(target).name
    for revert in connection.execute(sa.select(RUNS).where(RUNS.c.kind == Kind.REVERT.value, since)):
        if revert.of_run == last.run or Target.from_json(revert.target).name == name:
            return None
    return checkpoint(last)


def resumable_revert(connection: Connection, of_run: int) -> Checkpoint | None:
    """The unfinished revert of a run, if there is one."""
    wanted = (RUNS.c.kind == Kind.REVERT.value, RUNS.c.of_run == of_run, RUNS.c.status.in_(RESUMABLE))
    last = connection.execute(sa.select(RUNS).where(*wanted).order_by(RUNS.c.run.desc()).limit(1)).first()
    return checkpoint(last) if last else None


def unfinished_reverts(connection: Connection, target: Target) -> list[tuple[int, int]]:
    """Reverts of a table and column that took rows back and did not end, each with the run that it takes back."""
    wanted = (RUNS.c.kind == Kind.REVERT.value, RUNS.c.status.in_(RESUMABLE), RUNS.c.rows_changed > 0)
    found = connection.execute(sa.select(RUNS).where(*wanted).order_by(RUNS.c.run))
    return [(row.run, row.of_run) for row in found if Target.from_json(row.target).name == target.name]


def taken_back_by(connection: Connection, of_run: int) -> int | None:
    """The revert that took a run back to its end, or None."""
    wanted = (RUNS.c.kind == Kind.REVERT.value, RUNS.c.of_run == of_run, RUNS.c.status == Status.DONE.value)
    number: int | None = connection.scalar(sa.select(sa.func.max(RUNS.c.run)).where(*wanted))
    return number


def checkpoint(row: Any) -> Checkpoint:
    """A run's row as how far it is."""
    return Checkpoint(row.run, row.last_id, row.batches, row.rows_seen, row.rows_changed)


def current(connection: Connection, run: int) -> Checkpoint:
    """How far a run is, as it is stored."""
    with connection.begin():
        return checkpoint(connection.execute(sa.select(RUNS).where(RUNS.c.run == run)).one())


def begin(connection: Connection, kind: Kind, target: Target, vocabulary: str, **more: Any) -> Checkpoint:
    """Record a new run.

    Args:
        connection: to write with.
        kind: what it does.
        target: to what.
        vocabulary: its fingerprint.
        more: other columns of the control table.
    """
    moment = now()
    number = connection.scalar(
        sa.insert(RUNS)
        .values(
            kind=kind.value,
            target=target.as_json,
            vocabulary=vocabulary,
            status=Status.RUNNING.value,
            started_at=moment,
            updated_at=moment,
            **more,
        )
        .returning(RUNS.c.run)
    )
    assert number is not None
    return Checkpoint(number, more.get("last_id"))


def advance(connection: Connection, before: Checkpoint, last_id: str, seen: int, changed: int) -> Checkpoint:
    """Move a checkpoint, in the transaction of the rows that it speaks of.

    Raises:
        BackfillRefusedError: another process moved it: nothing of this batch may stay.
    """
    after = Checkpoint(before.run, last_id, before.batches + 1, before.rows_seen + seen, before.rows_changed + changed)
    moment = now()
    written = {"last_id": last_id, "updated_at": moment, "status": Status.RUNNING.value, "error": None}
    counts = {"batches": after.batches, "rows_seen": after.rows_seen, "rows_changed": after.rows_changed}
    moved = connection.execute(_MOVE, {"of": before.run, "behind": before.batches, **written, **counts})
    if moved.rowcount != 1:
        raise BackfillRefusedError(f"run {before.run} was moved by another process: let that one finish")
    batch = {"run": before.run, "batch": after.batches, "last_id": last_id, "at": moment}
    connection.execute(_AUDIT, {**batch, "rows_seen": seen, "rows_changed": changed})
    return after


def go_on(connection: Connection, run: int, receipt: str | None = None, no_receipt: str | None = None) -> None:
    """Record that a process took up a run that had not ended.

    Args:
        connection: to write with.
        run: its number.
        receipt: that this process goes on with, kept where there was none before.
        no_receipt: why this process goes on without a receipt, kept behind the reasons that were given before.
    """
    taken_up: dict[str, Any] = {"status": Status.RUNNING.value, "updated_at": now(), "error": None}
    if receipt:
        taken_up["receipt"] = sa.func.coalesce(RUNS.c.receipt, receipt)
    if no_receipt:
        taken_up["no_receipt"] = sa.func.coalesce(RUNS.c.no_receipt + "; ", "") + f"resumed: {no_receipt}"
    connection.execute(sa.update(RUNS).where(RUNS.c.run == run).values(taken_up))


def end(connection: Connection, run: int, status: Status, error: str | None = None) -> None:
    """Record how a run ended."""
    moment = now()
    ended = moment if status is Status.DONE else None
    connection.execute(
        sa.update(RUNS)
        .where(RUNS.c.run == run)
        .values(status=status.value, updated_at=moment, ended_at=ended, error=error)
    )


def find(connection: Connection, run: int) -> Any:
    """A run's row. Raises BackfillRefusedError where there is none."""
    found = connection.execute(sa.select(RUNS).where(RUNS.c.run == run)).first() if exist(connection) else None
    if found is None:
        raise BackfillRefusedError(f"there is no run {run} here: stagenorm backfill status lists them")
    return found


def runs(connection: Connection) -> list[dict[str, Any]]:
    """Every run, the newest first."""
    if not exist(connection):
        return []
    return [dict(row._mapping) for row in connection.execute(sa.select(RUNS).order_by(RUNS.c.run.desc()))]  # noqa: SLF001 - its public name


def newer_runs(connection: Connection, number: int, target: Target) -> list[int]:
    """The later runs of the same table and column that changed rows and were not wholly taken back, the newest first."""
    taken_back = sa.select(RUNS.c.of_run).where(RUNS.c.kind == Kind.REVERT.value, RUNS.c.status == Status.DONE.value)
    later = sa.select(RUNS).where(
        RUNS.c.run > number,
        RUNS.c.kind == Kind.RUN.value,
        RUNS.c.rows_changed > 0,
        RUNS.c.run.not_in(taken_back.where(RUNS.c.of_run.is_not(None))),
    )
    found = connection.execute(later.order_by(RUNS.c.run.desc()))
    return [row.run for row in found if Target.from_json(row.target).name == target.name]
