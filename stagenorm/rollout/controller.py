"""The controller's one step: the plan, what is stored and what was observed in; what to do out. Pure, time included.

Everything that it wants changed is one snapshot that replaces the one it looked at: modes and progress together or not at
all. So it may be killed at any line, two of them may run, and whoever was faster, an alert above all, has won.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stagenorm.core import modes
from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Actor, Mode, ModeState, in_words
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.errors import TransitionRefusedError
from stagenorm.rollout import gates
from stagenorm.rollout.gates import Calendar, Result
from stagenorm.rollout.observations import Observations
from stagenorm.rollout.plan import Kind, Plan, Step
from stagenorm.stores.control import Change
from stagenorm.stores.protocol import Snapshot

AUTHOR = "rollout"
"""How the trail calls who changes something by itself."""


@dataclass(frozen=True, slots=True)
class Track:
    """What walks the plan: all endpoints together, or one.

    Attributes:
        name: the endpoint's, or ``EVERYWHERE``.
        endpoints: whose counts its gates ask for.
    """

    name: str
    endpoints: tuple[str, ...]


def tracks(plan: Plan) -> list[Track]:
    """What walks a plan."""
    if plan.per_endpoint:
        return [Track(name, (name,)) for name in plan.endpoints]
    return [Track(EVERYWHERE, tuple(plan.endpoints))]


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that is known without asking the service.

    Attributes:
        plan: the whole way.
        snapshot: as it is stored.
        default: the mode that holds while none is stored.
        now: seconds since the epoch.
    """

    plan: Plan
    snapshot: Snapshot
    default: ModeState
    now: float

    def places(self, track: Track) -> list[str | None]:
        """Where a track's modes are stored: the global one and each endpoint's own, or only those of its endpoints."""
        if track.name != EVERYWHERE or self.plan.partial:
            return [*track.endpoints]
        return [None, *(name for name in track.endpoints if name in self.snapshot.endpoints)]

    def state(self, place: str | None) -> ModeState:
        """The mode at a place."""
        return self.snapshot.state(place) or self.snapshot.everywhere or self.default

    def states(self, track: Track) -> list[tuple[str, ModeState]]:
        """A track's modes, by what people call their places."""
        return [("everywhere" if place is None else place, self.state(place)) for place in self.places(track)]

    def progress(self, track: Track) -> Progress | None:
        """How far a track has come; None where it never began."""
        return self.snapshot.rollout.get(track.name)


@dataclass(frozen=True, slots=True)
class Move:
    """Something is to be stored.

    Attributes:
        after: what.
        action: what the trail calls it.
        reason: why.
        step: that the track is in then.
        verdict: FAIL where it goes back.
    """

    after: Snapshot
    action: str
    reason: str
    step: Step
    verdict: Conclusion = Conclusion.PASS


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
    def verdict(self) -> Conclusion:
        """The gravest one. PASS where nothing is left to do."""
        return Conclusion.gravest(result.verdict for result in self.results)

    @property
    def until(self) -> float | None:
        """When the next step can be at the earliest; None where a gate waits for something without a date."""
        waiting = [result.until for result in self.results if result.verdict is not Conclusion.PASS]
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


def look(situation: Situation, track: Track) -> Move | Wait | Standing:
    """What follows from the store alone; a Standing where it depends on what is observed."""
    plan, states, progress = situation.plan, situation.states(track), situation.progress(track)
    if progress is None:
        first = plan.standing(states[0][1])
        begun = _with(situation.snapshot, track, Progress(first.name, situation.now))
        why = f"the rollout begins in {first.name}"
        if all(situation.snapshot.state(place) is None for place in (None, *situation.places(track))):
            why += f", for no mode is stored and {states[0][1].mode.value} is the default"
        return Move(begun, "rollout begin", why, first)
    step = plan.step(progress.step)
    if step is None:
        known = ", ".join(each.name for each in plan.steps)
        why = f"the plan no longer has the step {progress.step!a}: it has {known}"
        remedy = _obstacle(situation, track) or "stagenorm rollout resume takes the step that the mode stands for"
        return Wait(None, None, (Result("plan", Conclusion.HOLD, why, remedy),))
    pulled = [state for _, state in states if state.latched and _is_news(state, progress, step)]
    if pulled:
        return _pulled_back(situation, track, progress, max(pulled, key=lambda state: state.changed_at))
    following = plan.after(step)
    halted = Result("operator", Conclusion.HOLD, progress.halted, "stagenorm rollout resume --reason TEXT")
    for place, state in states:
        if not step.holds(state):
            by = f"{state.changed_by} set it ({state.reason})" if state.revision else "which is the default"
            remedy = _obstacle(situation, track) or "stagenorm rollout resume --reason TEXT goes on from there"
            by_hand = Result("by hand", Conclusion.HOLD, f"{place} is {in_words(state)}: {by}", remedy)
            return Wait(step, following, (by_hand, halted) if progress.halted else (by_hand,))
    if progress.halted:
        return Wait(step, following, (halted,))
    return Standing(track, progress, step, following) if following else Wait(step, None)


