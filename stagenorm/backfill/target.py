"""Target: which column of which table is to become canonical, and by which key its rows are walked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
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
        tenant: a column whose values the counts are told apart by, or empty. It changes nothing else.
    """

    table: str
    column: str
    key: tuple[str, ...] = ()
    schema: str | None = None
    filter: str = ""
    tenant: str = ""

    @classmethod
    def parse(
        cls, table: str, column: str, key: Sequence[str] = (), *, condition: str = "", tenant: str = ""
    ) -> Target:
        """A target as people write it.

        Args:
            table: ``table`` or ``schema.table``; a part that holds a dot or a double quote stands in double quotes, its
                own doubled.
            column: the column.
            key: the key's columns.
            condition: an SQL condition.
            tenant: the column of tenants.

        Raises:
            ConfigurationError: a name is empty or has too many parts, or something is not text.
        """
        for each in (table, column, *key, condition, tenant):
            if not each.isascii() and re.search("[\ud800-\udfff]", each):
                raise ConfigurationError(f"{each!a} is not UTF-8: write it in UTF-8")
        parts = _parts(table)
        if len(parts) not in {1, 2} or not column.strip():
            raise ConfigurationError(
                f"{table!a}, {column!a}: write TABLE or SCHEMA.TABLE and a column, a name that holds a dot or a double quote "
                "in double quotes, and its own doubled"
            )
        return cls(parts[-1], column, tuple(key), parts[0] if len(parts) == 2 else None, condition.strip(), tenant)

    @property
    def table_name(self) -> str:
        """Its table, with its schema where it has one, as ``parse`` reads it."""
        return qualified(self.schema, self.table)

    @property
    def name(self) -> str:
        """How people are told of it."""
        return f"{self.table_name}.{self.column}"

    @property
    def described(self) -> str:
        """The same, and which of its rows."""
        return f"{self.name} where {self.filter}" if self.filter else f"all of {self.name}"

    @property
    def as_json(self) -> str:
        """What decides which rows change and to what, for the control table: all but the tenant."""
        content = asdict(self)
        del content["tenant"]
        return json.dumps(content, sort_keys=True)

    def same_rows(self, other: Target) -> bool:
        """Whether it means the same column of the same rows, by whichever key they are walked."""
        return (self.name, self.filter) == (other.name, other.filter)

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


def qualified(schema: str | None, table: str) -> str:
    """A table's name that no other table has: a part that holds a dot or a quote stands in double quotes."""
    parts = [schema, table] if schema else [table]
    return ".".join('"' + part.replace('"', '""') + '"' if set(part) & set('."') else part for part in parts)


def _parts(table: str) -> list[str]:
    found, place = [], 0
    while place < len(table):
        part = _NAME.match(table, place)
        if part is None:
            return []
        found.append(part[1].replace('""', '"') if part[1] else part[2])
        place = part.end()
    return [] if table.endswith(".") else found
