"""``stagenorm backfill``: look at stored rows, verify what became of them, and rehearse."""

from __future__ import annotations

import json as json_
import time
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from stagenorm.cli import backfill_run, backfill_screen, output
from stagenorm.cli.database_options import DatabaseOptions, TargetOptions
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.grouped import grouped
from stagenorm.cli.options import CONFIGURATION, Json
from stagenorm.core.conclusion import Conclusion
from stagenorm.files import replacing

app = typer.Typer(help="Make stored rows canonical, and take it back.", no_args_is_help=True)


@app.command()
@grouped
def plan(rows: TargetOptions, *, json: Json = False) -> None:
    """Show what would become what, and what is unknown. Nothing at all is changed."""
    backfill_run.show_plan(rows, leave_unknown=True, json=json)


app.command()(grouped(backfill_run.run))


@app.command()
@grouped
def status(where: DatabaseOptions, *, json: Json = False) -> None:
    """List every run and revert, the newest first."""
    from stagenorm.backfill.history import history  # noqa: PLC0415 - an extra

    database = where.open()
    backfill_screen.show_runs(database.name, history(database), json=json)


def _report_or_new(path: Path | None) -> Path | None:
    """Where a report may go. Wrong usage if something else is there: a backup, perhaps."""
    if path is not None and path.exists() and not (path.is_file() and _holds_a_report(path)):
        raise typer.BadParameter(f"{path} is there and is no report of this command: name another file, or remove it")
    return path


def _holds_a_report(path: Path) -> bool:
    """Whether a file holds a verification, or nothing yet."""
    try:
        with path.open("rb") as file:
            first = file.read(1)
            there = json_.loads(first + file.read()) if first == b"{" else {}
    except (OSError, ValueError, RecursionError):
        return False
    return not first or {"generated_at", "identity", "checks"} <= there.keys()


@app.command()
@grouped
def verify(
    rows: TargetOptions,
    run_: Annotated[
        int | None,
        typer.Option("--run", metavar="N", help="As status lists it; the target's last run without it.", min=1),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the report there too, for rollout gates.", callback=_report_or_new
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Hold the table against what a run recorded."""
    from stagenorm.backfill import verify as verifying  # noqa: PLC0415 - an extra

    database, target = rows.open(), rows.chosen() if rows.names_rows or run_ is None else None
    number = verifying.last_run(database, target) if target and run_ is None else run_
    assert number is not None
    found = verifying.verify(database, number, rows.normalizer(), target)
    report = backfill_screen.report(found, database.name, time.time())
    if out:
        with replacing(out) as file:
            file.write(output.json_text(report).encode())
    if json:
        output.show_json(report)
    else:
        backfill_screen.show_verification(database.name, found)
    if found.conclusion is not Conclusion.PASS:
        raise typer.Exit(ExitCode.of(found.conclusion))


app.command()(grouped(backfill_run.revert))


@app.command()
@grouped
def seed(
    where: DatabaseOptions,
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="How many.", min=1)],
    table: Annotated[str, typer.Option("--table", metavar="NAME", help="What it is called.")] = "stagenorm_scratch",
) -> None:
    """Make a scratch table of realistic dirty rows, with the columns id and stage, to rehearse on."""
    from stagenorm.backfill.seed import seed as fill  # noqa: PLC0415 - an extra
    from stagenorm.demo.written_forms import written_forms  # noqa: PLC0415 - read only here

    forms = [form for form in written_forms() if "\0" not in form.raw]
    raw, counts = [form.raw for form in forms], [form.count for form in forms]
    database = where.open()
    if where.is_the_service_s(database):
        raise typer.BadParameter(
            f"{database.name} is the service's own by STAGENORM_DATABASE or {CONFIGURATION}: name another one to rehearse on",
            param_hint="--database",
        )
    fill(database, table, rows, raw, counts, Random(rows))  # noqa: S311 - the same rows each time
    output.show(f"{table} in {database.name}: {rows:,} rows")
