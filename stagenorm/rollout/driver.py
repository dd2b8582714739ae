"""Driver: reads the store, asks the source, has the controller decide, and stores what it decided. All effects are here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Actor, ModeState
from stagenorm.errors import StoreConflictError, TransitionRefusedError
from stagenorm.rollout import controller
from stagenorm.rollout.controller import AUTHOR, Move, Situation, Standing, Track, Wait
from stagenorm.rollout.observations import Source
from stagenorm.rollout.observing import observe
from stagenorm.rollout.plan import Plan
from stagenorm.stores import control
from stagenorm.stores.control import Change
from stagenorm.stores.protocol import Entry, ModeStore, Snapshot

Operation = Literal["hold", "resume", "abort"]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one track.

    Attributes:
        track: which one.
        since: since when it is in its step; None where it never began.
        outcome: what was stored, or why nothing was.
    """

    track: Track
    since: float | None
    outcome: Move | Wait


class Driver:
    """Walks a plan.

    Args:
        plan: the whole way.
        store: where modes and progress are kept.
        source: what is observed.
        default: the mode that holds while none is stored.
        clock: seconds since the epoch.
    """

    def __init__(
        self, plan: Plan, store: ModeStore, source: Source, default: ModeState, clock: Callable[[], float]
    ) -> None:
        self.plan = plan
        self._store = store
        self._source = source
        self._default = default
        self._clock = clock

    def look(self, track: Track) -> Told:
        """How a track stands, and what the controller would do. Nothing is stored. Raises StoreError."""
        return self._decide(track)[1]

    def tick(self) -> list[Told]:
        """One round: each track takes a step where it can. A round that somebody else was faster in changes nothing.

        Raises:
            StoreError: the store cannot be read or changed.
        """
        return [self._tick(track) for track in controller.tracks(self.plan)]

    def _tick(self, track: Track) -> Told:
        while True:
            before, told = self._decide(track)
            if isinstance(told.outcome, Wait):
                return told
            if self._store_move(before, told.outcome, Actor.CONTROLLER, AUTHOR):
                return told

    def advance(self, track: Track, author: str, override: str = "") -> Told:
        """Take one step by hand.

        Args:
            track: which one.
            author: who takes it.
            override: why it is taken although a gate does not pass; empty takes it only if all do.

        Returns:
            What was done, or the gates that did not pass.

        Raises:
            TransitionRefusedError: nothing follows, or no step may be taken from here, overridden or not.
            StoreError: the store cannot be read or changed.
        """
        while True:
            before, told = self._decide(track, Actor.OPERATOR, author, override)
            if isinstance(told.outcome, Wait):
                if not told.outcome.results:
                    raise TransitionRefusedError("the rollout is complete: no step follows")
                return told
            if self._store_move(before, told.outcome, Actor.OPERATOR, author):
                return told

    def operate(self, track: Track, what: Operation, change: Change) -> Entry | None:
        """Halt a track, let it go on, or take it back to warn. None if nothing changed.

        Args:
            track: which one.
            what: ``hold``, ``resume`` or ``abort``.
            change: which operator, why and when.

        Raises:
            TransitionRefusedError: the rollout has not begun.
            StoreError: it was not stored.
        """

        def decide(snapshot: Snapshot) -> Snapshot:
            if what != "resume" and track.name not in snapshot.rollout:
                raise TransitionRefusedError(f"{what}: the rollout has not begun: stagenorm rollout run begins it")
            situation = Situation(self.plan, snapshot, self._default, change.now)
            if what == "hold":
                return controller.halt(situation, track, f"held by {change.author}: {change.reason}")
            if what == "resume":
                return controller.resume(situation, track)
            return controller.abort(situation, track, change)

        return control.change_rollout(self._store, change, f"rollout {what}", decide)

    def _decide(
        self, track: Track, actor: Actor = Actor.CONTROLLER, author: str = AUTHOR, override: str = ""
    ) -> tuple[Snapshot, Told]:
        situation = Situation(self.plan, self._store.read(), self._default, self._clock())
        progress, found = situation.progress(track), controller.look(situation, track)
        since = progress.entered_at if progress else None
        if not isinstance(found, Standing):
            return situation.snapshot, Told(track, since, found)
        waits = controller.judge(situation, found, observe(self.plan, found, self._source, situation.now))
        if waits.verdict is not Conclusion.PASS and not override:
            return situation.snapshot, Told(track, since, waits)
        change = Change(actor, author, _reason(waits, override), situation.now)
        return situation.snapshot, Told(track, since, controller.go_on(situation, found, change))

    def _store_move(self, before: Snapshot, move: Move, actor: Actor, author: str) -> bool:
        """Whether it was stored; not if somebody was faster."""
        after = replace(move.after, revision=before.revision + 1)
        entry = Entry(after.revision, self._clock(), actor, author, move.action, move.reason, before, after)
        try:
            self._store.replace(entry)
        except StoreConflictError:
            return False
        return True


def _reason(waits: Wait, override: str) -> str:
    """Why a step is taken: its override, or the gates that passed."""
    if override:
        ignored = ", ".join(
            f"{each.gate} {each.verdict.value}" for each in waits.results if each.verdict is not Conclusion.PASS
        )
        return f"{override} (overriding {ignored})" if ignored else override
    return f"all gates of {waits.step.name if waits.step else ''} pass: " + ", ".join(
        each.gate for each in waits.results
    )
