"""Progress of a run or a revert while it goes: a bar on a terminal, lines of JSON for machines, and how it is ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

from stagenorm.cli import output

if TYPE_CHECKING:
    from stagenorm.backfill.walk import Progress


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


@contextmanager
def following(*, json: bool) -> Iterator[tuple[Callable[[Progress], None], Event]]:
    """Show progress on stderr, or as JSON lines on stdout, and let Ctrl-C and SIGTERM end the work after its batch.

    A second signal ends it at once: nothing of the batch that it was in stays.

    Args:
        json: lines of JSON instead of a bar.

    Yields:
        What to call with progress, and what is set when the work is to end.
    """
    console = output.console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    shown = console.is_terminal and not json
    with Bar(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("reading", total=None)
        # Nothing is written where a signal arrives: it may be in the middle of other output. The bar shows it.
        with _stopping(
            partial(bar.update, task, description="ends after this batch, or at once if told again")
        ) as stop:
            try:
                yield (_lines() if json else _moving(bar, task, shown=shown)), stop
            except KeyboardInterrupt:
                output.show(
                    "ended at once: nothing of the batch that it was in stays; the same command goes on with it",
                    stderr=True,
                )
                raise


def _moving(bar: Bar, task: Any, *, shown: bool) -> Callable[[Progress], None]:
    begun = False

    def tell(progress: Progress) -> None:
        nonlocal begun
        passed, total = progress.at.rows_seen, max(progress.total, progress.at.rows_seen)
        if not begun:  # what an earlier process passed is no part of this one's rate
            bar.reset(task, total=total, completed=passed)
            begun = True
        bar.update(task, total=total, completed=passed, description="paused" if progress.pause else "rows")
        if progress.pause and shown:
            bar.console.print(output.cell(f"paused: {progress.pause}"))
        elif progress.pause:
            output.show(f"paused: {progress.pause}", stderr=True)

    return tell


def _lines() -> Callable[[Progress], None]:
    first: tuple[float, int] | None = None

    def tell(progress: Progress) -> None:
        nonlocal first
        first = first or (monotonic(), progress.at.rows_seen)
        seconds, passed = monotonic() - first[0], progress.at.rows_seen - first[1]
        rate = passed / seconds if passed and seconds else None
        left = max(progress.total - progress.at.rows_seen, 0)
        told = {
            **asdict(progress.at),
            "total": progress.total,
            "size": progress.size,
            "rate": rate,
            "remaining_seconds": left / rate if rate else None,
            "pause": progress.pause,
        }
        output.show_json_line(told)

    return tell


@contextmanager
def _stopping(tell: Callable[[], None]) -> Iterator[Event]:
    stop = Event()
    before: dict[signal.Signals, Any] = {}

    def ask(*_: object) -> None:
        stop.set()
        put_back()
        tell()

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, ask)
    try:
        yield stop
    finally:
        put_back()
