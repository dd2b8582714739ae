"""Databases: how one is opened, named and left alone, and what its errors mean. PostgreSQL and SQLite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stagenorm.errors import ConfigurationError, DatabaseError, MissingExtraError

try:
    import sqlalchemy as sa
    from sqlalchemy import exc
    from sqlalchemy.engine import URL, Connection, make_url
    from sqlalchemy.pool import NullPool
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "sqlalchemy":
        raise
    raise MissingExtraError("working on a database", "backfill") from error

__all__ = ["URL", "Connection", "Database", "query"]

_DRIVERS = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite+pysqlite"}
# Class 08 and 57P are lost connections; then serialization, deadlock, lock and statement timeouts.
_PASSING = ("08", "57P", "40001", "40P01", "55P03", "57014", "53300")
_WRITES = "stagenorm_writes"


class Database:
    """A database that commands work on.

    Args:
        url: as SQLAlchemy writes it; ``postgresql://`` means psycopg 3.

    Raises:
        ConfigurationError: it is no URL, or of another kind of database.
        MissingExtraError: the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except exc.ArgumentError as error:
            raise ConfigurationError(
                "this is no database URL: write postgresql://USER@HOST/NAME or sqlite:///FILE"
            ) from error
        self.kind = parsed.get_backend_name()
        if self.kind not in _DRIVERS:
            raise ConfigurationError(
                f"{self.kind} is not a database that this works on: write postgresql://USER@HOST/NAME or sqlite:///FILE"
            )
        self.url = parsed.set(drivername=_DRIVERS[self.kind])
        if self.kind == "sqlite":
            self.path = self._file()
        try:
            self._engine = sa.create_engine(self.url, poolclass=NullPool, **self._options())
        except ModuleNotFoundError as error:
            raise MissingExtraError("working on PostgreSQL", "backfill") from error
        if self.kind == "sqlite":
            sa.event.listen(self._engine, "connect", _leave_transactions_alone)
            sa.event.listen(self._engine, "begin", _begin)
        else:
            sa.event.listen(self._engine, "connect", _read_alike)

    def _file(self) -> str:
        name = self.url.database or ""
        if name in {"", ":memory:"} or name.startswith("file:"):
            raise ConfigurationError("name a file: sqlite:///relative.db or sqlite:////absolute.db")
        if not os.path.isfile(name):  # noqa: PTH113 - a database's name, not a path of ours
            raise DatabaseError(f"{name} is no file: name a database that is there (touch makes an empty one)")
        return os.path.realpath(name)

    def _options(self) -> dict[str, Any]:
        if self.kind == "sqlite":
            return {"connect_args": {"timeout": 30.0}}  # whoever waits to begin holds nothing
        # Every batch must see what others have committed, whatever the server's default is.
        named = {} if "application_name" in self.url.query else {"application_name": "stagenorm"}
        patience = {} if "connect_timeout" in self.url.query else {"connect_timeout": 10}
        text = {"client_encoding": "utf8"}  # a server that knows no encoding would give bytes
        return {"isolation_level": "READ COMMITTED", "connect_args": {**named, **patience, **text}}

    @property
    def name(self) -> str:
        """How people are told of it: without user, password and parameters."""
        if self.kind == "sqlite":
            return self.path
        port = f":{self.url.port}" if self.url.port else ""
        return f"{self.url.host or 'localhost'}{port}/{self.url.database or ''}"

    def identity(self, connection: Connection) -> str:
        """What tells it from every other database, however it is addressed."""
        if self.kind == "sqlite":
            return f"sqlite:{self.path}"
        system, number, name = connection.execute(
            sa.text(
                "SELECT (SELECT system_identifier FROM pg_control_system()), oid, datname FROM pg_database "
                "WHERE datname = current_database()"
            )
        ).one()
        return f"postgresql:{system}/{number}/{name}"

    def server_start(self, connection: Connection) -> str:
        """When its server began to run, which no copy of all of its files has; nothing for SQLite, which has no server."""
        if self.kind == "sqlite":
            return ""
        return str(query(connection, "SELECT pg_postmaster_start_time()").scalar())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that can change nothing, all of it in one snapshot."""
        options: dict[str, Any] = {}
        if self.kind == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with explained(self), self._engine.connect() as connection:
            connection.execution_options(**options)
            if self.kind == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            yield connection
            connection.rollback()

    def connect(self) -> Connection:
        """A connection that changes things; whoever asked closes it. Raises SQLAlchemy's errors."""
        return self._engine.connect().execution_options(**{_WRITES: True})

    @contextmanager
    def server(self) -> Iterator[Connection]:
        """A connection for what no transaction may hold, such as creating databases."""
        with explained(self), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def explained(database: Database) -> Iterator[None]:
    """Turn the driver's errors into ours. Raises DatabaseError, which names the database and what it said."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise DatabaseError(f"{database.name}: {said(error)}") from error


def query(connection: Connection, sql: str) -> sa.CursorResult[Any]:
    """Run SQL as it stands: no colon or per cent sign in it means a parameter."""
    return connection.execute(sa.text(sql.replace(":", "\\:")))


def said(error: BaseException) -> str:
    """What the server or the driver said, on one line, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    return " ".join(str(origin).split()) or type(origin).__name__


def passes(error: exc.SQLAlchemyError) -> bool:
    """Whether an error is of the moment (a lock, a deadlock, a lost connection), so that trying again may help."""
    if not isinstance(error, exc.DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state).startswith(_PASSING)
    if error.connection_invalidated:
        return True
    text = str(error.orig).lower()
    return isinstance(error, exc.OperationalError) and any(
        word in text for word in ("locked", "busy", "connection", "closed the", "terminat")
    )


def _leave_transactions_alone(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # or the driver would begin late, and commit unasked


def _read_alike(connection: Any, _record: Any) -> None:
    # A key that was logged as text must be read as the same one, whatever the role's or the server's settings are then.
    for setting in (
        "datestyle TO 'ISO, MDY'",
        "intervalstyle TO postgres",
        "extra_float_digits TO 1",
        "bytea_output TO hex",
        "row_security TO off",  # an error, where rows would be hidden
    ):
        connection.execute(f"SET {setting}")
    connection.commit()


def _begin(connection: Connection) -> None:
    # Whoever will write takes the lock at once: two that upgrade from reading could only fail.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
