"""Options that say how a run or a revert behaves: its batches, and what pauses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from stagenorm.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm.backfill.throttle import Throttle
    from stagenorm.backfill.walk import Conduct, Progress


@dataclass(frozen=True)
class ConductOptions:
    """How to behave."""

    batch_size: Annotated[int, typer.Option("--batch-size", metavar="N", help="Rows of the first batch.", min=1)] = (
        5_000
    )
    batch_seconds: Annotated[
        float,
        typer.Option(
            "--batch-seconds", metavar="SECONDS", help="How long a batch may hold its locks, about.", min=0.001
        ),
    ] = 0.1
    largest_batch: Annotated[
        int, typer.Option("--largest-batch", metavar="N", help="Rows that no batch exceeds.", min=1)
    ] = 50_000
    max_lag: Annotated[
        float | None, typer.Option("--max-lag", metavar="SECONDS", help="Pause while a replica is behind.", min=0)
    ] = None
    load_query: Annotated[
        str, typer.Option("--load-query", metavar="SQL", help="Pause while this number is over --max-load.")
    ] = ""
    max_load: Annotated[
        float, typer.Option("--max-load", metavar="N", help="The highest good answer of --load-query.")
    ] = 0
    pause_file: Annotated[
        Path | None, typer.Option("--pause-file", metavar="FILE", help="Pause while this file is there.")
    ] = None
    window: Annotated[str, typer.Option("--window", metavar="HH:MM-HH:MM", help="Pause outside this time of day.")] = ""
    transactional: Annotated[
        bool, typer.Option("--transactional", help="All in one transaction instead of batches.")
    ] = False

    def conduct(self, tell: Callable[[Progress], None], stop: Event) -> Conduct:
        """What they stand for. Wrong usage if they contradict each other.

        Args:
            tell: called with progress.
            stop: set by whoever wants it to end after the batch.
        """
        from stagenorm.backfill.pace import Pace  # noqa: PLC0415 - beside its user
        from stagenorm.backfill.walk import Conduct  # noqa: PLC0415 - an extra

        size = self.batch_size
        try:
            pace = Pace(size, min(10, size), max(self.largest_batch, size), self.batch_seconds)
            return Conduct(pace, self._throttles(), self.transactional, stop, tell)
        except ConfigurationError as error:
            raise typer.BadParameter(str(error)) from error

    def _throttles(self) -> list[Throttle]:
        from stagenorm.backfill import throttle  # noqa: PLC0415 - an extra

        chosen: list[Throttle] = []
        if self.window:
            chosen.append(throttle.Window.parse(self.window))
        if self.pause_file:
            chosen.append(throttle.PauseFile(self.pause_file))
        if self.max_lag is not None:
            chosen.append(throttle.replica_lag(self.max_lag))
        if self.load_query:
            chosen.append(throttle.LoadQuery(self.load_query, self.max_load))
        return chosen
