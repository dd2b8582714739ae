"""Options that name a database and what is to be changed in it, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stagenorm.backfill.database import Database
    from stagenorm.backfill.target import Target

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="STAGENORM_DATABASE",
        help="Such as postgresql://USER@HOST/NAME or sqlite:////path/to/file.db.",
        show_default=False,
    ),
]
Table = Annotated[str, typer.Option("--table", metavar="NAME", help="TABLE or SCHEMA.TABLE.")]
Column = Annotated[str, typer.Option("--column", metavar="NAME", help="Whose values become canonical.")]
Key = Annotated[
    str, typer.Option("--key", metavar="NAMES", help="Unique columns, with commas between; the primary key without it.")
]
Filter = Annotated[str, typer.Option("--filter", metavar="SQL", help="Only rows that this condition holds for.")]
PgBin = Annotated[
    Path | None,
    typer.Option("--pg-bin", metavar="DIR", help="Where PostgreSQL's own programs of the server's version are."),
]


def chosen_database(url: str) -> Database:
    """The database of a URL. Wrong usage if it is none."""
    from stagenorm.backfill.database import Database  # noqa: PLC0415 - an extra
    from stagenorm.errors import ConfigurationError, MissingExtraError  # noqa: PLC0415 - beside its user

    try:
        return Database(url)
    except MissingExtraError:
        raise
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--database") from error


def chosen_target(table: str, column: str, key: str, condition: str) -> Target:
    """The target of the options. Wrong usage if a name is none."""
    from stagenorm.backfill.target import Target  # noqa: PLC0415 - beside its user
    from stagenorm.errors import ConfigurationError  # noqa: PLC0415 - beside its user

    try:
        return Target.parse(table, column, key, condition)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--table") from error
