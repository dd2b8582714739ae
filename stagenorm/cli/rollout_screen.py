"""What ``stagenorm rollout`` shows: where it stands, and the timeline of a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from stagenorm.cli import output
from stagenorm.cli.trail import EVERYWHERE
from stagenorm.core.modes import Mode, ModeState, in_words
from stagenorm.core.progress import EVERYWHERE as TOGETHER
from stagenorm.rollout.scenario import Scenario
from stagenorm.rollout.simulation import BEGAN, Happened
from stagenorm.times import moment

_DAY = 86400.0


def timeline_as_json(scenario: Scenario, happened: Sequence[Happened]) -> None:
    """A simulation for machines."""
    last = happened[-1]
    output.show_json(
        {
            "scenario": scenario.name,
            "final": {"mode": last.mode.value, "share": last.share},
            "timeline": [_happened(each) for each in happened],
        }
    )


def _happened(each: Happened) -> dict[str, Any]:
    return {
        "at": moment(each.at),
        "day": round((each.at - BEGAN) / _DAY, 3),
        "who": each.who,
        "where": _where(each.where),
        "what": each.what,
        "mode": each.mode.value,
        "share": each.share,
        "page": each.page,
    }


def show_timeline(scenario: Scenario, happened: Sequence[Happened]) -> None:
    """A simulation for people."""
    output.show(f"{scenario.name}: {scenario.about}" if scenario.about else scenario.name)
    apart = any(each.where != TOGETHER for each in happened)
    rows = output.table("day", "who", *(["where"] if apart else []), "mode", "what", numeric=("day",), whole=("day", "mode"))
    for each in happened:
        who = Text("PAGE", "bold red") if each.page else output.cell(each.who)
        rows.add_row(
            f"{(each.at - BEGAN) / _DAY:.1f}",
            who,
            *([output.cell(_where(each.where))] if apart else []),
            _mode(each),
            output.cell(each.what),
        )
    output.show(rows)
    last = happened[-1]
    output.show(f"after {scenario.days:g} days: {_mode(last)}")


def _mode(each: Happened) -> str:
    return in_words(ModeState(each.mode, each.share))


def _where(name: str) -> str:
    return EVERYWHERE if name == TOGETHER else name
