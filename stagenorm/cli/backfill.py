"""``stagenorm backfill``: make stored rows canonical, and take it back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagenorm.cli import backfill_screen, output
from stagenorm.cli.database_options import Column, DatabaseUrl, Filter, Key, Table, chosen_database, chosen_target
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.options import Json, VocabularyFile, chosen_vocabulary, not_blank
from stagenorm.core.normalizer import Normalizer
from stagenorm.errors import BackfillRefusedError, ConfigurationError

if TYPE_CHECKING:
    from stagenorm.backfill.database import Database
    from stagenorm.backfill.run import Allowance
    from stagenorm.backfill.target import Target
    from stagenorm.backfill.walk import Conduct, Progress

app = typer.Typer(help="Make stored rows canonical, and take it back.", no_args_is_help=True)


class UnknownValues(str, Enum):
    """What becomes of values that the vocabulary does not hold."""

    LEAVE = "leave"
    FAIL = "fail"


RunNumber = Annotated[int | None, typer.Option("--run", metavar="N", help="A run's number, as status lists it.", min=1)]
BatchSize = Annotated[int, typer.Option("--batch-size", metavar="N", help="Rows of the first batch.", min=1)]
BatchSeconds = Annotated[
    float,
    typer.Option("--batch-seconds", metavar="SECONDS", help="How long a batch may hold its locks, about.", min=0.001),
]
Largest = Annotated[int, typer.Option("--largest-batch", metavar="N", help="Rows that no batch exceeds.", min=1)]
MaxLag = Annotated[
    float | None, typer.Option("--max-lag", metavar="SECONDS", help="Pause while a replica is behind.", min=0)
]
LoadSql = Annotated[
    str, typer.Option("--load-query", metavar="SQL", help="Pause while this number is over --max-load.")
]
MaxLoad = Annotated[float, typer.Option("--max-load", metavar="N", help="The highest good answer of --load-query.")]
PauseAt = Annotated[Path | None, typer.Option("--pause-file", metavar="FILE", help="Pause while this file is there.")]
WindowOf = Annotated[str, typer.Option("--window", metavar="HH:MM-HH:MM", help="Pause outside this time of day.")]
Transactional = Annotated[bool, typer.Option("--transactional", help="All in one transaction instead of batches.")]


@app.command()
def plan(
    database: DatabaseUrl,
    table: Table,
    column: Column,
    key: Key = "",
    filter_: Filter = "",
    *,
    vocabulary: VocabularyFile = None,
    json: Json = False,
) -> None:
    """Show what would become what, and what is unknown. Nothing at all is changed."""
    target = chosen_target(table, column, key, filter_)
    _plan(chosen_database(database), target, Normalizer(chosen_vocabulary(vocabulary)), leave=True, json=json)


@app.command()
def run(
    database: DatabaseUrl,
    table: Table,
    column: Column,
    key: Key = "",
    filter_: Filter = "",
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Change the rows; without it this is a plan.")] = False,
    receipt: Annotated[
        Path | None,
        typer.Option("--receipt", metavar="FILE", help="Of stagenorm backup restore-test, under 24 hours old."),
    ] = None,
    no_receipt: Annotated[
        str | None,
        typer.Option("--no-receipt", metavar="REASON", help="Run without one; the reason is kept.", callback=not_blank),
    ] = None,
    unknown: Annotated[UnknownValues, typer.Option("--unknown", help="Leave unknown values, or refuse to begin.")] = (
        UnknownValues.LEAVE
    ),
    resume_from: Annotated[
        str | None,
        typer.Option("--resume-from", metavar="KEY", help='Begin a new run behind this key, such as "[42]".'),
    ] = None,
    batch_size: BatchSize = 5_000,
    batch_seconds: BatchSeconds = 0.1,
    largest_batch: Largest = 50_000,
    max_lag: MaxLag = None,
    load_query: LoadSql = "",
    max_load: MaxLoad = 0,
    pause_file: PauseAt = None,
    window: WindowOf = "",
    transactional: Transactional = False,
    vocabulary: VocabularyFile = None,
    json: Json = False,
) -> None:
    """Make the rows canonical, or go on with a run that did not end. A dry run without --apply."""
    from stagenorm.backfill import run as running  # noqa: PLC0415 - an extra

    target = chosen_target(table, column, key, filter_)
    normalizer = Normalizer(chosen_vocabulary(vocabulary))
    opened, leave = chosen_database(database), unknown is UnknownValues.LEAVE
    if not apply:
        _plan(opened, target, normalizer, leave=leave, json=json)
        return
    allowance = _allowance(opened, target, receipt, no_receipt)
    throttles = (max_lag, load_query, max_load, pause_file, window)
    with backfill_screen.following(json=json, total=None) as (tell, stop):
        conduct = _conduct(batch_size, batch_seconds, largest_batch, throttles, tell, stop, transactional=transactional)
        ended = running.run(
            opened, target, normalizer, allowance, conduct, leave_unknown=leave, resume_from=resume_from
        )
    backfill_screen.show_outcome(ended, json=json)
    if ended.status is not ended.status.DONE or ended.left.unknown_rows or ended.left.changing:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def status(database: DatabaseUrl, *, json: Json = False) -> None:
    """List every run and revert, the newest first."""
    from stagenorm.backfill import control  # noqa: PLC0415 - an extra

    with chosen_database(database).reading() as connection:
        backfill_screen.show_runs(control.runs(connection), json=json)


@app.command()
def verify(
    database: DatabaseUrl,
    table: Table,
    column: Column,
    run_: RunNumber = None,
    *,
    vocabulary: VocabularyFile = None,
    json: Json = False,
) -> None:
    """Hold the table against what a run recorded; the last one without --run."""
    from stagenorm.backfill import verify as verifying  # noqa: PLC0415 - an extra

    opened = chosen_database(database)
    number = run_ or verifying.last_run(opened, chosen_target(table, column, "", ""))
    found = verifying.verify(opened, number, Normalizer(chosen_vocabulary(vocabulary)))
    backfill_screen.show_verification(found, json=json)
    if not found.holds:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def revert(  # noqa: PLR0917 - each is one thing
    database: DatabaseUrl,
    run_: Annotated[int, typer.Option("--run", metavar="N", help="Which run, as status lists it.", min=1)],
    batch_size: BatchSize = 5_000,
    batch_seconds: BatchSeconds = 0.1,
    largest_batch: Largest = 50_000,
    max_lag: MaxLag = None,
    load_query: LoadSql = "",
    max_load: MaxLoad = 0,
    pause_file: PauseAt = None,
    window: WindowOf = "",
    *,
    transactional: Transactional = False,
    json: Json = False,
) -> None:
    """Give every row that a run changed its old value back. Rows that were edited since stay as they are."""
    from stagenorm.backfill import revert as reverting  # noqa: PLC0415 - an extra

    throttles = (max_lag, load_query, max_load, pause_file, window)
    with backfill_screen.following(json=json, total=None) as (tell, stop):
        conduct = _conduct(batch_size, batch_seconds, largest_batch, throttles, tell, stop, transactional=transactional)
        ended = reverting.revert(chosen_database(database), run_, conduct)
    backfill_screen.show_reverted(ended, json=json)
    if ended.status is not ended.status.DONE:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def seed(
    database: DatabaseUrl,
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="How many.", min=1)],
    table: Annotated[str, typer.Option("--table", metavar="NAME", help="What it is called.")] = "stagenorm_scratch",
) -> None:
    """Make a scratch table of realistic dirty rows, with the columns id and stage, to rehearse on."""
    from stagenorm.backfill.seed import seed as fill  # noqa: PLC0415 - an extra
    from stagenorm.demo.written_forms import written_forms  # noqa: PLC0415 - read only here

    forms = [form for form in written_forms() if "\0" not in form.raw]
    raw, counts = [form.raw for form in forms], [form.count for form in forms]
    fill(chosen_database(database), table, rows, raw, counts, Random(rows))  # noqa: S311 - the same rows each time
    output.show(f"{table}: {rows:,} rows")


def _plan(opened: Database, target: Target, normalizer: Normalizer, *, leave: bool, json: bool) -> None:
    from stagenorm.backfill import run as running  # noqa: PLC0415 - an extra

    columns, found = running.plan(opened, target, normalizer)
    refused = running.refusals(columns, found, leave_unknown=leave)
    backfill_screen.show_plan(columns, found, refused, json=json)
    if refused or found.unknown_rows:
        raise typer.Exit(ExitCode.FAILED)


def _allowance(opened: Database, target: Target, receipt: Path | None, reason: str | None) -> Allowance:
    from stagenorm.backfill.run import Allowance  # noqa: PLC0415 - an extra
    from stagenorm.backups.receipt import Receipts  # noqa: PLC0415 - an extra

    if receipt is not None and reason is not None:
        raise typer.BadParameter("give a receipt or a reason to run without one, not both", param_hint="--no-receipt")
    if reason is not None:
        return Allowance(no_receipt=reason)
    if receipt is None:
        raise BackfillRefusedError(
            "no receipt: make a backup and prove it (stagenorm backup create, stagenorm backup restore-test), then give "
            '--receipt FILE; or say why not with --no-receipt "REASON"'
        )
    with opened.reading() as connection:
        identity = opened.identity(connection)
    return Allowance(receipt=Receipts(os.environ).accept(receipt, identity, target, time.time()).sha256)


def _conduct(  # noqa: PLR0917 - each is one thing
    size: int,
    seconds: float,
    largest: int,
    throttles: tuple[float | None, str, float, Path | None, str],
    tell: Callable[[Progress], None],
    stop: Any,
    *,
    transactional: bool,
) -> Conduct:
    from stagenorm.backfill import throttle  # noqa: PLC0415 - an extra
    from stagenorm.backfill.pace import Pace  # noqa: PLC0415 - beside its user
    from stagenorm.backfill.walk import Conduct  # noqa: PLC0415 - an extra

    max_lag, load_query, max_load, pause_file, window = throttles
    chosen: list[throttle.Throttle] = []
    try:
        pace = Pace(start=size, least=min(10, size), most=max(largest, size), seconds=seconds)
        if window:
            chosen.append(throttle.Window.parse(window))
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error
    if max_lag is not None:
        chosen.append(throttle.replica_lag(max_lag))
    if load_query:
        chosen.append(throttle.LoadQuery(load_query, max_load))
    if pause_file:
        chosen.append(throttle.PauseFile(pause_file))
    return Conduct(pace, chosen, transactional, stop, tell)
