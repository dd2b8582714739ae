"""Throttles: what makes a run pause between two batches. One that cannot be read pauses too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from stagenorm.backfill.database import Connection, said
from stagenorm.errors import ConfigurationError


class Throttle(Protocol):
    """Says between two batches whether to wait."""

    def reason(self, connection: Connection) -> str | None:
        """Why to wait, or None to go on."""


@dataclass(frozen=True, slots=True)
class PauseFile:
    """Waits while a file is there.

    Attributes:
        path: of the file.
    """

    path: Path

    def reason(self, connection: Connection) -> str | None:  # noqa: ARG002 - the protocol's
        """Why to wait, or None to go on."""
        try:
            self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{self.path} cannot be looked for: {error.strerror}"
        return f"{self.path} is there"


@dataclass(frozen=True, slots=True)
class LoadQuery:
    """Waits while a number that the database tells is too high.

    Attributes:
        sql: a query of one number.
        most: the highest that is good.
        what: what people call it.
    """

    sql: str
    most: float
    what: str = "the load query"

    def reason(self, connection: Connection) -> str | None:
        """Why to wait, or None to go on."""
        try:
            with connection.begin():
                found = connection.execute(sa.select(sa.literal_column(f"({self.sql}\n)"))).scalar()
        except sa.exc.SQLAlchemyError as error:
            if getattr(error, "connection_invalidated", False):
                raise  # the run's lock went with its connection: the walk takes both anew
            return f"{self.what} cannot be read: {said(error)}"
        if found is None:
            return f"{self.what} tells nothing"
        try:
            return None if float(found) <= self.most else f"{self.what} is at {float(found):g}, over {self.most:g}"
        except (TypeError, ValueError):
            return f"{self.what} tells {found!a}, which is no number"


_LAG = (
    "SELECT COALESCE(MAX(CASE WHEN state = 'streaming' THEN COALESCE(EXTRACT(EPOCH FROM replay_lag), 0) "
    "ELSE 'Infinity'::float8 END), 0) FROM pg_stat_replication"
)


def replica_lag(most: float) -> LoadQuery:
    """Waits while a replica of this PostgreSQL server is behind. It needs the role pg_monitor.

    Args:
        most: seconds.
    """
    return LoadQuery(_LAG, most, "replica lag")


@dataclass(frozen=True, slots=True)
class Window:
    """Waits outside a time of day, in this machine's local time.

    Attributes:
        begin: when it opens.
        end: when it closes; before begin means on the next day.
        clock: tells the time.
    """

    begin: time
    end: time
    clock: Callable[[], datetime] = datetime.now

    @classmethod
    def parse(cls, text: str) -> Window:
        """A window such as ``22:00-06:00``. Raises ConfigurationError if it is none."""
        try:
            begin, end = (datetime.strptime(part.strip(), "%H:%M").time() for part in text.split("-"))  # noqa: DTZ007 - a time of day
        except ValueError as error:
            raise ConfigurationError(f"{text!a} is no time window: write 22:00-06:00") from error
        return cls(begin, end)

    def reason(self, connection: Connection) -> str | None:  # noqa: ARG002 - the protocol's
        """Why to wait, or None to go on."""
        now = self.clock().time()
        inside = self.begin <= now < self.end if self.begin <= self.end else now >= self.begin or now < self.end
        return None if inside else f"outside {self.begin:%H:%M}-{self.end:%H:%M}"
