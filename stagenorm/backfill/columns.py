"""Columns: a target as its database has it, checked, and the expressions that name its rows and values.

Values are compared byte for byte whatever collation, case folding or padding the column has.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, types

from stagenorm.backfill.database import Connection, Database, passes, said
from stagenorm.backfill.target import Target
from stagenorm.errors import BackfillRefusedError


class _Named(types.UserDefinedType[Any]):
    """A type by the name that the server itself gave it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_options: Any) -> str:
        return self.name.replace("%", "%%")  # the driver's placeholders begin with it


class Columns:
    """The table, column and key of a target.

    Args:
        database: where it is.
        connection: to look it up with.
        target: what was asked for; an empty key becomes the primary key.

    Attributes:
        postgresql: whether that is what the database is; otherwise it is SQLite.
        target: with its key filled in, and on PostgreSQL its schema.
        table: the table, without any type: nothing is converted on the way.
        column: the column.
        keys: the key's columns.
        tenant: the column of tenants, or None.
        checks: CHECK constraints that mention the column, as the database words them.
        labels: of an enum column, its labels; otherwise None.

    Raises:
        BackfillRefusedError: the table, column or key cannot be worked with, and why. Filter and rows are not looked at.
    """

    def __init__(self, database: Database, connection: Connection, target: Target) -> None:
        self.postgresql = database.kind == "postgresql"
        inspector = sa.inspect(connection)
        target, described = _resolved(database, connection, inspector, target)
        self.target = dataclasses.replace(target, key=target.key or self._primary(inspector, target))
        _require(target, described, (*self.target.key, *([target.tenant] if target.tenant else [])))
        unfit: set[str] = set()
        self._type_names: dict[str, str] = {}
        if self.postgresql:
            oid = {"oid": connection.scalar(sa.text(_OID), {"schema": target.schema, "table": target.table})}
            for asked, why in _NOT_ITS_ROWS.items():
                if connection.scalar(sa.text(asked), oid):
                    raise BackfillRefusedError(f"{target.table_name}: {why}")
            unfit = set(connection.scalars(sa.text(_UNFIT_INDEXES), oid))
            self._type_names = {row.attname: row.name for row in connection.execute(sa.text(_TYPES), oid)}
        self._refuse_bad_key(inspector, target, unfit)
        if odd := [name for name in described if name.startswith("stagenorm_")]:
            raise BackfillRefusedError(
                f"{target.table_name} has a column {odd[0]!a}: names that begin with stagenorm_ are those of a batch's parameters"
            )
        if described[target.column].get("computed"):
            raise BackfillRefusedError(f"{target.name} is generated: change the column that it is made from")
        self.table = sa.table(target.table, *map(sa.column, described), schema=target.schema)
        self.column = self.table.c[target.column]
        self.keys = tuple(self.table.c[name] for name in self.target.key)
        self.tenant = self.table.c[target.tenant] if target.tenant else None
        self.labels = self._labels(described[target.column]["type"])
        self.checks = tuple(
            each["sqltext"]
            for each in inspector.get_check_constraints(target.table, schema=target.schema)
            if target.column in each["sqltext"]
        )

    def _primary(self, inspector: Any, target: Target) -> tuple[str, ...]:
        found = tuple(inspector.get_pk_constraint(target.table, schema=target.schema)["constrained_columns"])
        if not found:
            raise BackfillRefusedError(f"{target.table_name} has no primary key: name a unique key with --key")
        return found

    def _refuse_bad_key(self, inspector: Any, target: Target, unfit: Collection[str]) -> None:
        key = set(self.target.key)
        where = {"table_name": target.table, "schema": target.schema}
        primary = inspector.get_pk_constraint(**where)
        unique = [primary["constrained_columns"]] if primary["name"] not in unfit else []
        unique += [
            each["column_names"] for each in inspector.get_unique_constraints(**where) if each["name"] not in unfit
        ]
        unique += [
            each["column_names"]
            for each in inspector.get_indexes(**where)
            if each["unique"]
            and each["name"] not in unfit
            and not each.get("dialect_options", {}).get(f"{inspector.dialect.name}_where")
        ]
        if not any(columns and set(columns) == key for columns in unique):
            raise BackfillRefusedError(
                f"{target.table_name}: ({', '.join(self.target.key)}) is not unique: name the columns of a primary key or of a "
                "whole unique constraint with --key, or the rows cannot be told apart"
            )
        if target.column in key:
            raise BackfillRefusedError(f"{target.name} is part of the key: a row would lose its name when it changes")

    def _labels(self, type_: Any) -> tuple[str, ...] | None:
        if isinstance(type_, types.Enum) and self.postgresql:
            return tuple(type_.enums)
        if self.postgresql and isinstance(type_, types.ARRAY | types.JSON | types.Integer | types.Numeric | types.Date):
            raise BackfillRefusedError(
                f"{self.target.name} is {type_}: only a column of text or of an enum can be worked on"
            )
        return None

    def refuse_bad_rows(self, connection: Connection) -> None:
        """Look at the filter and the keys before rows are walked.

        Raises:
            BackfillRefusedError: the filter is no condition, or there are keys that name no row.
        """
        if self.target.filter:
            self._refuse_bad_filter(connection)
        for key in self.keys:
            if connection.scalar(sa.select(sa.exists().where(key.is_(None)))):
                raise BackfillRefusedError(
                    f"{self.target.table_name}: {key.name} is NULL in some rows, which no key can name: give them one"
                )
            if not self.postgresql:
                found_again = sa.func.json_extract(sa.func.json_array(key), "$[0]")
                lost = sa.collate(found_again, "BINARY").is_distinct_from(key)
                odd = sa.case((sa.func.typeof(key).in_(("blob", "real")), sa.true()), else_=lost)
                if connection.scalar(sa.select(sa.exists().where(odd))):
                    raise BackfillRefusedError(
                        f"{self.target.table_name}: {key.name} holds BLOBs, REALs or NULs: name a key of integers or text"
                    )

    def _refuse_bad_filter(self, connection: Connection) -> None:
        # What fails without it is not the filter's.
        connection.execute(sa.select(sa.literal(1)).select_from(self.table).limit(0))
        # As it stands it is no SQL if it closes a bracket that it did not open; in brackets, if it is more than a condition.
        condition: Any
        for condition in (sa.literal_column(f"{self.target.filter}\n"), self.wanted):
            nothing = sa.select(sa.literal(1)).select_from(self.table).where(condition).limit(0)
            try:
                connection.execute(nothing)
            except exc.DBAPIError as error:
                if passes(error):
                    raise
                raise BackfillRefusedError(
                    f"the filter {self.target.filter!a} is no condition: {said(error)}: correct it, and close all of its brackets"
                ) from error

    @property
    def exact(self) -> Any:
        """The value of the column, comparable only to the letter."""
        return _exact(self.column, postgresql=self.postgresql)

    @property
    def wanted(self) -> Any:
        """The filter as a condition."""
        # The line break keeps a comment in the filter from swallowing the bracket.
        return sa.literal_column(f"({self.target.filter}\n)") if self.target.filter else sa.true()

    def stored(self, value: Any) -> Any:
        """A text expression as what the column takes: never cut to fit, as a cast to varchar(n) would."""
        if self.labels is None:
            return value
        return sa.cast(value, _Named(self._type_names[self.target.column]))

    def encoded(self, columns: Sequence[Any] | None = None) -> Any:
        """A row's key as a JSON array in text: of numbers and strings on SQLite, of strings on PostgreSQL."""
        keys = self.keys if columns is None else columns
        if self.postgresql:
            return sa.cast(sa.func.json_build_array(*(sa.cast(key, sa.Text) for key in keys)), sa.Text)
        return sa.func.json_array(*keys)

    def written(self, parts: Sequence[str | int]) -> str:
        """The parts of a key as ``encoded`` gives them."""
        return json.dumps([str(part) for part in parts] if self.postgresql else list(parts))

    def decoded(self, text: Any) -> tuple[Any, ...]:
        """The parts of an encoded key in SQL, each of its column's type."""
        if self.postgresql:
            parts = (
                sa.cast(sa.cast(text, types.JSON), types.JSON).op("->>", return_type=sa.Text())(
                    sa.literal_column(str(place))
                )
                for place in range(len(self.keys))
            )
            return tuple(
                sa.cast(part, _Named(self._type_names[key.name])) for part, key in zip(parts, self.keys, strict=True)
            )
        return tuple(sa.func.json_extract(text, f"$[{place}]") for place in range(len(self.keys)))

    def named_by(self, text: Any) -> Any:
        """The condition of the one row that an encoded key in SQL names."""
        parts = list(zip(self.keys, self.decoded(text), strict=True))
        same = [key == part for key, part in parts]
        if not self.postgresql:  # a unique index may tell letters apart that its column does not
            same += [sa.collate(key, "BINARY") == part for key, part in parts]
        return sa.and_(*same)

    def _bound(self, name: str) -> Any:
        parts: list[Any]
        if self.postgresql:
            parts = [
                sa.cast(sa.bindparam(f"{name}_{place}", type_=sa.Text()), _Named(self._type_names[key.name]))
                for place, key in enumerate(self.keys)
            ]
        else:
            parts = [sa.bindparam(f"{name}_{place}") for place in range(len(self.keys))]
        return parts[0] if len(parts) == 1 else sa.tuple_(*parts)

    @property
    def _place(self) -> Any:
        return self.keys[0] if len(self.keys) == 1 else sa.tuple_(*self.keys)

    def after(self, name: str) -> Any:
        """The condition of the rows behind a key, which ``parameters`` of that name tell."""
        return self._place > self._bound(name)

    def up_to(self, name: str) -> Any:
        """The condition of the rows up to a key, it included, which ``parameters`` of that name tell."""
        return self._place <= self._bound(name)

    def could_hold(self, connection: Connection, encoded: str) -> bool:
        """Whether a key is of its columns' types: the database takes it, and SQLite has keys of its kind."""
        asked = [self.after("stagenorm_tried")]
        if not self.postgresql:
            kinds = (sa.func.typeof(sa.bindparam(f"stagenorm_tried_{place}")) for place in range(len(self.keys)))
            asked = [sa.func.typeof(key) == kind for key, kind in zip(self.keys, kinds, strict=True)]
        try:
            found = connection.scalar(sa.select(sa.exists().where(*asked)), self.parameters("stagenorm_tried", encoded))
        except (exc.DataError, OverflowError, UnicodeError):
            return False
        return self.postgresql or bool(found)

    @staticmethod
    def parameters(name: str, encoded: str) -> dict[str, Any]:
        """What a statement with a condition on a key is executed with.

        Names of parameters begin with ``stagenorm_``, for in an UPDATE they could mean columns; the table may have none such.
        """
        return {f"{name}_{place}": part for place, part in enumerate(json.loads(encoded))}


