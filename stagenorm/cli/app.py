"""The application: every command group is registered here, and every StagenormError becomes one line on stderr."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stagenorm.cli import (
    alias,
    backfill,
    backup,
    consumers,
    demo,
    doctor,
    exempt,
    mode,
    normalize,
    offenders,
    ops,
    output,
    preflight,
    rollout,
    rules,
    token,
    vocabulary,
)
from stagenorm.cli.exits import ExitCode
from stagenorm.errors import StagenormError


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StagenormError as error:
            output.show(f"stagenorm: {error}", stderr=True)
            raise typer.Exit(ExitCode.FAILED) from error


app = typer.Typer(
    cls=_Commands,
    help="Only canonical values of a closed vocabulary get through your API's boundary.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 hold.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            output.show(f"stagenorm {metadata.version('stagenorm')}")
        except metadata.PackageNotFoundError as error:  # a source tree on the path
            raise StagenormError("its version is not known: install it") from error
        raise typer.Exit


@app.callback()
def stagenorm(
    _: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Only canonical values of a closed vocabulary get through your API's boundary."""


app.command()(normalize.normalize)
app.add_typer(vocabulary.app, name="vocabulary")
app.add_typer(mode.app, name="mode")
app.add_typer(alias.app, name="alias")
app.add_typer(exempt.app, name="exempt")
app.add_typer(ops.app, name="ops")
app.command()(ops.relay)
app.add_typer(token.app, name="token")
app.command()(doctor.doctor)
app.command()(offenders.offenders)
app.add_typer(rules.app, name="rules")
app.add_typer(backup.app, name="backup")
app.add_typer(backfill.app, name="backfill")
app.add_typer(consumers.app, name="consumers")
app.add_typer(rollout.app, name="rollout")
app.command()(preflight.preflight)
app.command()(demo.demo)
