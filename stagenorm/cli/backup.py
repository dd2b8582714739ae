"""``stagenorm backup``: dump a database, and prove that the dump restores."""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from stagenorm.backfill.target import Target
from stagenorm.cli import output
from stagenorm.cli.database_options import DatabaseOptions, PgBin
from stagenorm.cli.grouped import grouped
from stagenorm.cli.options import Json
from stagenorm.errors import ConfigurationError
from stagenorm.times import moment

app = typer.Typer(help="Dump a database, and prove that the dump restores.", no_args_is_help=True)

Dump = Annotated[Path, typer.Argument(metavar="FILE", help="The dump; its manifest and receipt are beside it.")]


class Format(str, Enum):
    """How PostgreSQL's dump is written."""

    CUSTOM = "custom"
    PLAIN = "plain"


@app.command()
@grouped
def create(
    dump: Dump,
    where: DatabaseOptions,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="TABLE.COLUMN",
            help="To be changed; its values go into the manifest. Repeatable; those of --config without it.",
        ),
    ] = None,
    *,
    format_: Annotated[Format, typer.Option("--format", help="Of PostgreSQL's dump.")] = Format.CUSTOM,
    pg_bin: PgBin = None,
    json: Json = False,
) -> None:
    """Dump a database, with a checksum and a manifest of one snapshot."""
    from stagenorm.backups.create import create as make  # noqa: PLC0415 - an extra

    made = make(where.open(), dump, _targets(where, columns or []), format_=format_.value, tools_in=pg_bin)
    told = {"dump": str(dump), "format": made.format, "size": made.size, "sha256": made.sha256, "server": made.server}
    if json:
        output.show_json(told)
    else:
        output.show(f"{dump}: {made.size:,} bytes, tables: {len(made.contents['tables'])}, SHA-256 {made.sha256}")
        if not made.targets:
            output.show("it keeps no column's values, so no backfill begins on it: name them with --column")
        output.show(f"prove that it restores: stagenorm backup restore-test {dump}")


def _targets(where: DatabaseOptions, columns: list[str]) -> list[Target]:
    try:
        given = [Target.parse(*each.rpartition(".")[::2]) for each in columns]
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--column") from error
    return given or list(where.declared.named.values())


@app.command()
def verify(dump: Dump, *, json: Json = False) -> None:
    """Hold a dump against the size and checksum of its manifest."""
    from stagenorm.backups.manifest import verify as hold  # noqa: PLC0415 - an extra

    manifest = hold(dump)
    if json:
        output.show_json({"dump": str(dump), "size": manifest.size, "sha256": manifest.sha256})
    else:
        output.show(f"{dump}: {manifest.size:,} bytes, as its manifest says")


@app.command("restore-test")
@grouped
def restore_test(
    dump: Dump,
    where: DatabaseOptions,
    smoke: Annotated[
        list[str] | None, typer.Option("--smoke", metavar="SQL", help="A query that must give a row. Repeatable.")
    ] = None,
    budget: Annotated[
        float, typer.Option("--budget", metavar="SECONDS", help="The longest a restore may take.", min=1)
    ] = 300,
    *,
    pg_bin: PgBin = None,
    json: Json = False,
) -> None:
    """Restore a dump into a temporary database, compare, drop it, and write a signed receipt.

    The receipt is signed with STAGENORM_RECEIPT_KEY; stagenorm token secret makes one.
    """
    from stagenorm.backups.receipt import Receipts  # noqa: PLC0415 - an extra
    from stagenorm.backups.restore import restore_test as prove  # noqa: PLC0415 - an extra

    receipts = Receipts()
    proof = prove(where.open(), dump, smoke=smoke or (), budget=budget, tools_in=pg_bin)
    receipt = proof.receipt()
    written = receipts.write(receipt, dump)
    if json:
        smoked = [{"query": query, "row": row} for query, row in proof.smoke]
        output.show_json({"dump": str(dump), "seconds": proof.seconds, "smoke": smoked, "receipt": str(written)})
    else:
        output.show(f"{dump} restores in {proof.seconds:.1f} s and holds what its manifest says")
        output.show(f"receipt, good until {moment(receipt.good_until)}: {written}")
        if receipt.good_until <= time.time():
            output.show("note: no backfill begins on it, for its backup is too old: make another", stderr=True)
        if not receipt.columns:
            output.show("note: no backfill begins on it, for it proves no column: backup create --column", stderr=True)
