"""Run: makes a target canonical, batch by batch, and keeps in the log what every changed row held."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagenorm.backfill import control
from stagenorm.backfill.change import Change
from stagenorm.backfill.columns import Columns
from stagenorm.backfill.control import Checkpoint, Kind, Status
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
        target: what it worked on.
        at: how far it came.
        status: done or stopped.
        resumed: whether it went on with an earlier one.
        left: what the target holds now.
    """

    target: Target
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
        columns.refuse_bad_rows(connection)
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
    start = None if resume_from is None else _key(database, columns, resume_from)
    with explained(database), Session(database, columns.target) as session:
        at, resumed = _checkpoint(session.connection, columns, normalizer, found, allowance, start)
        at, status = walk(session, at, canonical_step(columns, found.mapping), conduct, found.rows)
    with database.reading() as connection:
        return Outcome(columns.target, at, status, resumed, survey(connection, columns, normalizer))


def _key(database: Database, columns: Columns, text: str) -> str:
    """A key as the log has it, from the same, or from the bare value of a key of one column."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    parts = found if isinstance(found, list) else [found]
    if len(parts) == len(columns.keys) and all(type(part) in {str, int} for part in parts):
        encoded = columns.written(parts)
        # Tried before it is a checkpoint, which every later run would begin at.
        with database.reading() as connection:
            if columns.could_hold(connection, encoded):
                return encoded
    raise BackfillRefusedError(
        f"{text!a} is no key of {columns.target.name} ({', '.join(columns.target.key)}): write it as last_id has it, "
        "a JSON array"
    )


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
        for revert, of in control.unfinished_reverts(connection, columns.target):
            raise BackfillRefusedError(
                f"revert {revert} of run {of} did not end: stagenorm backfill revert --run {of} goes on with it, and then this can run"
            )
        if start is None and (at := control.resumable(connection, columns.target.as_json, vocabulary)):
            control.go_on(connection, at.run, allowance.receipt, allowance.no_receipt)
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
    first, later = _Batch(columns, mapping, sa.true()), _Batch(columns, mapping, columns.after("stagenorm_after"))

    def take(connection: Connection, run_: int, last_id: str | None, size: int) -> Step | None:
        if not mapping:
            return None
        if last_id is None:
            return first.take(connection, run_, size, {})
        return later.take(connection, run_, size, columns.parameters("stagenorm_after", last_id))

    return take


class _Batch:
    """The statements of a batch, built once: it would take longer to build them than to execute them."""

    def __init__(self, columns: Columns, mapping: dict[str, str], after: Any) -> None:
        self._columns = columns
        rows = sa.select(*columns.keys).where(after, columns.wanted).order_by(*columns.keys)
        # A whole batch is passed over in the index; only the last one must be counted.
        far = rows.offset(_count("stagenorm_passed")).limit(1).subquery("stagenorm_ahead")
        self._far = sa.select(columns.encoded(list(far.c)))
        ahead = rows.limit(_count("stagenorm_size")).subquery("stagenorm_ahead")
        self._last = (
            sa.select(columns.encoded(list(ahead.c)), sa.func.count().over())
            .order_by(*(key.desc() for key in ahead.c))
            .limit(1)
        )
        old, new = _mapping(columns, mapping)
        chosen = sa.and_(after, columns.up_to("stagenorm_last"), columns.wanted, columns.exact == old)
        self._change = Change(columns, columns.encoded(), old, new, chosen)

    def take(self, connection: Connection, run_: int, size: int, after: dict[str, Any]) -> Step | None:
        """Do it for so many rows behind a key."""
        upper, seen = connection.scalar(self._far, {**after, "stagenorm_passed": size - 1}), size
        if upper is None:
            found = connection.execute(self._last, {**after, "stagenorm_size": size}).first()
            if found is None:
                return None
            upper, seen = found
        return Step(
            upper, seen, self._change.make(connection, run_, after | self._columns.parameters("stagenorm_last", upper))
        )


def _count(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger())


def _mapping(columns: Columns, mapping: dict[str, str]) -> tuple[Any, Any]:
    """The mapping as a table of two columns: one parameter or two, however many forms it holds."""
    if columns.postgresql:
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
