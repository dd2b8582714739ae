"""Change: rows of a batch change, and the log keeps what each held. Built once for all batches, as both runs and reverts are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from stagenorm.backfill.columns import Columns
from stagenorm.backfill.control import CHANGED, LOG, now
from stagenorm.backfill.database import Connection
from stagenorm.errors import DatabaseError

_LOGGED = ("run", "table", "at", "key", "old", "new")


class Change:
    """Sets the column of rows, and logs each of them.

    Args:
        columns: of the target.
        key: of a row, as the log keeps it.
        old: what it holds.
        new: what it shall hold.
        rows: the condition of the rows, their old value in it: what a row holds when its lock is had decides, not what it
            held when it was read.
    """

    def __init__(self, columns: Columns, key: Any, old: Any, new: Any, rows: Any) -> None:
        self._name = columns.target.name
        told = (
            sa.bindparam("stagenorm_run", type_=LOG.c.run.type),
            sa.literal(self._name),
            sa.bindparam("stagenorm_at", type_=LOG.c.at.type),
        )
        update = sa.update(columns.table).values({columns.column: columns.stored(new)}).where(rows)
        self._update: sa.Update | None
        if columns.postgresql:
            # What the row holds now is logged: a trigger may have had another word.
            stands = columns.exact.label("new")
            changed = update.returning(key.label("key"), old.label("old"), stands).cte("stagenorm_changed")
            source, self._update = sa.select(*told, changed.c.key, changed.c.old, changed.c.new), None
        else:
            # One writer at a time, so nothing changes between the two statements.
            source, self._update = sa.select(*told, key, old, new).where(rows), update
        self._log = sa.insert(LOG).from_select(_LOGGED, source)

    def make(self, connection: Connection, run: int, parameters: dict[str, Any]) -> int:
        """Do it, and tell how many rows were changed.

        Args:
            connection: to write with.
            run: that does it.
            parameters: of the condition.

        Raises:
            DatabaseError: a trigger keeps rows from changing.
        """
        counted = connection.execution_options(preserve_rowcount=True)
        try:
            logged = counted.execute(self._log, {**parameters, "stagenorm_run": run, "stagenorm_at": now()}).rowcount
        except exc.IntegrityError as error:
            if CHANGED in str(error.orig):
                raise DatabaseError(self.kept) from error
            raise
        if self._update is not None and logged and connection.execute(self._update, parameters).rowcount != logged:
            raise DatabaseError(self.kept)
        return logged

    @property
    def kept(self) -> str:
        """What is told where a trigger keeps rows as they were."""
        return f"a trigger keeps rows of {self._name} from changing: drop it meanwhile, and give the same command again"
