"""``stagenorm backfill run`` and ``revert``: the two that change rows."""

from __future__ import annotations

import os
import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagenorm.cli import backfill_screen, output
from stagenorm.cli.backfill_conduct import ConductOptions
from stagenorm.cli.backfill_progress import following
from stagenorm.cli.database_options import DatabaseOptions, TargetOptions
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.options import Json, not_blank
from stagenorm.errors import BackfillRefusedError

if TYPE_CHECKING:
    from stagenorm.backfill.database import Database
    from stagenorm.backfill.run import Allowance
    from stagenorm.backfill.target import Target


class UnknownValues(str, Enum):
    """What becomes of values that the vocabulary does not hold."""

    LEAVE = "leave"
    FAIL = "fail"


def show_plan(rows: TargetOptions, *, leave_unknown: bool, json: bool) -> None:
    """What a run would do; it ends as the run would."""
    from stagenorm.backfill import run as running  # noqa: PLC0415 - an extra

    database = rows.open()
    columns, found = running.plan(database, rows.chosen(), rows.normalizer())
    refused = running.refusals(columns, found, leave_unknown=leave_unknown)
    backfill_screen.show_plan(database.name, columns, found, refused, json=json)
    if refused or found.unknown_rows:
        raise typer.Exit(ExitCode.FAILED)


def run(
    rows: TargetOptions,
    how: ConductOptions,
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
        typer.Option(
            "--resume-from",
            metavar="KEY",
            help="Begin a new run behind this key, such as 42; a longer one as '[7, \"b\"]'.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make the rows canonical, or go on with a run that did not end. A dry run without --apply."""
    from stagenorm.backfill import run as running  # noqa: PLC0415 - an extra

    leave = unknown is UnknownValues.LEAVE
    if not apply:
        if not json:
            output.show("a dry run, which changes nothing; with --apply these rows change:")
        show_plan(rows, leave_unknown=leave, json=json)
        return
    database, target = rows.open(), rows.chosen()
    with following(json=json) as (tell, stop):
        conduct = how.conduct(tell, stop)
        allowance = _allowance(database, target, receipt, no_receipt)
        ended = running.run(
            database, target, rows.normalizer(), allowance, conduct, leave_unknown=leave, resume_from=resume_from
        )
    backfill_screen.show_outcome(database.name, ended, json=json)
    if ended.status is not ended.status.DONE or ended.left.unknown_rows or ended.left.changing:
        raise typer.Exit(ExitCode.FAILED)


def _allowance(database: Database, target: Target, receipt: Path | None, reason: str | None) -> Allowance:
    from stagenorm.backfill.columns import resolved  # noqa: PLC0415 - an extra
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
    receipts = Receipts(os.environ)
    with database.reading() as connection:
        identity, target = database.identity(connection), resolved(database, connection, target)
    return Allowance(receipt=receipts.accept(receipt, identity, target, time.time()).sha256)


def revert(
    where: DatabaseOptions,
    how: ConductOptions,
    *,
    run_: Annotated[int, typer.Option("--run", metavar="N", help="Which run, as status lists it.", min=1)],
    json: Json = False,
) -> None:
    """Give every row that a run changed its old value back. Rows that were edited since stay as they are."""
    from stagenorm.backfill import revert as reverting  # noqa: PLC0415 - an extra

    database = where.open()
    with following(json=json) as (tell, stop):
        ended = reverting.revert(database, run_, how.conduct(tell, stop))
    backfill_screen.show_reverted(database.name, ended, json=json)
    if ended.status is not ended.status.DONE:
        raise typer.Exit(ExitCode.FAILED)
