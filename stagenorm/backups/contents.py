"""Contents: what a database holds, told so that a restored copy can be held against it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stagenorm.backfill.counting import count_rows, count_values, table_names
from stagenorm.backfill.database import Connection
from stagenorm.backfill.target import Target, qualified


def contents(connection: Connection, targets: Iterable[Target]) -> dict[str, Any]:
    """Row counts of every table, and each distinct value of some columns with its count.

    Args:
        connection: to read with; all of it should be one snapshot.
        targets: the columns to be changed.

    Returns:
        What JSON can hold: ``tables`` and ``columns``, each by name.
    """
    tables = table_names(connection)
    return {
        "tables": {qualified(schema, name): count_rows(connection, name, schema) for schema, name in tables},
        "columns": {target.name: count_values(connection, target) for target in targets},
    }


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What a restored database has otherwise than its manifest says, in words; empty if nothing."""
    said = [
        f"table {name}: {_of(found['tables'].get(name))}, not {_of(expected['tables'].get(name))}"
        for name in sorted({*expected["tables"], *found["tables"]})
        if expected["tables"].get(name) != found["tables"].get(name)
    ]
    said += [
        f"column {name}: its values are not those of the manifest"
        for name in sorted(expected["columns"])
        if expected["columns"][name] != found["columns"].get(name)
    ]
    return said


def _of(rows: int | None) -> str:
    return "not there" if rows is None else f"{rows:,} rows"
