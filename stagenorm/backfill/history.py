"""History: every run and revert, and whether a process still works on those that say they are running."""

from __future__ import annotations

from typing import Any

from stagenorm.backfill import control
from stagenorm.backfill.control import Kind, Status
from stagenorm.backfill.database import Connection, Database
from stagenorm.backfill.session import is_locked
from stagenorm.backfill.target import Target


def history(database: Database) -> list[dict[str, Any]]:
    """Every run, the newest first: its row of the control table, ``at_work`` and ``resumable``.

    A run that says it is running is not at work where nobody holds its lock, or another one that does moved later: its
    process was killed, or waits to reach the database again. It is resumable if its command would go on with it.

    Raises:
        DatabaseError: the database failed.
    """
    looked_at, idle = set(), set()
    for run in sorted(_running(_runs(database)), key=lambda run: run["updated_at"], reverse=True):
        target = Target.from_json(run["target"])
        lock = target.lock_number if database.kind == "postgresql" else 0  # SQLite has one for all
        if lock in looked_at or not is_locked(database, target):
            idle.add((run["run"], run["updated_at"]))
        looked_at.add(lock)
    # Read again: one that ended, or was gone on with, while locks were looked at says so by now.
    with database.reading() as connection:
        found = control.runs(connection)
        at_work = {run["run"] for run in _running(found) if (run["run"], run["updated_at"]) not in idle}
        return [{**run, "at_work": run["run"] in at_work, "resumable": _is_resumable(connection, run)} for run in found]


def _runs(database: Database) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return control.runs(connection)


def _is_resumable(connection: Connection, run: dict[str, Any]) -> bool:
    if run["status"] not in control.RESUMABLE:
        return False
    if run["kind"] == Kind.REVERT.value:
        at = control.resumable_revert(connection, run["of_run"])
    else:
        at = control.resumable(connection, run["target"], run["vocabulary"])
    return at is not None and at.run == run["run"]


def _running(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [run for run in runs if run["status"] == Status.RUNNING.value]