def _obstacle(situation: Situation, track: Track) -> str:
    """What must be done about a mode before a track can go on from its modes; empty if it can."""
    plan, states, standing = situation.plan, situation.states(track), _standing(situation, track)
    others = [(place, state) for place, state in states if not standing.holds(state)]
    if not others:
        return ""
    if not (plan.per_endpoint or plan.partial):
        for place, state in others:
            if place in situation.snapshot.endpoints:
                unlatch = f"stagenorm mode unlatch --endpoint {place}, then " if state.latched else ""
                return (
                    f"{place} is {in_words(state)}: {unlatch}stagenorm mode clear --endpoint {place}, or name the endpoints "
                    "under [rollout] without it"
                )
    # Towards the mildest: nobody is told to enforce more, least of all where an alert pulled back.
    step = plan.standing(min((state for _, state in states), key=modes.weight))
    place, state = next((place, state) for place, state in states if not step.holds(state))
    share = f" --share {step.share:.15g}" if step.kind is Kind.ENFORCE else ""
    at = f" --endpoint {place}" if plan.per_endpoint or plan.partial else ""
    why = "all go together" if any(each.holds(state) for each in plan.steps) else "the plan has no such step"
    return (
        f"{place} is {in_words(state)}, and {why}: stagenorm mode set {step.mode.value}{share}{at} --reason TEXT, or "
        "change the plan"
    )


def _is_news(state: ModeState, progress: Progress, step: Step) -> bool:
    """Whether a latch is one that the progress does not know of yet. In off there is nothing to go back to."""
    return step.kind is Kind.ENFORCE or (step.kind is not Kind.OFF and state.changed_at > progress.entered_at)


def _pulled_back(situation: Situation, track: Track, progress: Progress, by: ModeState) -> Move:
    """What was pulled back stays where it is; what goes together with it follows, without a latch."""
    plan = situation.plan
    reason = f"{by.changed_by} pulled it back ({by.reason}): extended warn, {plan.limits.extended_days} days"
    lowered = _lowered(situation, track, Change(Actor.CONTROLLER, AUTHOR, reason, situation.now))
    back = replace(progress, step=plan.warn.name, entered_at=by.changed_at, pulled_back=True)
    return Move(_with(lowered, track, back), "rollout back", reason, plan.warn, Conclusion.FAIL)


def judge(situation: Situation, standing: Standing, seen: Observations) -> Wait:
    """What every gate between this step and the next says."""
    now, limits, evidence = situation.now, situation.plan.limits, seen.evidence
    step, endpoints, progress = standing.step, standing.track.endpoints, standing.progress
    results: list[Result] = []
    if step.at_least:
        results.append(gates.lasted(progress.entered_at, now, step.at_least))
    if step.kind is Kind.OFF:
        results.append(gates.requests(seen.requests, endpoints, limits.requests))
    if step.kind is Kind.WARN:
        calendar = quiet_calendar(situation.plan, progress, now)
        results.append(gates.quiet_days(calendar, seen.days, endpoints, limits.unknown, limits.warn_cap))
    if step.kind is Kind.BACKFILL:
        results += (
            gates.reported(
                "backfill",
                evidence.backfill,
                now,
                limits.evidence,
                "stagenorm backfill verify --out FILE, the one that verify_report names",
            ),
            gates.receipt(evidence, now, limits.receipt),
        )
    if step.kind is Kind.ENFORCE:
        results.append(gates.enforce_errors(seen.refused, endpoints, limits.refused))
    if standing.next.kind is Kind.ENFORCE:
        results += (
            gates.not_latched(situation.states(standing.track)),
            gates.recent(seen.recent, endpoints, limits.unknown_now),
            gates.no_alert(seen.firing),
            gates.store_reads(seen.slow_store, limits.slow),
        )
    remedy = (
        "stagenorm consumers classify for each that nobody has, then consumers report --out FILE, the one that "
        "consumers_report names"
    )
    results += (
        gates.reported("consumers", evidence.consumers, now, limits.evidence, remedy),
        gates.validator(seen.slow, endpoints, limits.slow),
    )
    return Wait(step, standing.next, tuple(results))


