"""Run: makes a target canonical, batch by batch, and keeps in the log what every changed row held."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagenorm.backfill import control
from stagenorm.backfill.columns import Columns
from stagenorm.backfill.control import LOG, Checkpoint, Kind, Status
from stagenorm.backfill.database import Connection, Database, explained
from stagenorm.backfill.session import Session
from stagenorm.backfill.survey import Survey, survey
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct, Step, Take, walk
from stagenorm.core.normalizer import Normalizer
from stagenorm.errors import BackfillRefusedError


@dataclass(frozen=True, slots=True)
class Allowance:
    """Why a run may change rows.

    Attributes:
        receipt: the digest of the backup that was proved to restore, or None.
        no_receipt: why it runs without, or None.
    """

    receipt: str | None = None
    no_receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        at: how far it came.
        status: done or stopped.
        resumed: whether it went on with an earlier one.
        left: what the target holds now.
    """

    at: Checkpoint
    status: Status
    resumed: bool
    left: Survey


def refusals(columns: Columns, found: Survey, *, leave_unknown: bool = True) -> list[str]:
    """Why the changes of a survey must not begin; empty if nothing stands against them.

    Args:
        columns: of the target.
        found: the survey.
        leave_unknown: whether unknown values may stay.
    """
    reasons = []
    if not leave_unknown and found.unknown_rows:
        reasons.append(
            f"{found.unknown_rows:,} rows hold values that the vocabulary does not: correct them, add aliases, or leave them"
        )
    if columns.labels is not None:
        missing = sorted({change.new for change in found.changes} - set(columns.labels))
        if missing:
            reasons.append(
                f"{columns.target.name} is an enum without the label {', '.join(map(repr, missing))}: "
                "add it with ALTER TYPE ... ADD VALUE"
            )
    return reasons


def plan(database: Database, target: Target, normalizer: Normalizer) -> tuple[Columns, Survey]:
    """What a run would do. Nothing at all is changed.

    Raises:
        BackfillRefusedError: the target cannot be worked with.
        DatabaseError: the database failed.
    """
    with database.reading() as connection:
        columns = Columns(database, connection, target)
        return columns, survey(connection, columns, normalizer)


def run(
    database: Database,
    target: Target,
    normalizer: Normalizer,
    allowance: Allowance,
    conduct: Conduct,
    *,
    leave_unknown: bool = True,
    resume_from: str | None = None,
) -> Outcome:
    """Make a target canonical, or go on with the run of it that did not end.

    Args:
        database: where it is.
        target: what to change.
        normalizer: of the vocabulary.
        allowance: why it may.
        conduct: how it behaves.
        leave_unknown: False refuses to begin while there are unknown values.
        resume_from: begin a new run behind this key: a JSON array of its parts as the control table has it, or the value of
            the only one.

    Raises:
        BackfillRefusedError: the target cannot be worked with, another run works on it, or unknown values stand
            against it.
        DatabaseError: the database failed; the checkpoint stays.
    """
    if allowance.receipt is None and not allowance.no_receipt:
        raise BackfillRefusedError("neither a receipt nor a reason to run without one was given")
    columns, found = plan(database, target, normalizer)
    if reasons := refusals(columns, found, leave_unknown=leave_unknown):
        raise BackfillRefusedError("; ".join(reasons))
    start = None if resume_from is None else _key(resume_from, columns)
    with explained(database), Session(database, columns.target) as session:
        at, resumed = _checkpoint(session.connection, columns, normalizer, found, allowance, start)
        at, status = walk(session, at, canonical_step(columns, found.mapping), conduct, found.rows)
    return Outcome(at, status, resumed, plan(database, target, normalizer)[1])


def _key(text: str, columns: Columns) -> str:
    """A key as the log has it, from the same, or from the bare value of a key of one column."""
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    parts = found if isinstance(found, list) else [found]
    if len(parts) != len(columns.keys) or not all(type(part) in {str, int} for part in parts):
        raise BackfillRefusedError(
            f"{text!a} is no key of {columns.target.name} ({', '.join(columns.target.key)}): write it as last_id has it, "
            "a JSON array"
        )
    return columns.written(parts)


