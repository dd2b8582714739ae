"""Changing what a store holds: the one way for CLI, API, webhook and controller.

Every function reads, decides by ``core``, and replaces by compare-and-set, again if somebody was faster. Time comes in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from stagenorm.core import modes
from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.core.overlays import Overlays
from stagenorm.errors import StoreConflictError, StoreError, TransitionRefusedError
from stagenorm.stores.protocol import Entry, ModeStore, Snapshot

_ONCE_SECONDS = 3600.0  # how far back a delivery is looked for: its signature holds for ten minutes, clocks differ
_TRAIL_STEP = 100  # trail entries that are read at first; ten times as many, if these do not reach back so far
_DELIVERY = re.compile(r" fires(?: on (?P<place>[A-Za-z0-9_.-]{1,64}))? \(delivery (?P<id>[!-~]{1,128})\)\Z")


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, why and when.

    Attributes:
        actor: operator, controller or alert.
        author: who it is.
        reason: why.
        now: seconds since the epoch.
    """

    actor: Actor
    author: str
    reason: str
    now: float


def set_mode(
    store: ModeStore, change: Change, mode: Mode, share: float, *, endpoint: str | None = None, default: ModeState
) -> Entry | None:
    """Change the mode of one endpoint, or the global one. None if that very mode and share are stored there already.

    Args:
        store: where.
        change: who, why, when.
        mode: the new mode.
        share: the new share, in percent.
        endpoint: its name, or None for the global mode.
        default: what holds where nothing is stored.

    Raises:
        TransitionRefusedError: the transition table does not allow it.
        StoreError: it was not stored.
    """

    def decide(snapshot: Snapshot) -> Snapshot:
        stored = snapshot.state(endpoint)
        current = stored or snapshot.everywhere or default
        changed = modes.change(
            current, mode, share, actor=change.actor, changed_by=change.author, reason=change.reason, now=change.now
        )
        if stored and _holds(stored) == _holds(changed):
            return snapshot
        return _with_state(snapshot, endpoint, changed)

    return _change_if_needed(store, change, "set", decide)


def _holds(state: ModeState) -> tuple[Mode, float, bool]:
    """What of a state bears on requests and on who may change it; only an alert's change sets a latch."""
    return state.mode, state.share, state.latched


def downgrade(
    store: ModeStore, change: Change, *, endpoint: str | None = None, default: ModeState, once: bool = False
) -> Entry | None:
    """Pull enforce back to warn and latch it: one endpoint, or the global state and every endpoint's in one change.

    Args:
        store: where.
        change: who, why, when.
        endpoint: its name, or None for all.
        default: what holds where nothing is stored.
        once: do nothing if this author asked before with the delivery that the reason ends in, for this place or for all,
            as the trail tells. It is asked in the same compare-and-set, so it holds across processes, and kept there
            even where nothing was left to lower.

    Returns:
        What was changed, or None if everything was down and latched already.
    """

    def lower(state: ModeState) -> ModeState:
        return modes.downgrade(state, changed_by=change.author, reason=change.reason, now=change.now)

    def decide(snapshot: Snapshot) -> Snapshot:
        if endpoint is not None:
            return _with_state(snapshot, endpoint, lower(snapshot.state(endpoint) or snapshot.everywhere or default))
        lowered = {name: lower(state) for name, state in snapshot.endpoints.items()}
        return replace(snapshot, everywhere=lower(snapshot.everywhere or default), endpoints=lowered)

    if not once:
        return _change_if_needed(store, change, "downgrade", decide)

    def decide_once(snapshot: Snapshot) -> Snapshot:
        if _was_asked(store, change):
            raise _Unchanged
        return decide(snapshot)

    try:
        entry = _change(store, change, "downgrade", decide_once)
    except _Unchanged:
        return None
    return entry if replace(entry.after, revision=entry.before.revision) != entry.before else None


def _was_asked(store: ModeStore, change: Change) -> bool:
    """Whether the trail holds this change; a trail that cannot be read keeps nobody from lowering."""
    try:
        for entry in newest_first(store):
            if entry.author == change.author and _is_same(entry.reason, change.reason):
                return True
            if entry.at < change.now - _ONCE_SECONDS:
                return False
    except StoreError:
        pass
    return False


def _is_same(reason: str, wanted: str) -> bool:
    """Whether two reasons name one delivery, and places of which one holds the other."""
    told, asked = _DELIVERY.search(reason), _DELIVERY.search(wanted)
    if not (told and asked):
        return reason == wanted
    return told["id"] == asked["id"] and (None in (told["place"], asked["place"]) or told["place"] == asked["place"])


