"""What ``stagenorm backfill`` shows of what it found and did."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from stagenorm.backfill.target import Target
from stagenorm.cli import output
from stagenorm.times import moment

if TYPE_CHECKING:
    from stagenorm.backfill.columns import Columns
    from stagenorm.backfill.revert import Reverted
    from stagenorm.backfill.run import Outcome
    from stagenorm.backfill.survey import Survey
    from stagenorm.backfill.verify import Verification

_SHOWN = 20
_GOES_ON = "the same command goes on with it"
_ROWS_A_SECOND = 50_000  # what a small server manages; a plan can only say about how long


def _held(found: Survey) -> dict[str, Any]:
    return {
        "rows": found.rows,
        "nulls": found.nulls,
        "canonical": found.canonical,
        "changing": found.changing,
        "changes": [asdict(change) for change in found.changes],
        "unknown_rows": found.unknown_rows,
        "distinct_unknown": found.distinct_unknown,
        "unknown": [
            {"raw": form.unknown.raw, "rows": form.count, **output.why_unknown(form.unknown)} for form in found.unknown
        ],
        "tenants": [asdict(tenant) for tenant in found.tenants],
    }


def show_plan(database: str, columns: Columns, found: Survey, refused: list[str], *, json: bool) -> None:
    """What a run would do in a database, as people call it."""
    if json:
        target = {"target": columns.target.name, "filter": columns.target.filter}
        output.show_json({**target, **_held(found), "checks": columns.checks, "refused": refused})
        return
    output.show(f"{columns.target.described} in {database}, by {', '.join(columns.target.key)}: {found.rows:,} rows")
    _show_no_row(columns.target, found)
    made = output.table("stands there", "becomes", "rows", numeric=("rows",))
    for change in found.changes[:_SHOWN]:
        made.add_row(output.form(change.old), output.cell(change.new), output.number(change.rows))
    output.show(made)
    if len(found.changes) > _SHOWN:
        output.show(f"and {len(found.changes) - _SHOWN:,} more written forms; --json has them all")
    seconds = found.rows / _ROWS_A_SECOND if found.changing else 0
    output.show(
        f"{found.changing:,} rows would change, about {seconds:,.0f} s; {sum(found.canonical.values()):,} are canonical, "
        f"{found.nulls:,} have no value"
    )
    _show_unknown(found)
    _show_tenants(found)
    for check in columns.checks:
        output.show(f"CHECK ({check}) speaks of the column: it must allow every value above")
    for reason in refused:
        output.show(f"refused: {reason}", stderr=True)


def _show_no_row(target: Target, found: Survey) -> None:
    if target.filter and not found.rows:
        output.show(f"note: the filter {target.filter} holds for no row: is it what you mean?", stderr=True)


def _show_unknown(found: Survey) -> None:
    if not found.unknown_rows:
        return
    output.show(f"{found.unknown_rows:,} rows hold an unknown value, and stay as they are:")
    made = output.table("unknown form", "rows", "why", "did you mean", numeric=("rows",))
    for form in found.unknown[:_SHOWN]:
        unknown = form.unknown
        suggested = output.cell(", ".join(unknown.suggestions))
        made.add_row(output.form(unknown.raw), output.number(form.count), unknown.reason.value, suggested)
    output.show(made)
    if found.distinct_unknown > _SHOWN:
        output.show(f"and {found.distinct_unknown - _SHOWN:,} more unknown forms; --json has more of them")


def _show_tenants(found: Survey) -> None:
    if not found.tenants:
        return
    counts = ("rows", "would change", "unknown")
    made = output.table("tenant", *counts, numeric=counts)
    for its in found.tenants[:_SHOWN]:
        told = output.cell("") if its.tenant is None else output.form(its.tenant)
        made.add_row(told, *map(output.number, (its.rows, its.changing, its.unknown_rows)))
    output.show(made)
    if len(found.tenants) > _SHOWN:
        output.show(f"and {len(found.tenants) - _SHOWN:,} more tenants; --json has them all")


def show_outcome(database: str, ended: Outcome, *, json: bool) -> None:
    """What a run did, how it ended last: that is what remains to be seen of a long list."""
    if json:
        left = _held(ended.left)
        output.show_json_line(
            {**asdict(ended.at), "status": ended.status.value, "resumed": ended.resumed, "left": left}
        )
        return
    stopped = ended.status is ended.status.STOPPED
    if not stopped:
        _show_unknown(ended.left)
    resumed = ", resumed" if ended.resumed else ""
    unknown = ended.left.unknown_rows
    output.show(
        f"run {ended.at.run} of {ended.target.described} in {database}{resumed}: {ended.status.value}; "
        f"{ended.at.rows_seen:,} rows passed, {ended.at.rows_changed:,} changed"
        + (f", and {unknown:,} of all {ended.left.rows:,} hold an unknown value" if unknown else "")
    )
    _show_no_row(ended.target, ended.left)
    if stopped:
        output.show(_GOES_ON)
    elif ended.left.changing:
        output.show(
            f"{ended.left.changing:,} rows hold an alias still (written meanwhile, in front of its first key, or kept by a "
            "trigger): run again"
        )


def show_reverted(database: str, ended: Reverted, *, json: bool) -> None:
    """What a revert did."""
    if json:
        output.show_json_line({**asdict(ended.at), "status": ended.status.value, "kept": ended.kept})
        return
    output.show(
        f"revert {ended.at.run} of run {ended.of_run}, {ended.target.described} in {database}: {ended.status.value}; "
        f"{ended.at.rows_changed:,} rows taken back; {ended.kept:,} hold something else by now (edited or deleted) and stay as "
        "they are"
    )
    if ended.status is ended.status.STOPPED:
        output.show(_GOES_ON)


def show_runs(database: str, runs: list[dict[str, Any]], *, json: bool) -> None:
    """Every run."""
    if json:
        output.show_json([{name: _plain(value) for name, value in run.items()} for run in runs])
        return
    if not runs:
        output.show(f"no run yet in {database}")
        return
    output.show(database)
    names = ("run", "kind", "target", "status", "rows", "changed", "moved last")
    made = output.table(*names, numeric=("rows", "changed"), whole=("run", "rows", "changed", "moved last"))
    for run in runs:
        of = f" of {run['of_run']}" if run["of_run"] else ""
        made.add_row(
            str(run["run"]),
            f"{run['kind']}{of}",
            output.cell(Target.from_json(run["target"]).described.removeprefix("all of ")),
            run["status"],
            output.number(run["rows_seen"]),
            output.number(run["rows_changed"]),
            _plain(run["updated_at"]),
        )
    output.show(made)
    for run in runs:
        if run["error"]:
            output.show(f"run {run['run']} {run['status']}: {run['error']}")
        if run["status"] == "running" and not run["at_work"]:
            way_on = _GOES_ON if run["resumable"] else "its command begins anew"
            output.show(
                f"run {run['run']}: no process works on it; it was killed, or cannot reach the database: {way_on}"
            )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):  # SQLite gives it back without its zone
        return moment(value.replace(tzinfo=value.tzinfo or timezone.utc).timestamp())
    return value


def report(found: Verification, database: str, at: float) -> dict[str, Any]:
    """A verification for machines, and for whoever asks later whether it was made.

    Args:
        found: what was found.
        database: what people call it.
        at: seconds since the epoch.
    """
    return {
        "generated_at": moment(at),
        "result": found.conclusion.value,
        "database": database,
        "identity": found.identity,
        "target": found.target.name,
        "filter": found.target.filter,
        "run": found.run,
        "began_at": f"{found.began_at:%Y-%m-%dT%H:%M:%SZ}",
        "checks": [asdict(check) for check in found.checks],
        "holds_now": _held(found.holds_now),
    }


def show_verification(database: str, found: Verification) -> None:
    """The stages that a table holds, and last whether it is as a run promised."""
    stages = output.table("stage", "rows", numeric=("rows",))
    for value, rows in found.holds_now.canonical.items():
        stages.add_row(output.cell(value), output.number(rows))
    output.show(stages)
    _show_unknown(found.holds_now)
    _show_tenants(found.holds_now)
    made = output.table("check", "holds", "found")
    for check in found.checks:
        made.add_row(check.name, "yes" if check.holds else "NO", check.found)
    output.show(made)
    _show_no_row(found.target, found.holds_now)
    output.show(f"run {found.run} of {found.target.described} in {database}: {found.conclusion.value}")
