"""The application: every command stands in one table here, and every StagenormError becomes one line on stderr."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stagenorm.cli import output
from stagenorm.cli.exits import ExitCode
from stagenorm.errors import StagenormError

_COMMANDS = {
    "normalize": "normalize.normalize",
    "vocabulary": "vocabulary.app",
    "demo": "demo.demo",
    "mode": "mode.app",
    "alias": "alias.app",
    "exempt": "exempt.app",
    "offenders": "offenders.offenders",
    "rules": "rules.app",
    "ops": "ops.app",
    "relay": "ops.relay",
    "token": "token.app",
    "doctor": "doctor.doctor",
    "backup": "backup.app",
    "backfill": "backfill.app",
    "consumers": "consumers.app",
    "preflight": "preflight.preflight",
    "rollout": "rollout.app",
}
"""Every command and group, in the order in which they are shown: the module here that has it, and its name there."""


class _Commands(TyperGroup):
    """Loads a command's module when it is asked for: all of them together take longer than most commands do."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            for name in _COMMANDS:  # Typer suggests what is loaded
                self.get_command(ctx, name)
        elif cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.replace("Value error, ", "")  # pydantic's, with which Typer reads values
            raise
        except StagenormError as error:
            output.show(f"stagenorm: {error}", stderr=True)
            raise typer.Exit(ExitCode.FAILED) from error


def _load(name: str) -> Any:
    module, _, attribute = _COMMANDS[name].partition(".")
    found = getattr(import_module(f"stagenorm.cli.{module}"), attribute)
    holder = typer.Typer(rich_markup_mode=None, callback=lambda: None)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return typer.main.get_group(holder).commands[name]


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
        from importlib import metadata  # noqa: PLC0415 - a tenth of the time that every other command takes to start

        try:
            output.show(f"stagenorm {metadata.version('stagenorm')}")
        except metadata.PackageNotFoundError as error:  # a source tree on the path
            output.show("stagenorm: its version is not known: install it", stderr=True)
            raise typer.Exit(ExitCode.FAILED) from error
        raise typer.Exit


@app.callback()
def stagenorm(
    _: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Only canonical values of a closed vocabulary get through your API's boundary."""