def newest_first(store: ModeStore) -> Iterator[Entry]:
    """The trail, newest first, read further back as more of it is wanted. Raises StoreError as the store does."""
    last, limit = None, _TRAIL_STEP
    while True:
        entries = store.trail(limit)
        if last and last not in entries:
            return  # it was lost meanwhile, and another one begun
        yield from entries[entries.index(last) + 1 if last else 0 :]  # it may have grown meanwhile
        if len(entries) < limit:
            return
        last, limit = entries[-1], limit * 10


def unlatch(store: ModeStore, change: Change, *, endpoint: str | None = None) -> Entry | None:
    """Clear the latch: of one endpoint, or of the global state and every endpoint's. None if nothing was latched.

    An endpoint that is latched with the global state alone gets a state of its own.
    """
    _only_operators(change, "unlatch")

    def clear(state: ModeState) -> ModeState:
        return (
            modes.unlatch(state, changed_by=change.author, reason=change.reason, now=change.now)
            if state.latched
            else state
        )

    def decide(snapshot: Snapshot) -> Snapshot:
        if endpoint is not None:
            state = snapshot.state(endpoint) or snapshot.everywhere
            return _with_state(snapshot, endpoint, clear(state)) if state and state.latched else snapshot
        cleared = {name: clear(state) for name, state in snapshot.endpoints.items()}
        return replace(snapshot, everywhere=snapshot.everywhere and clear(snapshot.everywhere), endpoints=cleared)

    return _change_if_needed(store, change, "unlatch", decide)


def clear(store: ModeStore, change: Change, endpoint: str) -> Entry | None:
    """Take an endpoint's own mode away, so that the global one holds for it again. None if it has none.

    Args:
        store: where.
        change: who, why, when.
        endpoint: its name.

    Raises:
        TransitionRefusedError: it is not an operator who asks, or the endpoint's own state is latched.
        StoreError: it was not stored.
    """
    _only_operators(change, "clear")

    def decide(snapshot: Snapshot) -> Snapshot:
        state = snapshot.state(endpoint)
        if state and state.latched:
            raise TransitionRefusedError(
                f"clear {endpoint}: latched since {state.changed_by} pulled it back ({state.reason}); "
                "an operator must unlatch it first"
            )
        return _with_state(snapshot, endpoint, None)

    return _change_if_needed(store, change, "clear", decide)


def undo(store: ModeStore, change: Change, *, endpoint: str | None = None) -> Entry:
    """Put every mode back to exactly what it was before the last change of one, as a new revision.

    Overlays stay as they are. Undoing twice brings back what was undone. A trail may be older than the state, which was
    lost and begun anew: only what led to the stored state step by step is undone.

    Args:
        store: where.
        change: who, why, when.
        endpoint: put back the own mode of this endpoint alone, to what it was before its last change.

    Raises:
        TransitionRefusedError: it is not an operator who asks, no change of a mode led to what is stored, or more would be
            enforced than now though the last change was none of a mode (whoever asks may mean that one), or where the
            global mode is latched.
    """
    _only_operators(change, "undo")

    def decide(snapshot: Snapshot) -> Snapshot:
        reached, later = snapshot, None
        for entry in newest_first(store):
            before, after = entry.before, entry.after
            if entry.revision > snapshot.revision and reached is snapshot:
                continue  # somebody was faster, which storing will tell
            if after != reached:
                break  # of a history that was lost
            reached = before
            if endpoint is None:
                changed = (before.everywhere, before.endpoints) != (after.everywhere, after.endpoints)
            else:
                changed = before.state(endpoint) != after.state(endpoint)
            if changed:
                places = [None, *{**snapshot.endpoints, **before.endpoints}] if endpoint is None else [endpoint]
                back = _put_back(snapshot, before, places)
                if later and _may_enforce_more(back, snapshot):
                    raise TransitionRefusedError(
                        f"the last change is revision {later.revision}, {later.action}, which is no mode's: it is taken back "
                        "by its own command; to enforce again set the mode"
                    )
                _refuse_past_a_latch(back, snapshot)
                return back
            by_an_operator = entry.actor is Actor.OPERATOR  # the controller's own steps follow from what is undone
            if later is None and (
                before.overlays != after.overlays or (by_an_operator and before.rollout != after.rollout)
            ):
                later = entry
        raise TransitionRefusedError(
            f"there is nothing to undo: the trail holds no change of {f'the own mode of {endpoint}' if endpoint else 'a mode'} "
            "that led to what is stored"
        )

    return _change(store, change, "undo", decide)


