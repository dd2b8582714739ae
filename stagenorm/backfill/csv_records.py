"""Reading CSV (RFC 4180) record by record in bounded memory, each with its exact text, and replacing one cell of it.

What readers read differently is named, with its line, and not read: other encodings than UTF-8, NUL bytes, stray and
open quotes, records without end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import BinaryIO

from stagenorm.errors import DataFileError

MAX_RECORD = 1 << 24
"""The longest record that is read, in characters."""

_CELL = re.compile(r'"[^"]*(?:""[^"]*)*"|[^,\r\n]*')
_NEEDS_QUOTES = re.compile(r'[,"\r\n]')


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file.

    Attributes:
        line: where it begins, counted from 1.
        text: exactly as it stands in the file, its line ending (and on line 1 a byte order mark) included.
        cells: what it holds; none for a blank line.
    """

    line: int
    text: str
    cells: list[str]


def read_records(source: BinaryIO, name: str) -> Generator[Record, None, None]:
    """Read a file's records, the header among them.

    Args:
        source: the file. Exhaust or close the generator before closing it.
        name: what messages call it.

    Raises:
        DataFileError: a line cannot be read; the message names it.
    """
    lines = _Lines(source, name)
    try:
        for cells in csv.reader(lines, strict=True):
            yield Record(*lines.take(), cells)
    except csv.Error as error:
        raise DataFileError(
            f"{name}, line {lines.start}: the record that begins here is not CSV ({error}): "
            f"close every quote, double the quotes inside, and keep cells within {csv.field_size_limit():,} characters"
        ) from error
    finally:
        lines.release()


def replace_cell(record: str, place: int, value: str) -> str:
    """The text of a record with one cell replaced; every other character, quotes included, stays.

    Args:
        record: the text, as ``read_records`` gives it.
        place: of the cell, counted from 0.
        value: the new content.
    """
    start = 0
    for _ in range(place):
        start = _end_of_cell(record, start) + 1
    quoted = record.startswith('"', start) or _NEEDS_QUOTES.search(value)
    cell = '"' + value.replace('"', '""') + '"' if quoted else value
    return record[:start] + cell + record[_end_of_cell(record, start) :]


def _end_of_cell(record: str, start: int) -> int:
    found = _CELL.match(record, start)
    assert found  # an empty cell matches too
    return found.end()


class _Lines:
    """The lines of a file, checked one by one, and what they make up since they were last taken."""

    def __init__(self, source: BinaryIO, name: str) -> None:
        # Invalid bytes come through as lone surrogates, so that the line that holds them can be named.
        self._text = io.TextIOWrapper(source, encoding="utf-8", errors="surrogateescape", newline="")
        self._name = name
        self._held: list[str] = []
        self._size = 0
        self._number = 0
        self.start = 1

    def take(self) -> tuple[int, str]:
        """The line where the held text begins, and the text."""
        taken = self.start, "".join(self._held)
        self._held.clear()
        self._size = 0
        self.start = self._number + 1
        return taken

    def release(self) -> None:
        """Give the file back open, as it came: it is the caller's to close."""
        self._text.detach()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(MAX_RECORD + 1)
        except OSError as error:
            raise DataFileError(f"{self._name} cannot be read: {error.strerror}") from error
        if not line:
            raise StopIteration
        self._number += 1
        self._size += len(line)
        self._held.append(line)
        self._check(line)
        return line.removeprefix("\ufeff") if self._number == 1 else line

    def _check(self, line: str) -> None:
        if self._size > MAX_RECORD:
            raise DataFileError(
                f"{self._name}, line {self.start}: the record that begins here is longer than {MAX_RECORD:,} characters: "
                "is this CSV, and is every quote closed?"
            )
        if not line.isascii():
            self._check_encoding(line)
        if "\0" in line:
            raise DataFileError(f"{self._name}, line {self._number}: holds a NUL byte: save the file as CSV in UTF-8")

    def _check_encoding(self, line: str) -> None:
        try:
            line.encode()
        except UnicodeEncodeError as error:
            byte = ord(line[error.start]) - 0xDC00
            raise DataFileError(
                f"{self._name}, line {self._number}: byte 0x{byte:02X} is not UTF-8: save the file as UTF-8"
            ) from error
