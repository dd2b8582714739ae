"""How every command speaks: results to stdout, as text or as JSON, and progress to stderr.

Whatever comes from outside goes through ``printable``: it can neither break a line nor steer a terminal.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.normalizer import Unknown
from stagenorm.errors import DataFileError

_PIPED_WIDTH = 1000


def show_json(value: Any) -> None:
    """Print machine output: ASCII, so that every terminal and every lone surrogate survives it."""
    with _written():
        typer.echo(json_text(value), nl=False)


def show_json_line(value: Any) -> None:
    """Print one of several lines of machine output."""
    with _written():
        typer.echo(json.dumps(value))


def json_text(value: Any) -> str:
    """Machine output as it is printed and as it is written to files."""
    return json.dumps(value, indent=2) + "\n"


def printable(text: str) -> str:
    """A text on one line: characters that do not print are written as their escapes."""
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in text)


def number(value: float) -> str:
    """A count or a weight with thousands set apart; a weight that is not whole gets two decimals."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def console(*, stderr: bool = False) -> Console:
    """A console for one of the standard streams; plain text where NO_COLOR is set or no terminal listens."""
    return Console(stderr=stderr, color_system=None if os.environ.get("NO_COLOR") else "auto", highlight=False)


def show(what: str | Text | Table, *, stderr: bool = False) -> None:
    """Print a line (never broken) or a table."""
    screen = console(stderr=stderr)
    shown = cell(what) if isinstance(what, str) else what
    if screen.is_terminal:
        screen.print(shown, soft_wrap=isinstance(shown, Text))
        return
    # A file or another program has no margin to wrap at, and no use for what fills a table's lines up.
    screen.width = _PIPED_WIDTH
    with _written():
        with screen.capture() as capture:
            screen.print(shown, soft_wrap=isinstance(shown, Text))
        for line in capture.get().splitlines():
            typer.echo(line.rstrip(" "), err=stderr)


@contextmanager
def _written() -> Iterator[None]:
    """What is printed to a file or another program. Raises DataFileError if that takes no more, such as a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:  # a reader that went away is Typer's to end with
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in it fails no second time
        raise DataFileError(f"standard output cannot be written: {error.strerror}") from error


def table(*columns: str, numeric: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Table:
    """An empty table in the one style that all commands share.

    Args:
        columns: their headings.
        numeric: the columns that are set flush right.
        whole: the columns that are never folded, however narrow the terminal is.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        justify: JustifyMethod = "right" if column in numeric else "left"
        made.add_column(Text(column), justify=justify, overflow="fold", no_wrap=column in whole)
    return made


def cell(text: str, style: str = "") -> Text:
    """Text from outside for a table: no markup is read in it."""
    return Text(printable(text), style)


def form(raw: object) -> Text:
    """A written form for a table: in quotes where nothing of it could be seen."""
    text = str(raw)
    return cell(text if text.strip() else f'"{text}"')


def conclusion(what: Conclusion) -> Text:
    """PASS, FAIL or HOLD, in its colour."""
    return Text(what.value, {Conclusion.PASS: "green", Conclusion.FAIL: "bold red", Conclusion.HOLD: "yellow"}[what])


def why_unknown(unknown: Unknown) -> dict[str, Any]:
    """Why a written form is refused, for machines."""
    return {
        "reason": unknown.reason.value,
        "explanation": unknown.explanation,
        "suggestions": list(unknown.suggestions),
    }