def change_overlays(
    store: ModeStore, change: Change, action: str, decide: Callable[[Overlays], Overlays]
) -> Entry | None:
    """Add or remove temporary aliases and exemptions.

    Args:
        store: where.
        change: who, why, when.
        action: what the trail calls it, such as ``alias add``.
        decide: from the stored overlays to what shall be stored, such as ``Overlays.with_alias``.

    Returns:
        What was changed, or None if nothing was.
    """
    return _change_if_needed(
        store, change, action, lambda snapshot: replace(snapshot, overlays=decide(snapshot.overlays))
    )


def change_rollout(
    store: ModeStore, change: Change, action: str, decide: Callable[[Snapshot], Snapshot]
) -> Entry | None:
    """Halt a rollout, let it go on, or take it back: its progress and the modes that go with it in one change.

    Args:
        store: where.
        change: who, why, when.
        action: what the trail calls it, such as ``rollout hold``.
        decide: from what is stored to what shall be stored.

    Returns:
        What was changed, or None if nothing was.

    Raises:
        TransitionRefusedError: it is not an operator who asks.
        StoreError: it was not stored.
    """
    _only_operators(change, action)
    return _change_if_needed(store, change, action, decide)


def _only_operators(change: Change, action: str) -> None:
    if change.actor is not Actor.OPERATOR:
        raise TransitionRefusedError(f"{action}: not for the {change.actor.value}; only an operator may")


def _may_enforce_more(one: Snapshot, other: Snapshot) -> bool:
    # Where nothing is stored a service may enforce or be off, for all that its operator's machine knows.
    for default in (ModeState(Mode.ENFORCE), ModeState(Mode.OFF)):
        mine, theirs = (modes.ModeView(default, each.everywhere, each.endpoints) for each in (one, other))
        if mine.exceeding(theirs):
            return True
    return False


def _refuse_past_a_latch(back: Snapshot, current: Snapshot) -> None:
    """Nothing enforces again by itself while the global mode stays latched."""
    if back.everywhere is None or not back.everywhere.latched:
        return
    for endpoint, state in back.endpoints.items():
        now = current.state(endpoint) or current.everywhere or back.everywhere
        if state.mode is Mode.ENFORCE and modes.weight(state) > modes.weight(now):
            raise TransitionRefusedError(
                f"{endpoint} would enforce again, and everywhere is latched: stagenorm mode unlatch first"
            )


def _put_back(snapshot: Snapshot, before: Snapshot, places: Iterable[str | None]) -> Snapshot:
    """A snapshot with the modes that some places had before, None being everywhere."""
    for place in places:
        state = before.state(place)
        snapshot = _with_state(snapshot, place, state and _restored(state, snapshot.state(place)))
    return snapshot


def _restored(before: ModeState, current: ModeState | None) -> ModeState:
    """A state as it was, under a revision that it never had."""
    return before if current is None or before == current else replace(before, revision=current.revision + 1)


def _with_state(snapshot: Snapshot, endpoint: str | None, state: ModeState | None) -> Snapshot:
    if endpoint is None:
        return replace(snapshot, everywhere=state)
    if state is not None:
        return replace(snapshot, endpoints={**snapshot.endpoints, endpoint: state})
    return replace(snapshot, endpoints={name: each for name, each in snapshot.endpoints.items() if name != endpoint})


def _change(store: ModeStore, change: Change, action: str, decide: Callable[[Snapshot], Snapshot]) -> Entry:
    """Decide on what is stored, and store it, until nobody was faster."""
    while True:
        before = store.read()
        after = replace(decide(before), revision=before.revision + 1)
        entry = Entry(after.revision, change.now, change.actor, change.author, action, change.reason, before, after)
        try:
            store.replace(entry)
        except StoreConflictError:
            continue  # somebody was faster, so the store makes progress
        return entry


def _change_if_needed(
    store: ModeStore, change: Change, action: str, decide: Callable[[Snapshot], Snapshot]
) -> Entry | None:
    """The same, but nothing is stored where nothing changes."""

    def decide_or_stop(snapshot: Snapshot) -> Snapshot:
        decided = decide(snapshot)
        if decided == snapshot:
            raise _Unchanged
        return decided

    try:
        return _change(store, change, action, decide_or_stop)
    except _Unchanged:
        return None


class _Unchanged(Exception):  # noqa: N818 - no error
    """Nothing would change."""
