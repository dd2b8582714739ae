"""``stagenorm normalize``: what written forms mean, given on the command line or in a column of a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from stagenorm.cli import output
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.normalize_csv import normalize_file
from stagenorm.cli.options import Json, chosen_vocabulary
from stagenorm.core.normalizer import Match, Normalizer, Unknown


def normalize(
    ctx: typer.Context,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="VALUE", help="Written forms, after -- if one begins with a dash."),
    ] = None,
    *,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Read a column of this CSV file (UTF-8) instead.")
    ] = None,
    column: Annotated[str | None, typer.Option(metavar="NAME", help="The column that holds the values.")] = None,
    weight: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column that holds how much a row counts.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the file here with the column normalized; unknown values stay."),
    ] = None,
    vocabulary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A vocabulary in TOML instead of the investment stages.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what written forms mean; exit 1 if any is unknown."""
    if csv is None:
        if not values or any(option is not None for option in (column, weight, out)):
            ctx.fail("give VALUEs alone, or --csv FILE with --column NAME")
        complete = _normalize_values(values, Normalizer(chosen_vocabulary(vocabulary)), json=json)
    else:
        if values or column is None:
            ctx.fail("--csv FILE needs --column NAME, and takes no VALUEs")
        normalizer = Normalizer(chosen_vocabulary(vocabulary))
        complete = normalize_file(csv, column, normalizer, weight=weight, out=out, json=json)
    if not complete:
        raise typer.Exit(ExitCode.FAILED)


def _normalize_values(values: Sequence[str], normalizer: Normalizer, *, json: bool) -> bool:
    """Print what each value means. Returns whether all are known."""
    answers = {value: normalizer(value) for value in values}
    if json:
        output.show_json([{"raw": value, **_as_json(answers[value])} for value in values])
    else:
        for value in values:
            output.show(_line(value, answers[value]))
    return not any(isinstance(answer, Unknown) for answer in answers.values())


def _as_json(answer: Match | Unknown) -> dict[str, Any]:
    if isinstance(answer, Match):
        return {"value": answer.value, "exact": answer.exact}
    return {"value": None, "exact": False, **output.why_unknown(answer)}


def _line(raw: str, answer: Match | Unknown) -> Text:
    line = output.form(raw).append(" -> ", "dim")
    if isinstance(answer, Match):
        return line.append(answer.value, "green")
    line.append(f"unknown: {answer.explanation}", "red")
    return line.append(f"; did you mean {' or '.join(answer.suggestions)}?" if answer.suggestions else "")
