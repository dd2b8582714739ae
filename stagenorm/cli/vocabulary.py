"""``stagenorm vocabulary``: look at a closed set of values, and have all that it accepts reviewed."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from stagenorm.cli import output
from stagenorm.cli.options import By, Json, chosen_vocabulary, not_blank
from stagenorm.rollout.review import REVIEW, Review, write_review

app = typer.Typer(help="Look at a vocabulary, and review what it accepts.", no_args_is_help=True)

_File = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="A vocabulary in TOML; without one, the investment stages.")
]


@app.command()
def show(file: _File = None, json: Json = False) -> None:
    """Print its terms in their order."""
    vocabulary = chosen_vocabulary(file)
    if json:
        terms = [{"value": term.value, "label": term.label, "aliases": list(term.aliases)} for term in vocabulary.terms]
        output.show_json({"name": vocabulary.name, "suffixes": list(vocabulary.suffixes), "terms": terms})
        return
    output.show(vocabulary.name)
    rows = output.table("#", "value", "label", "aliases", numeric=("#",))
    for place, term in enumerate(vocabulary.terms, 1):
        aliases = ", ".join(term.aliases)
        rows.add_row(str(place), output.cell(term.value, "green"), output.cell(term.label), output.cell(aliases))
    output.show(rows)
    if vocabulary.suffixes:
        output.show(f"Any form may be followed by: {', '.join(vocabulary.suffixes)}")
    review = shlex.join(["stagenorm", "vocabulary", "lint", *([str(file)] if file else [])])
    output.show(f"{len(vocabulary.table)} folded forms are accepted, and nothing else: {review}")


@app.command()
def lint(file: _File = None, json: Json = False) -> None:
    """Check it, and print all that it accepts.

    Every folded form stands in the table, nothing else is accepted, and the fingerprint is what a review signs.
    """
    vocabulary = chosen_vocabulary(file)
    if json:
        table = dict(vocabulary.table)
        output.show_json({"name": vocabulary.name, "fingerprint": vocabulary.fingerprint, "table": table})
        return
    rows = output.table("folded form", "value")
    for form, value in vocabulary.table.items():
        rows.add_row(output.cell(form), output.cell(value, "green"))
    output.show(rows)
    output.show(f"{vocabulary.name}: {len(vocabulary.table)} forms of {len(vocabulary)} values")
    output.show(f"fingerprint {vocabulary.fingerprint}")


@app.command()
def review(
    file: _File = None,
    *,
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help="What you looked at, or why it is right.", callback=not_blank),
    ],
    by: By,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the review is kept.")] = REVIEW,
) -> None:
    """Keep that you looked through all that it accepts, by its fingerprint. Preflight asks for it."""
    vocabulary = chosen_vocabulary(file)
    made = Review(vocabulary.name, vocabulary.fingerprint, by, reason, time.time())
    write_review(out, made)
    output.show(f"{made.vocabulary}, fingerprint {made.fingerprint}, reviewed by {made.author}: {made.reason}")
    output.show(f"kept in {out}")
