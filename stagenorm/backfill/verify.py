"""Verify: whether a run left the table as it promised."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from stagenorm.backfill import control
from stagenorm.backfill.columns import Columns, resolved
from stagenorm.backfill.control import LOG, Kind
from stagenorm.backfill.database import Connection, Database
from stagenorm.backfill.survey import Survey, survey
from stagenorm.backfill.target import Target
from stagenorm.core.conclusion import Conclusion
from stagenorm.core.normalizer import Normalizer
from stagenorm.errors import BackfillRefusedError

_FEWER = ": if others deleted them, run again and verify that run (--run)"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    Attributes:
        name: of it.
        holds: whether it does.
        found: what was found, in words.
    """

    name: str
    holds: bool
    found: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a table was found to be after a run.

    Attributes:
        identity: of the database, as receipts name it.
        run: its number.
        began_at: when it began, in UTC.
        target: what it was to change.
        checks: each thing that must hold.
        holds_now: what the target holds.
    """

    identity: str
    run: int
    began_at: datetime
    target: Target
    checks: tuple[Check, ...]
    holds_now: Survey

    @property
    def conclusion(self) -> Conclusion:
        """Whether everything holds."""
        return Conclusion.PASS if all(check.holds for check in self.checks) else Conclusion.FAIL


def verify(database: Database, number: int, normalizer: Normalizer, asked: Target | None = None) -> Verification:
    """Hold a table against what a run recorded, all in one snapshot.

    Args:
        database: where it was.
        number: of the run.
        normalizer: of the vocabulary.
        asked: what the run must have been of, and by which tenants to count; None takes it as it was.

    Raises:
        BackfillRefusedError: there is no such run, or it was of another target.
        DatabaseError: the database failed.
    """
    with database.reading() as connection:
        row = control.find(connection, number)
        if row.kind != Kind.RUN.value:
            raise BackfillRefusedError(f"run {number} is a revert: verify run {row.of_run}, or plan what is there now")
        target = Target.from_json(row.target)
        if asked and not target.same_rows(resolved(database, connection, asked)):
            raise BackfillRefusedError(f"run {number} is of {target.described}, not of {asked.described}")
        columns = Columns(database, connection, dataclasses.replace(target, tenant=asked.tenant if asked else ""))
        now = survey(connection, columns, normalizer)
        same, edited, gone = _log_against_table(connection, columns, number)
        logged = same + edited + gone
        by = control.taken_back_by(connection, number)
        return Verification(
            database.identity(connection),
            number,
            row.started_at,
            columns.target,
            (
                Check("done", row.status == control.Status.DONE.value and not by, _ended(row.status, by)),
                Check(
                    "canonical",
                    not now.changing,
                    f"{now.changing:,} rows hold an alias, {now.unknown_rows:,} an unknown value",
                ),
                Check(
                    "rows",
                    now.table_rows >= row.rows_before,
                    f"{now.table_rows:,} rows in the table; {row.rows_before:,} before"
                    + (_FEWER if now.table_rows < row.rows_before else ""),
                ),
                Check(
                    "nulls",
                    now.table_nulls <= row.nulls_before,
                    f"{now.table_nulls:,} NULLs in the table; {row.nulls_before:,} before",
                ),
                Check(
                    "log",
                    logged == row.rows_changed,
                    f"{logged:,} changes logged of {row.rows_changed:,}: {same:,} rows hold what was written, "
                    f"{edited:,} hold something else by now (edited or taken back), {gone:,} are gone",
                ),
            ),
            now,
        )


def _ended(status: str, taken_back_by: int | None) -> str:
    return f"run {taken_back_by} took it back: run the backfill again" if taken_back_by else f"the run is {status}"


def _log_against_table(connection: Connection, columns: Columns, number: int) -> tuple[int, int, int]:
    log = LOG.alias("stagenorm_done")
    joined = log.outerjoin(columns.table, columns.named_by(log.c.key))
    there = columns.keys[0].is_not(None)
    same = sa.and_(there, columns.exact == log.c.new)
    counted = sa.select(
        sa.func.count(sa.case((same, 1))), sa.func.count(sa.case((there, 1))), sa.func.count()
    ).select_from(joined)
    equal, found, logged = connection.execute(counted.where(log.c.run == number)).one()
    return equal, found - equal, logged - found


def last_run(database: Database, target: Target) -> int:
    """The number of the last run of a target: of this column and of these rows, by whichever key they were walked.

    One that ended and found nothing to do says nothing of those before it, so it is meant only where there is no other.

    Raises:
        BackfillRefusedError: there is none.
        DatabaseError: the database failed.
    """
    with database.reading() as connection:
        asked = resolved(database, connection, target)
        ours = [
            row
            for row in control.runs(connection)
            if row["kind"] == Kind.RUN.value and Target.from_json(row["target"]).same_rows(asked)
        ]
    if not ours:
        raise BackfillRefusedError(f"nothing was ever run on {asked.described}: run it, or name a run with --run")
    telling = [row for row in ours if row["rows_changed"] or row["status"] != control.Status.DONE.value]
    return int((telling or ours)[0]["run"])
