"""``stagenorm normalize --csv``: one column of a file, counted, reported and written normalized."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from stagenorm.backfill.csv_column import normalize_column
from stagenorm.cli import output
from stagenorm.core.normalizer import Normalizer
from stagenorm.errors import DataFileError
from stagenorm.events import FindingKind
from stagenorm.files import replacing
from stagenorm.observe.census import KINDS, Census

_TOP_UNKNOWN = 20


def normalize_file(
    path: Path, column: str, normalizer: Normalizer, *, weight: str | None, out: Path | None, json: bool
) -> bool:
    """Read a file, write it normalized if wanted, and print the census of its column.

    Returns:
        Whether every value is known.

    Raises:
        DataFileError: the file cannot be read, or the other one not written.
    """
    census = Census(normalizer)
    with _reading(path) as source:
        if out and out.exists() and out.samefile(path):
            raise DataFileError(f"{out} is the file that is read: write to another")
        with replacing(out) if out else nullcontext() as target:
            normalize_column(source, str(path), column, census, weight=weight, out=target)
    if json:
        names = {"file": str(path), "column": column, "weight": weight, "out": str(out) if out else None}
        output.show_json({**names, **_as_json(census, weighted=weight is not None)})
    else:
        _show_report(census, path, column, weight)
        if out:
            output.show(f"written: {out}")
    return census.seen[FindingKind.UNKNOWN] == 0


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """Open a file, with a bar on stderr that shows how far it has been read."""
    console = output.console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        try:
            source = progress.open(path, "rb", description=output.printable(path.name))
        except OSError as error:
            raise DataFileError(f"{path} cannot be read: {error.strerror}") from error
        with source:
            yield source


def _as_json(census: Census, *, weighted: bool) -> dict[str, Any]:
    return {
        "rows": sum(census.seen.values()),
        **_counts(census.seen),
        "weighted": {"total": sum(census.weights.values()), **_counts(census.weights)} if weighted else None,
        "distinct_unknown": census.distinct_unknown,
        "top_unknown_exact": census.exact,
        "top_unknown": [
            {
                "raw": each.unknown.raw,
                "count": each.count,
                "at_least": each.at_least,
                **output.why_unknown(each.unknown),
            }
            for each in census.unknown_forms(_TOP_UNKNOWN)
        ],
    }


def _counts(of: Mapping[FindingKind, float]) -> dict[str, float]:
    by_name = {kind.value: of[kind] for kind in KINDS}
    return {"matched": of[FindingKind.CANONICAL] + of[FindingKind.ALIAS], **by_name}


def _show_report(census: Census, path: Path, column: str, weight: str | None) -> None:
    output.show(f"{path}, column {column}")
    output.show(_counts_table(census, weight))
    if not census.seen[FindingKind.UNKNOWN]:
        return
    measure = "rows" if weight is None else output.printable(weight)
    made = output.table("unknown form", measure, "why", "did you mean", numeric=(measure,))
    for form in census.unknown_forms(_TOP_UNKNOWN):
        made.add_row(
            output.form(form.unknown.raw),
            ("" if census.exact else "<= ") + output.number(form.count),
            form.unknown.reason.value,
            output.cell(", ".join(form.unknown.suggestions)),
        )
    output.show(made)
    distinct = f"{census.distinct_unknown:,}"
    if not census.exact:
        output.show(
            f"There are more than {distinct} distinct unknown forms: the counts of single ones are upper bounds."
        )
    elif census.distinct_unknown > _TOP_UNKNOWN:
        output.show(f"These are the most frequent {_TOP_UNKNOWN} of {distinct} distinct unknown forms.")


def _counts_table(census: Census, weight: str | None) -> Table:
    headings = ["rows", "% of rows"]
    if weight is not None:
        headings += [output.printable(weight), f"% of {output.printable(weight)}"]
    made = output.table("", *headings, numeric=tuple(headings))
    for kind in KINDS:
        made.add_row(
            kind.value,
            *_with_percentage(census.seen, kind),
            *(() if weight is None else _with_percentage(census.weights, kind)),
        )
    return made


def _with_percentage(of: Mapping[FindingKind, float], kind: FindingKind) -> tuple[str, str]:
    total = sum(of.values())
    return output.number(of[kind]), f"{of[kind] / total:.1%}" if total else "-"
