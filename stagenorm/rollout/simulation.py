"""Simulation: the very same driver, controller and gates against a world that a scenario tells, with a clock that jumps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.core.progress import EVERYWHERE
from stagenorm.errors import ConfigurationError, TransitionRefusedError
from stagenorm.rollout import controller
from stagenorm.rollout.controller import Move, Wait
from stagenorm.rollout.driver import Driver, Told
from stagenorm.rollout.plan import Kind, Plan
from stagenorm.rollout.scenario import Doing, Happening, Scenario
from stagenorm.rollout.world import World
from stagenorm.stores import MemoryModeStore, control
from stagenorm.stores.control import Change

BEGAN = 1_767_603_600.0
"""When every simulation begins: a Monday, 2026-01-05, at nine in the morning UTC."""
_DAY = 86400.0
_LOOK, _CLOSE_LOOK = 3600.0, 600.0  # how far the clock jumps at most; the second while enforce is in force


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of a timeline.

    Attributes:
        at: seconds since the epoch.
        who: rollout, alert, operator or scenario.
        where: an endpoint's name, or ``*`` for all together.
        what: what was done, or why nothing was.
        mode: that holds afterwards.
        share: that enforce holds afterwards; 0 in the other modes.
        page: whether a person is called.
    """

    at: float
    who: str
    where: str
    what: str
    mode: Mode
    share: float
    page: bool = False


