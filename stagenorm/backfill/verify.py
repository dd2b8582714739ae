"""Verify: whether a run left the table as it promised."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm.backfill import control
from stagenorm.backfill.columns import Columns
from stagenorm.backfill.control import LOG, Kind
from stagenorm.backfill.database import Connection, Database
from stagenorm.backfill.survey import Survey, survey
from stagenorm.backfill.target import Target
from stagenorm.core.normalizer import Normalizer
from stagenorm.errors import BackfillRefusedError


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
        run: its number.
        checks: each thing that must hold.
        holds_now: what the target holds.
    """

    run: int
    checks: tuple[Check, ...]
    holds_now: Survey

    @property
    def holds(self) -> bool:
        """Whether everything does."""
        return all(check.holds for check in self.checks)


def verify(database: Database, number: int, normalizer: Normalizer) -> Verification:
    """Hold a table against what a run recorded, all in one snapshot.

    Args:
        database: where it was.
        number: of the run.
        normalizer: of the vocabulary.

    Raises:
        BackfillRefusedError: there is no such run.
        DatabaseError: the database failed.
    """
    with database.reading() as connection:
        row = control.find(connection, number)
        if row.kind != Kind.RUN.value:
            raise BackfillRefusedError(f"run {number} is a revert: verify run {row.of_run}, or plan what is there now")
        columns = Columns(database, connection, Target.from_json(row.target))
        now = survey(connection, columns, normalizer)
        same, edited, gone = _log_against_table(connection, columns, number)
        logged = same + edited + gone
        return Verification(
            number,
            (
                Check("done", row.status == control.Status.DONE.value, f"the run is {row.status}"),
                Check(
                    "canonical",
                    not now.changing,
                    f"{now.changing:,} rows hold an alias, {now.unknown_rows:,} an unknown value",
                ),
                Check("rows", now.rows >= row.rows_before, f"{now.rows:,} rows; {row.rows_before:,} before"),
                Check("nulls", now.nulls <= row.nulls_before, f"{now.nulls:,} NULLs; {row.nulls_before:,} before"),
                Check(
                    "log",
                    logged == row.rows_changed,
                    f"{logged:,} changes logged of {row.rows_changed:,}: {same:,} rows hold what was written, "
                    f"{edited:,} were edited since, {gone:,} are gone",
                ),
            ),
            now,
        )


def _log_against_table(connection: Connection, columns: Columns, number: int) -> tuple[int, int, int]:
    log = LOG.alias("stagenorm_done")
    parts = columns.decoded(log.c.key)
    same_row = sa.and_(*(key == part for key, part in zip(columns.keys, parts, strict=True)))
    joined = log.outerjoin(columns.table, same_row)
    there = columns.keys[0].is_not(None)
    same = sa.and_(there, columns.exact == log.c.new)
    counted = sa.select(
        sa.func.count(sa.case((same, 1))), sa.func.count(sa.case((there, 1))), sa.func.count()
    ).select_from(joined)
    equal, found, logged = connection.execute(counted.where(log.c.run == number)).one()
    return equal, found - equal, logged - found


def last_run(database: Database, target: Target) -> int:
    """The number of the last run of a target. Raises BackfillRefusedError where there is none."""
    with database.reading() as connection:
        for row in control.runs(connection):
            if row["kind"] == Kind.RUN.value and Target.from_json(row["target"]).name == target.name:
                return int(row["run"])
    raise BackfillRefusedError(f"nothing was ever run on {target.name}: run it, or name the run with --run")
