"""Seed: a scratch table of realistic dirty rows, to rehearse on."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import sqlalchemy as sa

from stagenorm.backfill.database import Database, explained
from stagenorm.errors import BackfillRefusedError

_BATCH = 5_000


def seed(  # noqa: PLR0917 - each is one thing
    database: Database, table: str, rows: int, forms: Sequence[str], weights: Sequence[float], random: Random
) -> None:
    """Make the table, with the columns ``id`` and ``stage``.

    Args:
        database: where.
        table: its name.
        rows: how many.
        forms: what the rows hold.
        weights: how often each form comes.
        random: draws them.

    Raises:
        BackfillRefusedError: there is a table of that name.
        DatabaseError: the database failed.
    """
    made = sa.Table(
        table,
        sa.MetaData(),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("stage", sa.Text),
    )
    with explained(database), database.connect() as connection, connection.begin():
        if sa.inspect(connection).has_table(table):
            raise BackfillRefusedError(f"{database.name} has a table {table!a} already: drop it, or name another")
        made.create(connection)
        for first in range(1, rows + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, rows + 1))
            values = random.choices(forms, weights, k=len(numbers))
            connection.execute(
                sa.insert(made), [{"id": number, "stage": value} for number, value in zip(numbers, values, strict=True)]
            )