def _checkpoint(  # noqa: PLR0917 - each is one thing
    connection: Connection,
    columns: Columns,
    normalizer: Normalizer,
    found: Survey,
    allowance: Allowance,
    start: str | None,
) -> tuple[Checkpoint, bool]:
    vocabulary = normalizer.vocabulary.fingerprint
    with connection.begin():
        control.create_tables(connection)
        if start is None and (at := control.resumable(connection, columns, vocabulary)):
            return at, True
        more = {
            "rows_before": found.table_rows,
            "nulls_before": found.table_nulls,
            "receipt": allowance.receipt,
            "no_receipt": allowance.no_receipt,
            "last_id": start,
        }
        return control.begin(connection, Kind.RUN, columns.target, vocabulary, **more), False


def canonical_step(columns: Columns, mapping: dict[str, str]) -> Take:
    """A batch that makes rows canonical.

    Args:
        columns: of the target.
        mapping: each alias with its canonical value; empty leaves nothing to do.
    """

    def take(connection: Connection, run_: int, last_id: str | None, size: int | None) -> Step | None:
        boundary = _boundary(connection, columns, last_id, size) if mapping else None
        if boundary is None:
            return None
        upper, seen = boundary
        rows = sa.and_(columns.after(last_id), columns.up_to(upper), columns.wanted)
        return Step(upper, seen, _change(connection, columns, mapping, rows, run_))

    return take


def _boundary(
    connection: Connection, columns: Columns, last_id: str | None, size: int | None
) -> tuple[str, int] | None:
    """The last key of the next rows, and how many they are."""
    rows = sa.select(*columns.keys).where(columns.after(last_id), columns.wanted).order_by(*columns.keys)
    if size is not None:  # a whole batch is passed over in the index; only the last one must be counted
        far = rows.offset(size - 1).limit(1).subquery("stagenorm_ahead")
        if upper := connection.scalar(sa.select(columns.encoded(list(far.c)))):
            return upper, size
    ahead = rows.limit(size).subquery("stagenorm_ahead")
    last = sa.select(columns.encoded(list(ahead.c)), sa.func.count().over()).order_by(*(key.desc() for key in ahead.c))
    found = connection.execute(last.limit(1)).first()
    return (found[0], found[1]) if found else None


def _mapping(connection: Connection, mapping: dict[str, str]) -> tuple[Any, Any]:
    """The mapping as a table of two columns: one parameter or two, however many forms it holds."""
    if connection.dialect.name == "postgresql":
        texts = sa.ARRAY(sa.Text())
        unnested = sa.func.unnest(
            sa.cast(sa.literal(list(mapping), texts), texts), sa.cast(sa.literal(list(mapping.values()), texts), texts)
        )
        table = unnested.table_valued("stagenorm_old", "stagenorm_new", name="stagenorm_mapping").render_derived()
        return table.c.stagenorm_old, table.c.stagenorm_new
    pairs = sa.func.json_each(json.dumps(list(mapping.items()))).table_valued("value")
    parts = [sa.func.json_extract(pairs.c.value, f"$[{place}]") for place in (0, 1)]
    # json_each has a column id, among others, that a filter could mean.
    chosen = sa.select(parts[0].label("stagenorm_old"), parts[1].label("stagenorm_new")).subquery("stagenorm_mapping")
    return chosen.c.stagenorm_old, chosen.c.stagenorm_new


def _change(connection: Connection, columns: Columns, mapping: dict[str, str], rows: Any, run_: int) -> int:
    old, new = _mapping(connection, mapping)
    # What a row holds when its lock is had decides, not what it held when it was read.
    matching = sa.and_(rows, columns.exact == old)
    change = sa.update(columns.table).values({columns.column: columns.stored(new)}).where(matching)
    logged = (sa.literal(run_), sa.literal(columns.target.name), sa.literal(control.now(), LOG.c.at.type))
    if connection.dialect.name == "postgresql":
        # What the row holds now is logged: a trigger may have had another word.
        stands = columns.exact.label("new")
        changed = change.returning(columns.encoded().label("key"), old.label("old"), stands).cte("stagenorm_changed")
        source = sa.select(*logged, changed.c.key, changed.c.old, changed.c.new)
        return control.log(connection, source)
    # SQLite: one writer at a time, so nothing changes between the two statements.
    source = sa.select(*logged, columns.encoded(), old, new).where(matching)
    written = control.log(connection, source)
    if written and connection.execute(change).rowcount != written:
        raise BackfillRefusedError(f"a trigger keeps rows of {columns.target.name} from changing: drop it meanwhile")
    return written
