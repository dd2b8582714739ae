"""What ``stagenorm backfill`` shows: progress while it goes, and what it found and did."""

from __future__ import annotations

import json as json_text
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from stagenorm.cli import output

if TYPE_CHECKING:
    from stagenorm.backfill.columns import Columns
    from stagenorm.backfill.revert import Reverted
    from stagenorm.backfill.run import Outcome
    from stagenorm.backfill.survey import Survey
    from stagenorm.backfill.verify import Verification
    from stagenorm.backfill.walk import Progress

_SHOWN = 20
_ROWS_A_SECOND = 50_000  # what a small server manages; a plan can only say about how long


@contextmanager
def following(*, json: bool, total: int | None) -> Iterator[tuple[Callable[[Progress], None], Event]]:
    """Show progress, and let Ctrl-C and SIGTERM end the work after its batch.

    Args:
        json: a line of JSON on stdout each time instead of a bar on stderr.
        total: rows that there are, if known.

    Yields:
        What to call with progress, and what is set when it is to end.
    """
    stop = Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    console = output.console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    try:
        with Bar(*columns, console=console, transient=True, disable=json or not console.is_terminal) as bar:
            task = bar.add_task("reading", total=total)
            began, first = time.monotonic(), None

            def tell(progress: Progress) -> None:
                nonlocal first
                first = progress.at.rows_seen if first is None else first
                rate = (progress.at.rows_seen - first) / max(time.monotonic() - began, 1e-9)
                if json:
                    typer.echo(
                        json_text.dumps(
                            {**asdict(progress.at), "size": progress.size, "rate": rate, "pause": progress.pause}
                        )
                    )
                said = f"{progress.at.rows_seen:,} rows, {progress.at.rows_changed:,} changed, {rate:,.0f} rows/s"
                bar.update(
                    task, description=output.printable(f"{said}; pausing: {progress.pause}" if progress.pause else said)
                )

            yield tell, stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


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
    }


def show_plan(columns: Columns, found: Survey, refused: list[str], *, json: bool) -> None:
    """What a run would do."""
    if json:
        output.show_json({"target": columns.target.name, **_held(found), "checks": columns.checks, "refused": refused})
        return
    output.show(f"{columns.target.name}, by {', '.join(columns.target.key)}: {found.rows:,} rows")
    made = output.table("stands there", "becomes", "rows", numeric=("rows",))
    for change in found.changes[:_SHOWN]:
        made.add_row(output.cell(change.old), output.cell(change.new), output.number(change.rows))
    output.show(made)
    if len(found.changes) > _SHOWN:
        output.show(f"and {len(found.changes) - _SHOWN:,} more written forms; --json has them all")
    seconds = found.rows / _ROWS_A_SECOND if found.changing else 0
    output.show(
        f"{found.changing:,} rows would change, about {seconds:,.0f} s; {sum(found.canonical.values()):,} are canonical, "
        f"{found.nulls:,} have no value"
    )
    _show_unknown(found)
    for check in columns.checks:
        output.show(f"CHECK ({check}) speaks of the column: it must allow every value above")
    for reason in refused:
        output.show(f"refused: {reason}", stderr=True)


def _show_unknown(found: Survey) -> None:
    if not found.unknown_rows:
        return
    output.show(f"{found.unknown_rows:,} rows hold an unknown value, and stay as they are:")
    made = output.table("unknown form", "rows", "why", "did you mean", numeric=("rows",))
    for form in found.unknown[:_SHOWN]:
        unknown = form.unknown
        suggested = output.cell(", ".join(unknown.suggestions))
        made.add_row(output.cell(str(unknown.raw)), output.number(form.count), unknown.reason.value, suggested)
    output.show(made)


def show_outcome(ended: Outcome, *, json: bool) -> None:
    """What a run did."""
    if json:
        typer.echo(
            json_text.dumps(
                {**asdict(ended.at), "status": ended.status.value, "resumed": ended.resumed, "left": _held(ended.left)}
            )
        )
        return
    resumed = ", resumed" if ended.resumed else ""
    output.show(
        f"run {ended.at.run}{resumed}: {ended.status.value}; {ended.at.rows_seen:,} rows passed, {ended.at.rows_changed:,} changed"
    )
    if ended.status is ended.status.STOPPED:
        output.show("the same command goes on with it")
    elif ended.left.changing:
        output.show(f"{ended.left.changing:,} rows were written meanwhile and hold an alias: run again")
    _show_unknown(ended.left)


def show_reverted(ended: Reverted, *, json: bool) -> None:
    """What a revert did."""
    if json:
        typer.echo(json_text.dumps({**asdict(ended.at), "status": ended.status.value, "kept": ended.kept}))
        return
    output.show(
        f"run {ended.at.run}: {ended.status.value}; {ended.at.rows_changed:,} rows taken back, {ended.kept:,} were edited or "
        "deleted since and stay as they are"
    )


def show_runs(runs: list[dict[str, Any]], *, json: bool) -> None:
    """Every run."""
    if json:
        output.show_json([{name: _plain(value) for name, value in run.items()} for run in runs])
        return
    made = output.table(
        "run", "kind", "target", "status", "rows", "changed", "last key", "began", "error", numeric=("rows", "changed")
    )
    for run in runs:
        target = json_text.loads(run["target"])
        of = f" of {run['of_run']}" if run["of_run"] else ""
        made.add_row(
            str(run["run"]),
            f"{run['kind']}{of}",
            output.cell(f"{target['table']}.{target['column']}"),
            run["status"],
            output.number(run["rows_seen"]),
            output.number(run["rows_changed"]),
            output.cell(run["last_id"] or ""),
            f"{run['started_at']:%Y-%m-%dT%H:%M:%SZ}",
            output.cell(run["error"] or ""),
        )
    output.show(made)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int)) else value.isoformat()


def show_verification(found: Verification, *, json: bool) -> None:
    """Whether a table is as a run promised."""
    if json:
        checks = [asdict(check) for check in found.checks]
        output.show_json(
            {"run": found.run, "holds": found.holds, "checks": checks, "holds_now": _held(found.holds_now)}
        )
        return
    made = output.table("check", "holds", "found")
    for check in found.checks:
        made.add_row(check.name, "yes" if check.holds else "NO", check.found)
    output.show(made)
    _show_unknown(found.holds_now)
