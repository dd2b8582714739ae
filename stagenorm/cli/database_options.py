"""Options that name a database and what is to be changed in it, spelt once, and the objects that they stand for."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagenorm.backfill.declared import DeclaredTargets
from stagenorm.backfill.target import Target
from stagenorm.cli.options import CONFIGURATION, VocabularyFile, chosen_vocabulary, not_blank
from stagenorm.config import declared_backfill
from stagenorm.core.normalizer import Normalizer
from stagenorm.errors import ConfigurationError, MissingExtraError, StagenormError

if TYPE_CHECKING:
    from stagenorm.backfill.database import Database

PgBin = Annotated[
    Path | None,
    typer.Option("--pg-bin", metavar="DIR", help="Where PostgreSQL's own programs of the server's version are."),
]


@dataclass(frozen=True)
class DatabaseOptions:
    """Which database."""

    database: Annotated[
        str,
        typer.Option(
            "--database",
            metavar="URL",
            envvar="STAGENORM_DATABASE",
            help="Such as postgresql://USER@HOST/NAME or sqlite:////path/to/file.db.",
            show_default=False,
        ),
    ] = ""
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Has [backfill], for what no option says.", show_default=False),
    ] = None

    @property
    def file(self) -> Path | None:
        """The configuration that counts: the one that is named."""
        return self.config

    @property
    def declared(self) -> DeclaredTargets:
        """What the configuration says of stored rows; nothing without one. Raises ConfigurationError as it is read."""
        return declared_backfill(self.file)[0] if self.file else DeclaredTargets()

    def is_the_service_s(self, database: Database) -> bool:
        """Whether the environment or the configuration calls a database the service's, by whatever name of its server."""
        from stagenorm.backfill.database import Database  # noqa: PLC0415 - an extra

        path = self.config or (CONFIGURATION if CONFIGURATION.exists() else None)
        declared = declared_backfill(path)[0].database if path else None
        with database.reading() as connection:
            identity = database.identity(connection)
        for url in filter(None, (os.environ.get("STAGENORM_DATABASE"), declared)):
            with suppress(StagenormError):  # one that cannot be reached is known by its name alone
                service = Database(url)
                if service.name == database.name:
                    return True
                with service.reading() as connection:
                    if service.identity(connection) == identity:
                        return True
        return False

    def open(self) -> Database:
        """The database. Wrong usage if none is named, or its URL is none."""
        from stagenorm.backfill.database import Database  # noqa: PLC0415 - an extra

        url = self.database or self.declared.database
        if not url:
            file = f"--config {CONFIGURATION}" if CONFIGURATION.exists() else "--config FILE"
            raise typer.BadParameter(
                f"no database is named: give --database, set STAGENORM_DATABASE, or {file} that names it under [backfill]"
            )
        try:
            return Database(url)
        except MissingExtraError:
            raise
        except ConfigurationError as error:
            raise typer.BadParameter(str(error), param_hint="--database") from error


@dataclass(frozen=True)
class TargetOptions(DatabaseOptions):
    """Which column of which rows, and what makes its values canonical."""

    target: Annotated[
        str,
        typer.Option("--target", metavar="NAME", help="One of the targets of --config (stagenorm.toml without it)."),
    ] = ""
    table: Annotated[str, typer.Option("--table", metavar="NAME", help="TABLE or SCHEMA.TABLE.")] = ""
    column: Annotated[str, typer.Option("--column", metavar="NAME", help="Whose values become canonical.")] = ""
    key: Annotated[
        str,
        typer.Option("--key", metavar="NAMES", help="Unique columns, with commas between; the primary key without it."),
    ] = ""
    filter: Annotated[
        str | None,
        typer.Option("--filter", metavar="SQL", help="Only rows that this condition holds for.", callback=not_blank),
    ] = None
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="NAME", help="A column: the counts are told for each of its values too.")
    ] = ""
    vocabulary: VocabularyFile = None

    @property
    def file(self) -> Path | None:
        """The configuration that counts; a target's name alone means that of this directory."""
        return self.config or (CONFIGURATION if self.target else None)

    @property
    def names_rows(self) -> bool:
        """Whether one target was named."""
        return bool(self.table or self.target)

    def chosen(self) -> Target:
        """The declared target with what the options say otherwise. Wrong usage if there is none."""
        if not (self.file or self.table):
            raise typer.BadParameter("name --table and --column, or a --target of stagenorm.toml")
        try:
            base = self.declared.choose(self.target) if self.target or not self.table else Target("", "")
            if not (self.column or base.column):
                raise typer.BadParameter("name the column whose values are to become canonical", param_hint="--column")
            return Target.parse(
                self.table or base.table_name,
                self.column or base.column,
                tuple(name.strip() for name in self.key.split(",") if name.strip()) or base.key,
                condition=self.filter or base.filter,
                tenant=self.tenant or base.tenant,
            )
        except ConfigurationError as error:
            raise typer.BadParameter(str(error)) from error

    def normalizer(self) -> Normalizer:
        """Of the vocabulary that an option or the configuration names, or of the built-in one."""
        if self.file and not self.vocabulary:
            return Normalizer(declared_backfill(self.file)[1])
        return Normalizer(chosen_vocabulary(self.vocabulary))
