"""``stagenorm rules``: alerts, their route and a dashboard, generated from ``stagenorm.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stagenorm.cli import output
from stagenorm.cli.options import CONFIGURATION, ConfigurationFile, Json
from stagenorm.config import load_configuration
from stagenorm.errors import DataFileError
from stagenorm.files import replacing
from stagenorm.observe.rules.files import rule_files

app = typer.Typer(help="Write alerts, their route and a dashboard.", no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Write alerts, their route and a dashboard."""


@app.command()
def write(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where observability/ is written.")],
    *,
    config: ConfigurationFile = CONFIGURATION,
    json: Json = False,
) -> None:
    """Write them below a directory; files that are there are replaced."""
    files = rule_files(load_configuration(config).watched)
    for name, content in files.items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataFileError(f"{path.parent} cannot be made: {error.strerror}") from error
        with replacing(path) as file:
            file.write(content.encode())
    written = [str(directory / name) for name in files]
    if json:
        output.show_json(written)
        return
    for each in written:
        output.show(f"written: {each}")
