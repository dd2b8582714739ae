"""A scenario of ``stagenorm rollout simulate`` from its TOML file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stagenorm.config.toml import Table, read_toml
from stagenorm.errors import ConfigurationError
from stagenorm.rollout import scenario
from stagenorm.rollout.scenario import SCENARIOS, Doing, Happening, Scenario, Traffic

_TRAFFIC = ("requests_a_day", "unknown", "slow", "prometheus")


def load_scenario(name: str) -> Scenario:
    """A scenario that comes with the package, or that of a file, whose shape ``docs/rollout.md`` describes.

    Args:
        name: one of ``SCENARIOS``, or the path of a file.

    Raises:
        ConfigurationError: it is neither, or says what cannot be. The message names the file and the place.
        MissingExtraError: this Python is older than 3.11 and no TOML reader is installed.
    """
    path = Path(scenario.__file__).parent / "scenarios" / f"{name}.toml" if name in SCENARIOS else Path(name)
    if not path.exists():
        raise ConfigurationError(f"{name!a} is no scenario: give {', '.join(SCENARIOS)}, or a file")
    try:
        table = read_toml(path)
        table.refuse_unknown_keys("about", "days", "backfill_takes", "traffic", "happenings")
        usual = table.table("traffic")
        usual.refuse_unknown_keys(*_TRAFFIC)
        traffic = _traffic(usual, Traffic())
        return Scenario(
            path.stem,
            table.string("about", ""),
            table.number("days", 30),
            traffic,
            tuple(_happening(each, traffic) for each in table.tables("happenings", "happening")),
            table.duration("backfill_takes", 12 * 3600),
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _traffic(table: Table, usual: Traffic) -> Traffic:
    try:
        return replace(
            usual,
            requests_a_day=table.number("requests_a_day", usual.requests_a_day),
            unknown=table.number("unknown", usual.unknown),
            slow=table.number("slow", usual.slow),
            prometheus=table.boolean("prometheus") if "prometheus" in table else usual.prometheus,
        )
    except ConfigurationError as error:
        raise table.fault(str(error)) from error


def _happening(table: Table, usual: Traffic) -> Happening:
    table.refuse_unknown_keys("after", "step", "endpoint", "alert", "operator", *_TRAFFIC)
    named = table.string("operator", "")
    try:
        doing = Doing(named) if named else None
    except ValueError as error:
        raise table.fault(f"operator must be one of {', '.join(each.value for each in Doing)}") from error
    changes = any(key in table for key in _TRAFFIC)
    happening = Happening(
        table.duration("after", 0),
        table.string("step", ""),
        _traffic(table, usual) if changes else None,
        table.string("endpoint", ""),
        table.string("alert", ""),
        doing,
    )
    if not (changes or happening.alert or doing):
        raise table.fault(f"nothing happens: add {', '.join(_TRAFFIC)}, alert or operator")
    return happening