def quiet_calendar(plan: Plan, progress: Progress, now: float) -> Calendar:
    """The days that count for warn."""
    needed = plan.limits.extended_days if progress.pulled_back else plan.limits.quiet_days
    return Calendar(progress.entered_at, now, plan.limits.day, needed)


def go_on(situation: Situation, standing: Standing, change: Change) -> Move:
    """Take the next step.

    Args:
        situation: that the gates judged.
        standing: the track.
        change: who takes it, why and when.

    Raises:
        TransitionRefusedError: the transition table does not allow it, or a place is latched.
    """
    step, after = standing.next, situation.snapshot
    for place in situation.places(standing.track):
        if not step.holds(situation.state(place)):
            after = _with_mode(after, place, situation.state(place), step, change)
    return Move(_with(after, standing.track, Progress(step.name, change.now)), "rollout step", change.reason, step)


def halt(situation: Situation, track: Track, why: str) -> Snapshot:
    """The track goes no further by itself, wherever it is."""
    progress = situation.progress(track)
    return _with(situation.snapshot, track, replace(progress, halted=why)) if progress else situation.snapshot


def resume(situation: Situation, track: Track) -> Snapshot:
    """The track goes on: in its step if its mode is still that step's, else in the step that its mode stands for.

    One that was only held goes on as it was, and one that nothing holds is left alone. Any other begins anew, so that its
    gates look at what happens from here on: where modes were changed, and where warn has reached its cap.

    Raises:
        TransitionRefusedError: a mode is that of no step, or endpoints that go together have different ones.
    """
    progress, step = situation.progress(track), _standing(situation, track)
    if obstacle := _obstacle(situation, track):
        raise TransitionRefusedError(f"resume: {obstacle}")
    if progress is not None and progress.step == step.name and _untouched(situation, track, progress):
        is_capped = (
            step is situation.plan.warn and situation.now - progress.entered_at >= situation.plan.limits.warn_cap
        )
        if progress.halted or not is_capped:
            return _with(situation.snapshot, track, replace(progress, halted=""))
    pulled_back = progress is not None and progress.pulled_back and step is situation.plan.warn
    return _with(situation.snapshot, track, Progress(step.name, situation.now, pulled_back))


def _untouched(situation: Situation, track: Track, progress: Progress) -> bool:
    """Whether no mode of a track was changed since its step began."""
    return all(state.changed_at <= progress.entered_at for _, state in situation.states(track))


def abort(situation: Situation, track: Track, change: Change) -> Snapshot:
    """Nothing of the track enforces any more, and it goes no further by itself."""
    after = replace(situation, snapshot=_lowered(situation, track, change))
    halted = f"aborted by {change.author}: {change.reason}"
    return _with(after.snapshot, track, Progress(_standing(after, track).name, change.now, halted=halted))


def _standing(situation: Situation, track: Track) -> Step:
    """The step that a track is in by its modes: its own one if they are still that step's."""
    plan, progress = situation.plan, situation.progress(track)
    states = [state for _, state in situation.states(track)]
    known = plan.step(progress.step) if progress else None
    return known if known and all(map(known.holds, states)) else plan.standing(states[0])


def _lowered(situation: Situation, track: Track, change: Change) -> Snapshot:
    """With everything in warn that enforces."""
    after = situation.snapshot
    for place in situation.places(track):
        state = situation.state(place)
        if state.mode is Mode.ENFORCE:
            after = _with_mode(after, place, state, situation.plan.warn, change)
    return after


def _with_mode(snapshot: Snapshot, place: str | None, state: ModeState, step: Step, change: Change) -> Snapshot:
    changed = modes.change(
        state, step.mode, step.share, actor=change.actor, changed_by=change.author, reason=change.reason, now=change.now
    )
    if place is None:
        return replace(snapshot, everywhere=changed)
    return replace(snapshot, endpoints={**snapshot.endpoints, place: changed})


def _with(snapshot: Snapshot, track: Track, progress: Progress) -> Snapshot:
    return replace(snapshot, rollout={**snapshot.rollout, track.name: progress})
