"""``[rollout]``: the plan, whom to ask for numbers, and where the evidence lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from stagenorm.config.toml import Table
from stagenorm.errors import ConfigurationError
from stagenorm.rollout.plan import FOUR_WEEKS, Kind, Limits, Plan, Step
from stagenorm.rollout.settings import EvidenceFiles, RolloutSettings, Watching

_DURATIONS = ("warn_cap", "window", "evidence", "receipt", "day")
_COUNTS = ("requests", "quiet_days", "extended_days")
_EVIDENCE = {"consumers": "consumers_report", "backfill": "verify_report", "receipt": "receipt"}
_KEYS = ("prometheus", "job", "scrape", "alertmanager", "per_endpoint", "endpoints", "steps", "limits")


def read_rollout(table: Table, endpoints: Sequence[str], beside: Path) -> RolloutSettings:
    """The section; the four-week plan for all endpoints where it is absent.

    Args:
        table: ``[rollout]``.
        endpoints: the names of all endpoints.
        beside: where files of evidence are looked for.

    Raises:
        ConfigurationError: it says what cannot be, naming the place.
    """
    table.refuse_unknown_keys(*_KEYS, *_EVIDENCE.values())
    chosen = table.strings("endpoints") or tuple(endpoints)
    for number, name in enumerate(chosen):
        if name in chosen[:number]:
            raise table.fault(f"endpoints: {name!a} stands there twice: remove one")
        if name not in endpoints:
            raise table.fault(f"endpoints: {name!a} is none of [[endpoints]]: {', '.join(endpoints)}")
    steps = tuple(map(_step, table.tables("steps", "step"))) if "steps" in table else FOUR_WEEKS
    limits = _limits(table.table("limits"))
    try:
        partial = set(chosen) != set(endpoints)
        plan = Plan(chosen, steps, limits, per_endpoint=table.boolean("per_endpoint"), partial=partial)
    except ConfigurationError as error:
        raise table.fault(str(error)) from error
    files = {name: table.string(key, "") for name, key in _EVIDENCE.items()}
    return RolloutSettings(
        plan,
        Watching(table.url("prometheus"), table.string("job", ""), table.duration("scrape", 15)),
        EvidenceFiles(**{name: beside / file if file else None for name, file in files.items()}),
        table.url("alertmanager"),
    )


def _step(table: Table) -> Step:
    table.refuse_unknown_keys("kind", "share", "at_least")
    try:
        kind = Kind(table.string("kind"))
    except ValueError as error:
        raise table.fault(f"kind must be one of {', '.join(each.value for each in Kind)}") from error
    share, at_least = table.number("share", 0), table.duration("at_least", 0)
    try:
        return Step(kind, share, at_least)
    except ConfigurationError as error:
        raise table.fault(str(error)) from error


def _limits(table: Table) -> Limits:
    default = Limits()
    table.refuse_unknown_keys(*(field.name for field in fields(Limits)))
    given: dict[str, Any] = {}
    for field in fields(Limits):
        standard = getattr(default, field.name)
        if field.name in _DURATIONS:
            given[field.name] = table.duration(field.name, standard)
        else:
            given[field.name] = table.number(field.name, standard)
        if field.name in _COUNTS:
            if given[field.name] % 1:
                raise table.fault(f"{field.name} is {given[field.name]:g}: give a whole number")
            given[field.name] = int(given[field.name])
    return Limits(**given)
