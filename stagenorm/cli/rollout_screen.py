"""What ``stagenorm rollout`` shows: where it stands, and the timeline of a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from stagenorm.cli import output
from stagenorm.cli.trail import EVERYWHERE
from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import ModeState, in_words
from stagenorm.core.progress import EVERYWHERE as TOGETHER
from stagenorm.rollout.controller import Move, Wait
from stagenorm.rollout.driver import Told
from stagenorm.rollout.gates import Result
from stagenorm.rollout.scenario import Scenario
from stagenorm.rollout.simulation import BEGAN, Happened
from stagenorm.stores import Snapshot
from stagenorm.times import in_short, moment

_DAY = 86400.0


def verdict_of(told: Sequence[Told]) -> Conclusion:
    """What all of a rollout's tracks say together."""
    return Conclusion.gravest(each.outcome.verdict for each in told)


def status_as_json(told: Sequence[Told], snapshot: Snapshot, leader: str | None, now: float) -> None:
    """Where a rollout stands for machines."""
    output.show_json(
        {
            "generated_at": moment(now),
            "result": verdict_of(told).value,
            "leader": leader,
            "rollouts": [_rollout(each, snapshot) for each in told],
        }
    )


def _rollout(told: Told, snapshot: Snapshot) -> dict[str, Any]:
    outcome, progress = told.outcome, snapshot.rollout.get(told.track.name)
    wait = outcome if isinstance(outcome, Wait) else None
    until = wait.until if wait else None
    following = wait.next if wait else outcome.step if isinstance(outcome, Move) else None
    return {
        "where": _where(told.track.name),
        "endpoints": list(told.track.endpoints),
        "step": progress and progress.step,
        "since": progress and moment(progress.entered_at),
        "pulled_back": bool(progress and progress.pulled_back),
        "halted": (progress and progress.halted) or None,
        "next": following and following.name,
        "not_before": until and moment(until),
        "verdict": outcome.verdict.value,
        "gates": [_gate(result) for result in wait.results] if wait else [],
    }


def _gate(result: Result) -> dict[str, Any]:
    return {
        "gate": result.gate,
        "verdict": result.verdict.value,
        "why": result.why,
        "remedy": result.remedy or None,
        "not_before": result.until and moment(result.until),
        "page": result.page,
    }


def show_status(told: Sequence[Told], snapshot: Snapshot, leader: str | None, now: float) -> None:
    """Where a rollout stands for people, on one screen."""
    if len(told) > 1:
        _show_several(told, snapshot, now)
    else:
        for each in told:
            output.show(f"{_where(each.track.name)}: {_standing(each, snapshot, now)}")
            _show_outcome(each, now)
    output.show(f"controller: {leader} leads" if leader else "controller: none runs: stagenorm rollout run")


def _standing(told: Told, snapshot: Snapshot, now: float) -> str:
    progress = snapshot.rollout.get(told.track.name)
    if progress is None:
        return "not begun"
    again = ", pulled back" if progress.pulled_back else ""
    return (
        f"step {progress.step}{again}, for {in_short(now - progress.entered_at)}, since {moment(progress.entered_at)}"
    )


def _show_several(told: Sequence[Told], snapshot: Snapshot, now: float) -> None:
    """A line for each endpoint with what it waits for; what passes is left out."""
    rows = output.table("where", "stands in", "next", "why not yet")
    remedies: dict[str, None] = {}
    for each in told:
        outcome = each.outcome
        waiting = _waiting(outcome)
        following = outcome.next if isinstance(outcome, Wait) else outcome.step
        why = "; ".join(f"{result.gate} {result.verdict.value}: {result.why}" for result in waiting)
        rows.add_row(
            output.cell(_where(each.track.name)),
            _standing(each, snapshot, now),
            following.name if following else "complete",
            output.cell(why),
        )
        remedies |= dict.fromkeys(result.remedy for result in waiting if result.remedy)
    output.show(rows)
    for remedy in remedies:
        output.show(f"to do: {remedy}")


def _waiting(outcome: Move | Wait) -> list[Result]:
    """What stands against the next step."""
    if isinstance(outcome, Move):
        return []
    return [result for result in outcome.results if result.verdict is not Conclusion.PASS]


def show_told(told: Sequence[Told], now: float) -> None:
    """What came of a step that was taken by hand."""
    for each in told:
        if isinstance(each.outcome, Move):
            output.show(f"{_where(each.track.name)}: {each.outcome.step.name}: {each.outcome.reason}")
        else:
            _show_outcome(each, now)


def _show_outcome(told: Told, now: float) -> None:
    outcome = told.outcome
    if isinstance(outcome, Move):
        output.show(f"next: {outcome.step.name}, now: {outcome.reason}")
        return
    if not outcome.results:
        output.show("complete: no step follows. Alerts go on pulling back.")
        return
    if outcome.next:
        until = outcome.until
        when = f", not before {moment(until)} (in {in_short(max(0, until - now))})" if until else ""
        output.show(f"next: {outcome.next.name}{when}")
    rows = output.table("gate", "says", "why", whole=("gate", "says"))
    for result in outcome.results:
        rows.add_row(result.gate, output.conclusion(result.verdict), output.cell(result.why))
    output.show(rows)
    for remedy in dict.fromkeys(result.remedy for result in _waiting(outcome) if result.remedy):
        output.show(f"to do: {remedy}")


def in_lines(told: Sequence[Told]) -> str:
    """A round of the controller, a line for each part."""
    return "\n".join(f"{_where(each.track.name)}: {_in_line(each.outcome)}" for each in told)


def _in_line(outcome: Move | Wait) -> str:
    if isinstance(outcome, Move):
        return f"{outcome.step.name}: {outcome.reason}"
    step = outcome.step.name if outcome.step else "?"
    blocking = [f"{each.gate} {each.verdict.value}" for each in _waiting(outcome)]
    return f"{step}, waiting for {', '.join(blocking)}" if blocking else f"{step}: complete"


def show_line(text: str, now: float) -> None:
    """What the controller did, when."""
    for line in text.splitlines():
        output.show(f"{moment(now)} {line}")


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
    rows = output.table(
        "day", "who", *(["where"] if apart else []), "mode", "what", numeric=("day",), whole=("day", "mode")
    )
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
