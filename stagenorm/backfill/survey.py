"""Survey: what a column holds and what would become of it, read in one pass over its distinct values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagenorm.backfill.columns import Columns
from stagenorm.backfill.database import Connection
from stagenorm.core.normalizer import Match, Normalizer
from stagenorm.observe.census import Census, UnknownForm

_FETCHED = 5_000
_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Change:
    """One written form that would become canonical.

    Attributes:
        old: as it stands.
        new: the canonical value.
        rows: how many rows hold it.
    """

    old: str
    new: str
    rows: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What a column holds.

    Attributes:
        rows: all rows of the target.
        nulls: rows without a value; they stay as they are.
        canonical: the canonical values and how many rows hold each.
        changes: the aliases, the most frequent first.
        unknown_rows: rows whose value the vocabulary does not hold; they stay as they are.
        distinct_unknown: how many such values there are, at least.
        unknown: the most frequent of them, explained.
    """

    rows: int
    nulls: int
    canonical: dict[str, int]
    changes: tuple[Change, ...]
    unknown_rows: int
    distinct_unknown: int
    unknown: tuple[UnknownForm, ...]

    @property
    def changing(self) -> int:
        """How many rows would change."""
        return sum(change.rows for change in self.changes)

    @property
    def mapping(self) -> dict[str, str]:
        """Each alias with its canonical value."""
        return {change.old: change.new for change in self.changes}


def survey(connection: Connection, columns: Columns, normalizer: Normalizer) -> Survey:
    """Read the distinct values of a target, and normalize each once.

    Args:
        connection: to read with; nothing is changed.
        columns: of the target.
        normalizer: of the vocabulary.
    """
    counted = sa.select(columns.exact, sa.func.count()).where(columns.wanted).group_by(columns.exact)
    counted = counted.select_from(columns.table)
    census, nulls, unknown_rows = Census(normalizer), 0, 0
    canonical: dict[str, int] = {}
    changes = []
    rows = connection.execution_options(stream_results=True, max_row_buffer=_FETCHED).execute(counted)
    for value, count in rows:
        if value is None:
            nulls = count
            continue
        match = _add(census, value, count)
        if match is None:
            unknown_rows += count
        elif match.exact:
            canonical[match.value] = count
        else:
            changes.append(Change(value, match.value, count))
    changes.sort(key=lambda change: (-change.rows, change.old))
    total = nulls + unknown_rows + sum(canonical.values()) + sum(change.rows for change in changes)
    ordered = {value: canonical[value] for value in normalizer.vocabulary if value in canonical}
    return Survey(
        total,
        nulls,
        ordered,
        tuple(changes),
        unknown_rows,
        census.distinct_unknown,
        tuple(census.unknown_forms(_SHOWN)),
    )


def _add(census: Census, value: Any, count: int) -> Match | None:
    # SQLite lets any type stand in a column of text: it is unknown, and shown as it is written.
    return census.add(value if isinstance(value, str) else repr(value), count)
