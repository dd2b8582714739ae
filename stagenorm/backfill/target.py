"""Target: which column of which table is to become canonical, and by which key its rows are walked."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from stagenorm.errors import ConfigurationError

_NAME = re.compile(r'(?:"((?:[^"]|"")+)"|([^".]+))(?:\.|$)')


@dataclass(frozen=True, slots=True)
class Target:
    """One column of one table.

    Attributes:
        table: its name, to the letter.
        column: whose values become canonical.
        key: the columns that name a row, in order; empty means the primary key.
        schema: of the table, or None for the connection's own.
        filter: an SQL condition on the rows, or empty for all of them. It is the operator's, and run as it stands.
    """

    table: str
    column: str
    key: tuple[str, ...] = ()
    schema: str | None = None
    filter: str = ""

    @classmethod
    def parse(cls, table: str, column: str, key: str = "", condition: str = "") -> Target:
        """A target as it is written on a command line.

        Args:
            table: ``table`` or ``schema.table``; a part that holds a dot stands in double quotes.
            column: the column.
            key: key columns with commas between.
            condition: an SQL condition.

        Raises:
            ConfigurationError: a name is empty or has too many parts.
        """
        parts = _parts(table)
        if len(parts) not in {1, 2} or not column.strip():
            raise ConfigurationError(
                f"{table!a}, {column!a}: write TABLE or SCHEMA.TABLE and a column, a name that holds a dot in double quotes"
            )
        keys = tuple(name.strip() for name in key.split(",") if name.strip())
        return cls(parts[-1], column, keys, parts[0] if len(parts) == 2 else None, condition.strip())

    @property
    def name(self) -> str:
        """How people are told of it."""
        return f"{f'{self.schema}.' if self.schema else ''}{self.table}.{self.column}"

    @property
    def as_json(self) -> str:
        """The whole of it, for the control table."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Target:
        """What ``as_json`` wrote."""
        content = json.loads(text)
        return cls(**{**content, "key": tuple(content["key"])})

    @property
    def lock_number(self) -> int:
        """A signed 64-bit number that stands for the table and column, whatever key or filter a run has."""
        digest = hashlib.sha256(f"stagenorm backfill {self.table} {self.column}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


def _parts(table: str) -> list[str]:
    found, place = [], 0
    while place < len(table):
        part = _NAME.match(table, place)
        if part is None:
            return []
        found.append(part[1].replace('""', '"') if part[1] else part[2])
        place = part.end()
    return [] if table.endswith(".") else found
