"""LastKnown: what one process knows of its modes, and the view that follows. Pure: time comes in.

The last snapshot that was read well holds while the store fails. Nothing that is read later makes this process enforce
more unless somebody changed that very mode meanwhile: a store that merely went back does not. What it lowers is obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from stagenorm.core.modes import Mode, ModeState, ModeView, weight
from stagenorm.errors import StoreError
from stagenorm.stores.protocol import Snapshot


@dataclass(frozen=True, slots=True)
class Status:
    """How a process knows its modes.

    Attributes:
        source: ``store``, ``last-known`` (the store is gone, the last confirmed state holds) or ``default`` (nothing
            was ever stored or read).
        stale_seconds: since when the store has not answered well; 0.0 while it does.
        error: what is wrong with the store, or None.
        held: whether this process holds itself at warn because a downgrade could not be stored.
        revision: of the stored snapshot that holds here; 0 while there is none.
    """

    source: str
    stale_seconds: float
    error: str | None
    held: bool = False
    revision: int = 0


class LastKnown:
    """What is known so far.

    Args:
        default: what holds while nothing is stored.
        relax_when_stale: seconds after which enforce counts as warn while the store fails; None never does.

    Attributes:
        snapshot: the last that was confirmed; None before the first.
    """

    def __init__(self, default: ModeState, relax_when_stale: float | None = None) -> None:
        self.snapshot: Snapshot | None = None
        self._default = default
        self._relax_when_stale = relax_when_stale
        self._refused: Snapshot | None = None  # of a store that went back, and so of a history that lost changes
        self._newest = 0.0  # when a mode was changed last, of all that were confirmed
        self._failure: _Failure | None = None  # one value, because status() is asked by any thread
        self._held: dict[str | None, _Wanted] = {}  # downgrades that could not be stored

    def confirm(self, snapshot: Snapshot) -> None:
        """Take over what was read.

        Raises:
            StoreError: the store went back (it restarted empty, a replica lagged) and would enforce more. It stays
                refused, whatever its revision grows to, until the modes that enforce more were set since.
        """
        seen = self.snapshot
        if seen is not None and (self._refused is not None or _is_behind(snapshot, seen)):
            exceeding = self._stored(snapshot).exceeding(self._stored(seen))
            if any(state.changed_at <= self._newest for state in exceeding.values()):
                self.snapshot, self._refused = self._with_lowered(seen, snapshot), snapshot
                where = f"from revision {seen.revision} to {snapshot.revision}"
                if snapshot.revision >= seen.revision:
                    where = f"behind revision {seen.revision}, and is at {snapshot.revision} since"
                raise StoreError(f"the store went back {where}, which would enforce more {_remedy(exceeding)}")
        self.snapshot, self._refused = snapshot, None
        self._newest = max(_newest(snapshot), self._newest)
        self._failure = None
        self._held = {
            endpoint: wanted for endpoint, wanted in self._held.items() if self._enforces(snapshot, endpoint, wanted)
        }

    def _with_lowered(self, seen: Snapshot, refused: Snapshot) -> Snapshot:
        """What was lowered since holds from now on, whatever such a store says next."""
        lowered: dict[str | None, ModeState] = {}
        for place in (None, *{**seen.endpoints, **refused.endpoints}):
            now, then = (each.state(place) or each.everywhere or self._default for each in (refused, seen))
            if weight(now) < weight(then) and now.changed_at > self._newest:
                lowered[place] = now
        self._newest = max((state.changed_at for state in lowered.values()), default=self._newest)
        everywhere = lowered.pop(None, seen.everywhere)
        own = {place: state for place, state in lowered.items() if place is not None}
        return replace(seen, everywhere=everywhere, endpoints={**seen.endpoints, **own})

    def hold(self, endpoint: str | None, at: float) -> None:
        """A downgrade of one endpoint, or of all, could not be stored: hold this process at warn.

        It ends with the first snapshot in which nothing there enforces, or only what was set after that moment.

        Args:
            endpoint: its name, or None for all.
            at: when, in seconds since the epoch.
        """
        self._held[endpoint] = _Wanted(at, self.snapshot or Snapshot())

    def _enforces(self, snapshot: Snapshot, endpoint: str | None, wanted: _Wanted) -> bool:
        """Whether something enforces that was there when the downgrade was wanted, whatever its author's clock said."""
        states = self._states(snapshot, endpoint)
        known = self._states(wanted.seen, endpoint)
        return any(
            state.mode is Mode.ENFORCE and (state.changed_at <= wanted.at or known.get(place) == state)
            for place, state in states.items()
        )

    def _states(self, snapshot: Snapshot, endpoint: str | None) -> dict[str | None, ModeState]:
        otherwise = snapshot.everywhere or self._default
        places = [endpoint] if endpoint else [None, *snapshot.endpoints]
        return {place: snapshot.state(place) or otherwise for place in places}

    def fail(self, error: str, now: float) -> None:
        """The store was not read well."""
        self._failure = _Failure(self._failure.since if self._failure else now, error)

    def view(self, ceiling: Mode | None, now: float) -> ModeView:
        """What holds now, on a host with this ceiling."""
        limit, failure = self._relax_when_stale, self._failure
        if self._held or (limit is not None and failure is not None and now - failure.since >= limit):
            ceiling = Mode.WARN if ceiling in (None, Mode.ENFORCE) else ceiling
        known = self._stored(self.snapshot or Snapshot(), ceiling)
        return known if self._refused is None else known.milder(self._stored(self._refused, ceiling))

    def _stored(self, snapshot: Snapshot, ceiling: Mode | None = None) -> ModeView:
        return ModeView(
            self._default, snapshot.everywhere, snapshot.endpoints, ceiling=ceiling, overlays=snapshot.overlays
        )

    def status(self, now: float) -> Status:
        """How it is known."""
        failure, snapshot = self._failure, self.snapshot
        source = "last-known" if failure else "store"
        if snapshot is None or snapshot.revision == 0:
            source = "default"
        stale_seconds, error = (now - failure.since, failure.error) if failure else (0.0, None)
        return Status(source, stale_seconds, error, bool(self._held), self.snapshot.revision if self.snapshot else 0)


class _Wanted(NamedTuple):
    """When a downgrade was wanted, in seconds since the epoch, and what was known then."""

    at: float
    seen: Snapshot


class _Failure(NamedTuple):
    since: float
    error: str


def _is_behind(snapshot: Snapshot, seen: Snapshot) -> bool:
    """Whether a snapshot is older than one that was seen: as a whole, or by a mode whose own revision fell.

    That falls as well where a mode was cleared and set again, but then it was changed later. Another snapshot of the same
    revision is of another history.
    """
    if snapshot.revision <= seen.revision:
        return snapshot != seen
    places = [None, *snapshot.endpoints]
    pairs = [(snapshot.state(place), seen.state(place)) for place in places]
    return any(
        now.revision < then.revision and now.changed_at <= then.changed_at for now, then in pairs if now and then
    )


def _remedy(exceeding: Mapping[str | None, ModeState]) -> str:
    """Where, and what sets it anew: to set what is stored already would store nothing."""
    where = ", ".join(place or "everywhere" for place in exceeding)
    return f"({where}): there, stagenorm mode set warn, and then what it shall be"


def _newest(snapshot: Snapshot) -> float:
    states = [snapshot.everywhere, *snapshot.endpoints.values()]
    return max((state.changed_at for state in states if state), default=0.0)
