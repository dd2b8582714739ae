"""Counting: the tables of a database, their rows, and the distinct values of a column."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from stagenorm.backfill.columns import exact
from stagenorm.backfill.database import Connection, query
from stagenorm.backfill.target import Target

_TABLES = (
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' "
    "ORDER BY 1, 2"
)
_SQLITE_TABLES = (
    "SELECT NULL, name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 2"
)


def table_names(connection: Connection) -> list[tuple[str | None, str]]:
    """Schema and name of every table of users."""
    asked = _SQLITE_TABLES if connection.dialect.name == "sqlite" else _TABLES
    rows: list[Any] = list(query(connection, asked))
    return [(schema, name) for schema, name in rows]


def count_rows(connection: Connection, name: str, schema: str | None = None) -> int:
    """How many rows a table has."""
    counted = connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name, schema=schema)))
    assert counted is not None
    return counted


def count_values(connection: Connection, target: Target) -> dict[str, int]:
    """Each distinct value of a column as JSON-safe text, with its rows; the filter does not count here.

    Text stands as it is behind a colon, NULL is ``null``, and what SQLite lets stand in a column of text is its repr.
    """
    table = sa.table(target.table, sa.column(target.column), schema=target.schema)
    value = exact(connection, table.c[target.column])
    rows = connection.execute(sa.select(value, sa.func.count()).select_from(table).group_by(value))
    return {_told(each): count for each, count in rows}


def _told(value: object) -> str:
    return "null" if value is None else f":{value}" if isinstance(value, str) else repr(value)
