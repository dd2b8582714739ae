"""LastKnown: what one process knows of its modes, and the view that follows. Pure: time comes in.

The last snapshot that was read well holds while the store fails. Nothing that is read later makes this process enforce
more unless somebody changed a mode meanwhile: a store that merely went back does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from stagenorm.core.modes import Mode, ModeState, ModeView
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
    """

    source: str
    stale_seconds: float
    error: str | None


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
        self._newest = 0.0  # when a mode was changed last, of all that were confirmed
        self._failing_since: float | None = None
        self._error: str | None = None

    def confirm(self, snapshot: Snapshot) -> None:
        """Take over what was read.

        Raises:
            StoreError: the store went back (it restarted empty, a replica lagged) and would enforce more.
        """
        newest = _newest(snapshot)
        seen = self.snapshot
        if seen is not None and snapshot.revision < seen.revision and newest <= self._newest:  # noqa: SIM102
            if self._stored(snapshot).exceeds(self._stored(seen)):
                raise StoreError(
                    f"the store went back from revision {seen.revision} to {snapshot.revision}, which would enforce "
                    "more: set the mode again"
                )
        self.snapshot = snapshot
        self._newest = max(newest, self._newest)
        self._failing_since = self._error = None

    def fail(self, error: str, now: float) -> None:
        """The store was not read well."""
        self._error = error
        if self._failing_since is None:
            self._failing_since = now

    def view(self, ceiling: Mode | None, now: float) -> ModeView:
        """What holds now, on a host with this ceiling."""
        limit = self._relax_when_stale
        if limit is not None and self._failing_since is not None and now - self._failing_since >= limit:
            ceiling = Mode.WARN if ceiling in (None, Mode.ENFORCE) else ceiling
        return self._stored(self.snapshot or Snapshot(), ceiling)

    def _stored(self, snapshot: Snapshot, ceiling: Mode | None = None) -> ModeView:
        return ModeView(
            self._default, snapshot.everywhere, snapshot.endpoints, ceiling=ceiling, overlays=snapshot.overlays
        )

    def status(self, now: float) -> Status:
        """How it is known."""
        stale = 0.0 if self._failing_since is None else now - self._failing_since
        if self.snapshot is None or self.snapshot.revision == 0:
            return Status("default", stale, self._error)
        return Status("store" if self._error is None else "last-known", stale, self._error)


def _newest(snapshot: Snapshot) -> float:
    states = [snapshot.everywhere, *snapshot.endpoints.values()]
    return max((state.changed_at for state in states if state), default=0.0)