_TABLE = (
    "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relname = :table AND c.relkind IN ('r', 'p') "
    "AND CASE WHEN CAST(:schema AS text) IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = :schema END"
)
_SQLITE_TABLE = (
    "SELECT NULL AS schema, name FROM sqlite_master WHERE type = 'table' AND name = :table COLLATE NOCASE "
    "AND COALESCE(:schema, 'main') = 'main'"
)


_OID = (
    "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = :schema AND c.relname = :table"
)
_TYPES = (
    "SELECT attname, format_type(atttypid, atttypmod) AS name FROM pg_attribute "
    "WHERE attrelid = :oid AND attnum > 0 AND NOT attisdropped"
)
_NOT_ITS_ROWS = {
    "SELECT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent WHERE c.oid = :oid AND c.relkind = 'r')": (
        "tables inherit from it, and its key does not tell their rows apart: make them partitions of one table"
    ),
    "SELECT row_security_active(CAST(:oid AS oid))": (
        "row security may hide rows of it from this role: take a superuser, or a role with BYPASSRLS"
    ),
}
# CREATE INDEX CONCURRENTLY leaves an invalid one where it fails; where the column's collation takes different texts for
# equal, only an index of that collation tells which rows a comparison finds.
_UNFIT_INDEXES = (
    "SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid "
    "WHERE i.indrelid = :oid AND (NOT i.indisvalid OR EXISTS ("
    "SELECT FROM unnest(CAST(i.indkey AS int2[]), CAST(i.indcollation AS oid[])) AS k (number, collation_) "
    "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number JOIN pg_collation c ON c.oid = a.attcollation "
    "WHERE NOT c.collisdeterministic AND k.collation_ <> a.attcollation))"
)


