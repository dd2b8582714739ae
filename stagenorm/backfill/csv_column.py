"""One column of a CSV file, counted against a vocabulary and, if wanted, written normalized."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from typing import BinaryIO

from stagenorm.backfill.csv_records import Record, read_records, replace_cell
from stagenorm.errors import DataFileError
from stagenorm.observe.census import Census


def normalize_column(
    source: BinaryIO, name: str, column: str, census: Census, *, weight: str | None = None, out: BinaryIO | None = None
) -> None:
    """Count a column's values, and write the file with every alias of that column replaced and all else as it was.

    Args:
        source: the file, with a header line.
        name: what messages call it.
        column: the column's name, to the letter.
        census: counts the values.
        weight: the column that holds how much a row counts; None counts each row once.
        out: takes the file normalized; unknown values stay as they are.

    Raises:
        DataFileError: a line cannot be read, a column is not there, or a weight is no number.
    """
    with closing(read_records(source, name)) as records:
        header = next(records, None)
        if header is None or not header.cells:
            raise DataFileError(f"{name}: line 1 is no header: it must name the columns")
        place = _place(header.cells, column, name)
        weight_place = None if weight is None else _place(header.cells, weight, name)
        if out:
            out.write(header.text.encode())
        for record in records:
            text = record.text
            if record.cells:
                _check_width(record, header, name)
                counts = 1 if weight_place is None else _weight(record, weight_place, name)
                match = census.add(record.cells[place], counts)
                if out and match and not match.exact:
                    text = replace_cell(text, place, match.value)
            if out:
                out.write(text.encode())


def _check_width(record: Record, header: Record, name: str) -> None:
    if len(record.cells) != len(header.cells):
        raise DataFileError(
            f"{name}, line {record.line}: {len(record.cells)} cells under {len(header.cells)} columns: "
            "quote cells that hold commas, and leave none out"
        )


def _place(header: Sequence[str], column: str, name: str) -> int:
    if header.count(column) != 1:
        times = "several columns" if column in header else "no column"
        there = ", ".join(map(ascii, header))
        raise DataFileError(f"{name}: {times} named {column!a}: name one of {there}")
    return header.index(column)


def _weight(record: Record, place: int, name: str) -> float:
    text = record.cells[place]
    try:
        number = int(text) if text.isdecimal() else float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise DataFileError(
            f"{name}, line {record.line}: the weight {text[:64]!a} is no number from 0 up: correct it, or name another column"
        )
    return number
