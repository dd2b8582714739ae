"""How every command that changes a store goes about it: say what will change, change it, say what was stored."""

from __future__ import annotations

from collections.abc import Callable

from stagenorm.cli import output, trail
from stagenorm.core.modes import in_words
from stagenorm.errors import TransitionRefusedError
from stagenorm.stores import Entry, ModeStore, Snapshot, Subscription


def carry_out(
    store: ModeStore,
    act: Callable[[ModeStore], Entry | None],
    *,
    unchanged: str,
    json: bool,
    only_what_was_shown: bool = False,
) -> None:
    """Rehearse a change, show it, and make it.

    Args:
        store: what is changed.
        act: makes the change in the store that it is given; None says that nothing had to change.
        unchanged: what is said then.
        json: print JSON instead, and only once the change is made.
        only_what_was_shown: refuse it if somebody was faster: nobody takes back what they have not seen.

    Raises:
        StagenormError: as ``act`` does, from the rehearsal already where the change is refused.
    """
    planned = act(_Rehearsal(store))
    if planned and not json:
        trail.show_change(planned)
    target = _AtRevision(store, planned.before.revision) if planned and only_what_was_shown else store
    done = act(target) if planned else None
    if json:
        output.show_json({"changed": True, **trail.as_json(done)} if done else {"changed": False})
    elif done is None:
        output.show(f"nothing to change: {unchanged}")
    elif planned and done.before != planned.before:
        output.show("somebody else changed the store meanwhile; what was changed in the end:")
        trail.show_change(done)
    if done and not json:
        output.show(f"stored as revision {done.revision}")
    for note in _notes(done) if done else ():
        output.show(f"note: {note}", stderr=True)


def _notes(entry: Entry) -> list[str]:
    """What an operator might not expect of a change that was made."""
    before, after = entry.before, entry.after
    notes = []
    if not before.revision:
        notes.append("the store was empty: only services that are started with this very store follow it")
    notes += [
        f"{name} is named for the first time: it is right if the service's Endpoint has it to the letter"
        for name in _endpoints(after)
        if name not in _endpoints(before) and entry.action != "undo"
    ]
    if entry.action in {"unlatch", "downgrade"}:
        notes += [
            f"{name} has a mode of its own now, and follows all others again after stagenorm mode clear --endpoint {name}"
            for name in after.endpoints
            if name not in before.endpoints
        ]
    if entry.action == "undo" and not _latched(before) <= _latched(after):
        notes.append("the latch that a downgrade left is gone with it: stagenorm mode show says what enforces now")
    if entry.action == "set" and before.everywhere != after.everywhere and after.endpoints:
        kept = ", ".join(f"{name} ({in_words(state)})" for name, state in after.endpoints.items())
        notes.append(f"endpoints with a mode of their own keep it: {kept}")
    return notes


def _latched(snapshot: Snapshot) -> set[str | None]:
    """Where a latch lies, None being everywhere."""
    return {place for place in (None, *snapshot.endpoints) if (state := snapshot.state(place)) and state.latched}


def _endpoints(snapshot: Snapshot) -> list[str]:
    """The endpoints that modes, aliases and exemptions name."""
    return list(dict.fromkeys([*snapshot.endpoints, *filter(None, (each.endpoint for each in snapshot.overlays))]))


class _Wrapped:
    """A store that stands for another one."""

    def __init__(self, store: ModeStore) -> None:
        self._store = store

    def read(self) -> Snapshot:
        return self._store.read()

    def replace(self, entry: Entry) -> None:
        self._store.replace(entry)

    def trail(self, limit: int) -> list[Entry]:
        return self._store.trail(limit)

    def subscribe(self) -> Subscription:
        return self._store.subscribe()

    def lease(self, holder: str, seconds: float) -> bool:  # noqa: ARG002 - a rehearsal leads nothing
        return False

    def leader(self) -> str | None:
        return self._store.leader()


class _Rehearsal(_Wrapped):
    """It shows what it holds, and keeps nothing."""

    def replace(self, entry: Entry) -> None:
        pass


class _AtRevision(_Wrapped):
    """It holds what was seen, or is refused."""

    def __init__(self, store: ModeStore, revision: int) -> None:
        super().__init__(store)
        self._revision = revision

    def read(self) -> Snapshot:
        snapshot = super().read()
        if snapshot.revision != self._revision:
            raise TransitionRefusedError(
                "somebody else changed the store meanwhile, so nothing was changed: look again (stagenorm mode history)"
            )
        return snapshot