class Simulation:
    """One scenario under one plan.

    Args:
        plan: the whole way.
        scenario: what happens.

    Raises:
        ConfigurationError: something happens in a step, or at an endpoint, that the plan does not have.
    """

    def __init__(self, plan: Plan, scenario: Scenario) -> None:
        for number, each in enumerate(scenario.happenings, 1):
            if each.step and plan.step(each.step) is None:
                known = ", ".join(step.name for step in plan.steps)
                raise ConfigurationError(f"happening {number}: the plan has no step {each.step!a}: it has {known}")
            if each.endpoint and each.endpoint not in plan.endpoints:
                known = ", ".join(plan.endpoints)
                raise ConfigurationError(
                    f"happening {number}: the plan has no endpoint {each.endpoint!a}: it has {known}"
                )
        self._plan = plan
        self._scenario = scenario
        self._now = BEGAN
        self._world = World(scenario, plan.endpoints, BEGAN)
        self._store = MemoryModeStore()
        self._driver = Driver(plan, self._store, self._world, ModeState(Mode.OFF), lambda: self._now)
        self._due = sorted(
            (BEGAN + each.after, number) for number, each in enumerate(scenario.happenings) if not each.step
        )
        self._waiting = {number: each for number, each in enumerate(scenario.happenings) if each.step}
        self._told: dict[str, str] = {}

    def run(self) -> Iterator[Happened]:
        """Everything that happens, in order."""
        first = self._plan.steps[0]
        control.set_mode(
            self._store, self._by_operator("the rollout is to begin"), first.mode, 0, default=ModeState(Mode.OFF)
        )
        yield self._line("operator", controller.tracks(self._plan)[0].name, f"sets the mode to {first.mode.value}")
        end = BEGAN + self._scenario.days * _DAY
        while self._now <= end:
            while self._due and self._due[0][0] <= self._now:
                yield from self._happen(self._scenario.happenings[self._due.pop(0)[1]])
            told = self._driver.tick()
            for each in told:
                yield from self._tell(each)
            if not any(isinstance(each.outcome, Move) for each in told):
                self._now = self._next(told)

    def _next(self, told: Sequence[Told]) -> float:
        """When something can be different at the earliest."""
        waits = [each.outcome for each in told if isinstance(each.outcome, Wait)]
        enforces = any(wait.step and wait.step.kind is Kind.ENFORCE and wait.next for wait in waits)
        dates = [result.until for wait in waits for result in wait.results if result.until is not None]
        moments = [*dates, *(at for at, _ in self._due[:1]), self._now + (_CLOSE_LOOK if enforces else _LOOK)]
        return min(at for at in moments if at > self._now)

    def _tell(self, told: Told) -> Iterator[Happened]:
        name, outcome = told.track.name, told.outcome
        if isinstance(outcome, Move):
            self._follow()
            if outcome.step.kind is Kind.BACKFILL:
                self._world.begin_backfill(self._now)
            begun = [number for number, each in self._waiting.items() if each.step == outcome.step.name]
            self._due = sorted(
                [*self._due, *((self._now + self._waiting.pop(number).after, number) for number in begun)]
            )
            self._told.pop(name, None)
            yield self._line("rollout", name, f"{outcome.step.name}: {outcome.reason}")
            return
        # What has a date only takes its time, and nothing can be known of a step that has just begun.
        takes_time = any(each.gate == "time" and each.verdict is not Conclusion.PASS for each in outcome.results)
        gates = [
            each
            for each in outcome.results
            if each.verdict is Conclusion.FAIL
            or (each.verdict is Conclusion.HOLD and each.until is None and not takes_time)
        ]
        told_now = "" if told.since == self._now else ", ".join(f"{each.gate} {each.verdict.value}" for each in gates)
        if told_now != self._told.get(name, ""):
            self._told[name] = told_now
            step = outcome.step.name if outcome.step else ""
            why = "; ".join(f"{each.gate}: {each.why}" for each in gates) or "nothing stands against it any more"
            yield self._line("rollout", name, f"{step} holds: {why}", page=any(each.page for each in gates))

    def _happen(self, happening: Happening) -> Iterator[Happened]:
        names = [happening.endpoint] if happening.endpoint else list(self._plan.endpoints)
        where = happening.endpoint or EVERYWHERE
        if happening.traffic is not None:
            for name in names:
                self._world.change(name, self._now, traffic=happening.traffic)
            traffic = happening.traffic
            words = f"{traffic.requests_a_day:,.0f} requests a day, {traffic.unknown:.2%} of the values unknown"
            yield self._line("scenario", where, words if traffic.prometheus else "Prometheus is down")
        if happening.alert:
            change = Change(Actor.ALERT, "alertmanager", f"alert {happening.alert} fires", self._now)
            control.downgrade(self._store, change, endpoint=happening.endpoint or None, default=ModeState(Mode.OFF))
            self._follow()
            yield self._line("alert", where, f"{happening.alert} pulls it back", page=True)
        if happening.operator is not None:
            yield from self._operate(happening.operator, where)

    def _operate(self, doing: Doing, where: str) -> Iterator[Happened]:
        change = self._by_operator(f"the scenario's {doing.value}")
        try:
            if doing is Doing.UNLATCH:
                control.unlatch(self._store, change)
            else:
                for track in controller.tracks(self._plan):
                    self._driver.operate(track, doing.value, change)
        except TransitionRefusedError as error:
            yield self._line("operator", where, f"{doing.value} is refused: {error}")
            return
        self._follow()
        yield self._line("operator", where, doing.value)

    def _by_operator(self, reason: str) -> Change:
        return Change(Actor.OPERATOR, "operator", reason, self._now)

    def _follow(self) -> None:
        """The service follows its switch at once."""
        snapshot = self._store.read()
        for name in self._plan.endpoints:
            state = snapshot.state(name) or snapshot.everywhere or ModeState(Mode.OFF)
            self._world.change(name, self._now, mode=(state.mode, state.share))

    def _line(self, who: str, where: str, what: str, *, page: bool = False) -> Happened:
        snapshot = self._store.read()
        place = self._plan.endpoints[0] if self._plan.partial and where == EVERYWHERE else where
        state = snapshot.state(place) or snapshot.everywhere or ModeState(Mode.OFF)
        share = state.share if state.mode is Mode.ENFORCE else 0
        return Happened(self._now, who, where, what, state.mode, share, page)
