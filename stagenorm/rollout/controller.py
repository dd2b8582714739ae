"""The controller's one step: the plan, what is stored and what was observed in; what to do out. Pure, time included.

Everything that it wants changed is one snapshot that replaces the one it looked at: modes and progress together or not at
all. So it may be killed at any line, two of them may run, and whoever was faster, an alert above all, has won.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stagenorm.core import modes
from stagenorm.core.modes import Actor, Mode, ModeState, in_words
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.rollout import gates
from stagenorm.rollout.gates import Calendar, Result
from stagenorm.rollout.observations import Observations, Verdict
from stagenorm.rollout.plan import Kind, Plan, Step
from stagenorm.stores.control import Change
from stagenorm.stores.protocol import Snapshot


@dataclass(frozen=True, slots=True)
class Track:
    """What walks the plan: all endpoints together, or one.

    Attributes:
        name: the endpoint's, or ``EVERYWHERE``.
        endpoints: whose counts its gates ask for.
    """

    name: str
    endpoints: tuple[str, ...]

    def places(self, snapshot: Snapshot) -> list[str | None]:
        """Where its modes are stored: the global one and each endpoint's own, or the one endpoint's."""
        if self.name != EVERYWHERE:
            return [self.name]
        return [None, *(name for name in self.endpoints if name in snapshot.endpoints)]

    def states(self, snapshot: Snapshot, default: ModeState) -> list[tuple[str, ModeState]]:
        """Its modes, by what people call the place."""
        otherwise = snapshot.everywhere or default
        return [
            ("everywhere" if place is None else place, snapshot.state(place) or otherwise)
            for place in self.places(snapshot)
        ]


def tracks(plan: Plan) -> list[Track]:
    """What walks a plan."""
    if plan.per_endpoint:
        return [Track(name, (name,)) for name in plan.endpoints]
    return [Track(EVERYWHERE, tuple(plan.endpoints))]


@dataclass(frozen=True, slots=True)
class Move:
    """Something is to be stored.

    Attributes:
        after: what.
        action: what the trail calls it.
        reason: why.
        step: that the track is in then.
    """

    after: Snapshot
    action: str
    reason: str
    step: Step


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be stored.

    Attributes:
        step: that the track is in; None where the plan no longer has it.
        next: the step that would follow; None behind the last.
        results: what each gate says; empty behind the last step.
    """

    step: Step | None
    next: Step | None
    results: tuple[Result, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The gravest one. PASS where nothing is left to do."""
        found = {result.verdict for result in self.results}
        return next((each for each in (Verdict.FAIL, Verdict.HOLD) if each in found), Verdict.PASS)

    @property
    def until(self) -> float | None:
        """When the next step can be at the earliest; None where a gate waits for something without a date."""
        waiting = [result.until for result in self.results if result.verdict is not Verdict.PASS]
        known = [until for until in waiting if until is not None]
        return max(known) if known and len(known) == len(waiting) else None


@dataclass(frozen=True, slots=True)
class Standing:
    """A track as it stands before anything is observed.

    Attributes:
        track: what walks.
        progress: how far it has come.
        step: the plan's step of that name.
        next: the step after it.
    """

    track: Track
    progress: Progress
    step: Step
    next: Step


def look(plan: Plan, track: Track, snapshot: Snapshot, default: ModeState, now: float) -> Move | Wait | Standing:
    """What follows from the store alone; a Standing where it depends on what is observed.

    Args:
        plan: the whole way.
        track: what walks it.
        snapshot: as it is stored.
        default: the mode that holds while none is stored.
        now: seconds since the epoch.
    """
    states, progress = track.states(snapshot, default), snapshot.rollout.get(track.name)
    if progress is None:
        step = plan.standing(states[0][1])
        reason = f"the rollout begins in {step.name}"
        return Move(_with(snapshot, track, Progress(step.name, now)), "rollout begin", reason, step)
    step = plan.step(progress.step)
    if step is None:
        known = ", ".join(each.name for each in plan.steps)
        why = f"the plan no longer has the step {progress.step!a}: it has {known}"
        return Wait(None, None, (_hold("plan", why, "stagenorm rollout resume takes the step that the mode stands for"),))
    pulled = [state for _, state in states if state.latched and _is_news(state, progress, step)]
    if pulled:
        return _pulled_back(plan, track, snapshot, default, max(pulled, key=lambda state: state.changed_at), now)
    next_ = plan.after(step)
    if progress.halted:
        return Wait(step, next_, (_hold("operator", progress.halted, "stagenorm rollout resume --reason TEXT"),))
    for place, state in states:
        if not step.holds(state):
            why = f"{place} is {in_words(state)}, set by {state.changed_by or 'default'} ({state.reason or 'nothing stored'})"
            remedy = "stagenorm rollout resume --reason TEXT goes on from there"
            if place in snapshot.endpoints and not plan.per_endpoint:
                remedy = f"stagenorm mode clear --endpoint {place}, or list the rollout's endpoints without it"
            return Wait(step, next_, (_hold("by hand", why, remedy),))
    return Standing(track, progress, step, next_) if next_ else Wait(step, None)


def _hold(gate: str, why: str, remedy: str) -> Result:
    return Result(gate, Verdict.HOLD, why, remedy)


def _is_news(state: ModeState, progress: Progress, step: Step) -> bool:
    """Whether a latch is one that the progress does not know of yet. In off there is nothing to go back to."""
    return step.kind is Kind.ENFORCE or (step.kind is not Kind.OFF and state.changed_at > progress.entered_at)


def _pulled_back(
    plan: Plan, track: Track, snapshot: Snapshot, default: ModeState, by: ModeState, now: float
) -> Move:
    """What was pulled back stays where it is; what goes together with it follows, without a latch."""
    reason = f"{by.changed_by} pulled it back ({by.reason}): extended warn, {plan.limits.extended_days} days"
    change = Change(Actor.CONTROLLER, "rollout", reason, now)
    after = snapshot
    for place in track.places(snapshot):
        state = snapshot.state(place) or snapshot.everywhere or default
        if state.mode is Mode.ENFORCE:
            after = _with_mode(after, place, state, plan.warn, change)
    progress = snapshot.rollout[track.name]
    back = replace(progress, step=plan.warn.name, entered_at=by.changed_at, pulled_back=True)
    return Move(_with(after, track, back), "rollout back", reason, plan.warn)


def judge(plan: Plan, standing: Standing, snapshot: Snapshot, seen: Observations, default: ModeState, now: float) -> Wait:
    """What every gate between this step and the next says."""
    step, next_, progress, limits = standing.step, standing.next, standing.progress, plan.limits
    endpoints, evidence = standing.track.endpoints, seen.evidence
    results: list[Result] = []
    if step.at_least:
        results.append(gates.lasted(progress.entered_at, now, step.at_least))
    if step.kind is Kind.OFF:
        results.append(gates.requests(seen.requests, endpoints, limits.requests))
    if step.kind is Kind.WARN:
        calendar = quiet_calendar(plan, progress, now)
        results.append(gates.quiet_days(calendar, seen.days, endpoints, limits.unknown, limits.warn_cap))
    if step.kind is Kind.BACKFILL:
        results += (
            gates.reported("backfill", evidence.backfill, now, limits.evidence, "stagenorm backfill verify --out FILE"),
            gates.receipt(evidence, now, limits.receipt),
        )
    if step.kind is Kind.ENFORCE:
        noun = "requests refused or failed"
        results.append(gates.share("enforce errors", seen.refused, endpoints, limits.refused, noun))
    if next_.kind is Kind.ENFORCE:
        states = standing.track.states(snapshot, default)
        results += (
            gates.not_latched(states),
            gates.recent(seen.recent, endpoints, limits.unknown_now),
            gates.no_alert(seen.firing),
            gates.store_reads(seen.slow_store, limits.slow),
        )
    remedy = "stagenorm consumers report --out FILE"
    results += (
        gates.reported("consumers", evidence.consumers, now, limits.evidence, remedy),
        gates.share(
            "validator", seen.slow, endpoints, limits.slow, "checks over 1 ms", "look for large bodies or a starved CPU"
        ),
    )
    return Wait(step, next_, tuple(results))


def quiet_calendar(plan: Plan, progress: Progress, now: float) -> Calendar:
    """The days that count for warn."""
    needed = plan.limits.extended_days if progress.pulled_back else plan.limits.quiet_days
    return Calendar(progress.entered_at, now, plan.limits.day, needed)


def go_on(standing: Standing, snapshot: Snapshot, default: ModeState, change: Change) -> Move:
    """Take the next step.

    Args:
        standing: the track.
        snapshot: as it is stored.
        default: the mode that holds while none is stored.
        change: who takes it, why and when.

    Raises:
        TransitionRefusedError: the transition table does not allow it, or a place is latched.
    """
    step, after = standing.next, snapshot
    for place in standing.track.places(snapshot):
        state = snapshot.state(place) or snapshot.everywhere or default
        if not step.holds(state):
            after = _with_mode(after, place, state, step, change)
    progress = Progress(step.name, change.now)
    return Move(_with(after, standing.track, progress), "rollout step", change.reason, step)


def halt(track: Track, snapshot: Snapshot, why: str) -> Snapshot:
    """The track goes no further by itself, wherever it is."""
    progress = snapshot.rollout.get(track.name)
    return snapshot if progress is None else _with(snapshot, track, replace(progress, halted=why))


def resume(plan: Plan, track: Track, snapshot: Snapshot, default: ModeState, now: float) -> Snapshot:
    """The track goes on: where it was halted if its mode is still that step's, else in the step that its mode stands for.

    A step that was halted begins anew, so that its gates look at what happens from here on.
    """
    progress = snapshot.rollout.get(track.name)
    states = [state for _, state in track.states(snapshot, default)]
    known = plan.step(progress.step) if progress else None
    step = known if known and all(map(known.holds, states)) else plan.standing(states[0])
    pulled_back = bool(progress and progress.pulled_back and step is plan.warn)
    return _with(snapshot, track, Progress(step.name, now, pulled_back))


def back_to_warn(plan: Plan, track: Track, snapshot: Snapshot, default: ModeState, change: Change) -> Snapshot:
    """Nothing of the track enforces any more, and it goes no further by itself."""
    after = snapshot
    for place in track.places(snapshot):
        state = snapshot.state(place) or snapshot.everywhere or default
        if state.mode is Mode.ENFORCE:
            after = _with_mode(after, place, state, plan.warn, change)
    current = snapshot.rollout.get(track.name)
    step = plan.standing(track.states(after, default)[0][1])
    if current and current.step == Kind.BACKFILL.value:
        step = plan.step(current.step) or step
    return _with(after, track, Progress(step.name, change.now, halted=f"aborted by {change.author}: {change.reason}"))


def _with_mode(snapshot: Snapshot, place: str | None, state: ModeState, step: Step, change: Change) -> Snapshot:
    changed = modes.change(
        state, step.mode, step.share, actor=change.actor, changed_by=change.author, reason=change.reason, now=change.now
    )
    if place is None:
        return replace(snapshot, everywhere=changed)
    return replace(snapshot, endpoints={**snapshot.endpoints, place: changed})


def _with(snapshot: Snapshot, track: Track, progress: Progress) -> Snapshot:
    return replace(snapshot, rollout={**snapshot.rollout, track.name: progress})