def resolved(database: Database, connection: Connection, target: Target) -> Target:
    """A target that is there, its table named in full as it is stored: another search path or spelling means no other.

    Args:
        database: where it is.
        connection: to look it up with.
        target: as it was asked for.

    Raises:
        BackfillRefusedError: there is no such table or column.
    """
    return _resolved(database, connection, sa.inspect(connection), target)[0]


def _resolved(
    database: Database, connection: Connection, inspector: Any, target: Target
) -> tuple[Target, dict[str, Any]]:
    """The same, and the columns of its table as the inspector describes them."""
    asked = _TABLE if database.kind == "postgresql" else _SQLITE_TABLE
    found = connection.execute(sa.text(asked), {"table": target.table, "schema": target.schema}).first()
    if found is None:
        raise BackfillRefusedError(f"{database.name} has no table {target.table_name}: check its name and schema")
    target = dataclasses.replace(target, schema=found.schema, table=found.name)
    described = {each["name"]: each for each in inspector.get_columns(target.table, schema=target.schema)}
    _require(target, described, [target.column])
    return target, described


def _require(target: Target, columns: Collection[str], names: Iterable[str]) -> None:
    for name in names:
        if name not in columns:
            raise BackfillRefusedError(
                f"{target.table_name} has no column {name!a}: its columns are {', '.join(map(ascii, columns))}"
            )


def exact(connection: Connection, column: Any) -> Any:
    """A column's value, comparable only to the letter."""
    return _exact(column, postgresql=connection.dialect.name == "postgresql")


def _exact(column: Any, *, postgresql: bool) -> Any:
    return sa.collate(sa.cast(column, sa.Text), "C") if postgresql else sa.collate(column, "BINARY")
