"""Survey: what a column holds and what would become of it, read in one pass over its distinct values."""

from __future__ import annotations

from collections import Counter
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


@dataclass(slots=True)
class Tenant:
    """What the rows of one tenant hold.

    Attributes:
        tenant: its value as text, or None for the rows of no tenant.
        rows: all of them.
        changing: those that would change.
        unknown_rows: those whose value the vocabulary does not hold.
    """

    tenant: str | None
    rows: int = 0
    changing: int = 0
    unknown_rows: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """What a column holds.

    Attributes:
        rows: all rows of the target.
        nulls: rows without a value; they stay as they are.
        table_rows: all rows of its table, whatever the target's filter says.
        table_nulls: those of them without a value.
        canonical: the canonical values and how many rows hold each.
        changes: the aliases, the most frequent first.
        unknown_rows: rows whose value the vocabulary does not hold; they stay as they are.
        distinct_unknown: how many such values there are, at least.
        unknown: the most frequent of them, explained.
        tenants: the rows of each tenant, the one with most to change first; empty where the target names none.
    """

    rows: int
    nulls: int
    table_rows: int
    table_nulls: int
    canonical: dict[str, int]
    changes: tuple[Change, ...]
    unknown_rows: int
    distinct_unknown: int
    unknown: tuple[UnknownForm, ...]
    tenants: tuple[Tenant, ...]

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
    groups = [columns.exact] if columns.tenant is None else [columns.exact, sa.cast(columns.tenant, sa.Text)]
    counted = sa.select(sa.func.count(), *groups).select_from(columns.table).where(columns.wanted).group_by(*groups)
    census, nulls, unknown_rows = Census(normalizer), 0, 0
    canonical: Counter[str] = Counter()
    changes: Counter[tuple[str, str]] = Counter()
    tenants: dict[str | None, Tenant] = {}
    # A cursor: PostgreSQL counts without parallel workers then ("When Can Parallel Query Be Used?", PostgreSQL 16). They
    # would halve the time, and the service's updates would take three times theirs, 99 of 100 (measured on two cores).
    rows = connection.execution_options(stream_results=True, max_row_buffer=_FETCHED).execute(counted)
    for count, value, *of in rows:
        match = None if value is None else _add(census, value, count)
        unknown = match is None and value is not None
        if match is None:
            nulls += 0 if unknown else count
            unknown_rows += count if unknown else 0
        elif match.exact:
            canonical[match.value] += count
        else:
            changes[value, match.value] += count
        for tenant in of:
            its = tenants.setdefault(tenant, Tenant(tenant))
            its.rows += count
            its.changing += count if match is not None and not match.exact else 0
            its.unknown_rows += count if unknown else 0
    total = nulls + unknown_rows + canonical.total() + changes.total()
    table_rows, table_nulls = (total, nulls) if not columns.target.filter else _whole_table(connection, columns)
    return Survey(
        total,
        nulls,
        table_rows,
        table_nulls,
        {value: canonical[value] for value in normalizer.vocabulary if value in canonical},
        tuple(sorted((Change(*of, rows=count) for of, count in changes.items()), key=lambda it: (-it.rows, it.old))),
        unknown_rows,
        census.distinct_unknown,
        tuple(census.unknown_forms(_SHOWN)),
        tuple(sorted(tenants.values(), key=lambda it: (-it.changing, -it.unknown_rows, it.tenant or ""))),
    )


def _whole_table(connection: Connection, columns: Columns) -> tuple[int, int]:
    counted = sa.select(sa.func.count(), sa.func.count(columns.column)).select_from(columns.table)
    rows, values = connection.execute(counted).one()
    return rows, rows - values


def _add(census: Census, value: Any, count: int) -> Match | None:
    # SQLite lets any type stand in a column of text: it is unknown, and shown as it is written.
    return census.add(value if isinstance(value, str) else repr(value), count)
