"""ModeResolver: keeps this process's view of a store current. A request only ever reads one attribute of it.

One daemon thread a process polls the store once a TTL and listens for pushes in between, so a change arrives within
milliseconds and a lost push costs at most a TTL. The thread starts anew after a fork.
"""

from __future__ import annotations

import atexit
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from stagenorm.core.modes import Mode, ModeState, ModeView
from stagenorm.errors import ConfigurationError, StoreError
from stagenorm.stores.ceiling import Ceiling
from stagenorm.stores.opening import open_store
from stagenorm.stores.protocol import ModeStore, Snapshot, Subscription

_logger = logging.getLogger("stagenorm")
_LOCAL_SECONDS = 1.0  # how often the local ceiling is looked at, and a stop is heard


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


class ModeResolver:
    """Reads a store and shows its newest state as ``view``.

    Args:
        store: where the modes are kept.
        default: what holds while the store holds nothing.
        ttl: seconds between two reads; jittered by a tenth, so that a fleet does not read at once.
        ceiling: what this host allows at most.
        relax_when_stale: seconds after which enforce counts as warn while the store cannot be read; None never does.
        clock: seconds that only grow.
        jitter: a number from 0 to 1, anew each time.
    """

    def __init__(
        self,
        store: ModeStore,
        default: ModeState | None = None,
        *,
        ttl: float = 5.0,
        ceiling: Ceiling | None = None,
        relax_when_stale: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.store = store
        self.default = default or ModeState(Mode.WARN)
        self._ttl = ttl
        self._ceiling = ceiling or Ceiling()
        self._relax_when_stale = relax_when_stale
        self._clock = clock
        self._jitter = jitter
        self._snapshot: Snapshot | None = None  # the last that was confirmed
        self._failing_since: float | None = None
        self._error: str | None = None
        self._threaded = True
        self._view = ModeView(self.default, ceiling=self._ceiling.read())
        self.refresh()
        self._start()
        os.register_at_fork(after_in_child=_if_alive(weakref.WeakMethod(self._start)))
        atexit.register(_if_alive(weakref.WeakMethod(self.close)))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ModeResolver:
        """A resolver as the environment says.

        ``STAGENORM_STORE`` is the store's URL (``memory://`` without it). ``STAGENORM_DEFAULT_MODE`` holds while the
        store holds none (warn without it; enforce means the whole share). ``STAGENORM_FORCE_MODE`` and a file at
        ``STAGENORM_FORCE_FILE`` are this host's ceiling.

        Raises:
            ConfigurationError: one of them names nothing that there is.
        """
        name = environ.get("STAGENORM_DEFAULT_MODE", Mode.WARN.value)
        try:
            mode = Mode(name)
        except ValueError:
            raise ConfigurationError(
                f"STAGENORM_DEFAULT_MODE is {name!r}: use one of {', '.join(mode.value for mode in Mode)}"
            ) from None
        ceiling = Ceiling.parse(environ.get("STAGENORM_FORCE_MODE"), environ.get("STAGENORM_FORCE_FILE"))
        return cls(open_store(environ.get("STAGENORM_STORE", "memory://")), ModeState(mode), ceiling=ceiling)

    @property
    def view(self) -> ModeView:
        """What requests read. Where no thread can run, it is read anew at most once a TTL, within the deadline."""
        if not self._threaded and self._clock() >= self._due:
            self.refresh()
        return self._view

    def status(self) -> Status:
        """How this process knows its modes."""
        stale = 0.0 if self._failing_since is None else self._clock() - self._failing_since
        if self._snapshot is None or self._snapshot.revision == 0:
            return Status("default", stale, self._error)
        return Status("store" if self._error is None else "last-known", stale, self._error)

    def refresh(self) -> None:
        """Read the store now, and take over what it holds. A store that fails leaves the last confirmed state."""
        self._due = self._clock() + self._ttl * (0.9 + 0.2 * self._jitter())
        try:
            snapshot = self.store.read()
            self._check_newer(snapshot)
        except StoreError as error:
            self._failed(str(error))
        except Exception as error:  # a store of somebody else's must not end the thread
            self._failed(f"{type(error).__name__} in {type(self.store).__name__}.read")
            _logger.debug("a mode store failed", exc_info=error)
        else:
            self._snapshot = snapshot
            self._succeeded()
        self._show()

    def _check_newer(self, snapshot: Snapshot) -> None:
        """Refuse a snapshot that went back (a store restarted empty, a replica that lagged) and would enforce more."""
        seen = self._snapshot
        if seen is None or snapshot.revision >= seen.revision or _newest(snapshot) > _newest(seen):
            return
        if self._viewed(snapshot).exceeds(self._viewed(seen)):
            raise StoreError(
                f"the store went back from revision {seen.revision} to {snapshot.revision}, which would enforce more: "
                "the last confirmed state holds until the mode is set again"
            )

    def _failed(self, error: str) -> None:
        if self._failing_since is None:
            self._failing_since = self._clock()
            held = "the last confirmed state holds" if self._snapshot else f"{self.default.mode.value} holds by default"
            _logger.warning("mode store degraded: %s; %s", error, held)
        self._error = error

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            _logger.warning("mode store recovered after %.1f s", self._clock() - self._failing_since)
        self._failing_since = self._error = None

    def _show(self) -> None:
        self._view = self._viewed(self._snapshot or Snapshot())

    def _viewed(self, snapshot: Snapshot) -> ModeView:
        ceiling = self._ceiling.read()
        if self._is_relaxed() and (ceiling is None or ceiling is Mode.ENFORCE):
            ceiling = Mode.WARN
        return ModeView(
            self.default, snapshot.everywhere, snapshot.endpoints, ceiling=ceiling, overlays=snapshot.overlays
        )

    def _is_relaxed(self) -> bool:
        limit = self._relax_when_stale
        return limit is not None and self._failing_since is not None and self._clock() - self._failing_since >= limit

    def _start(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=_run, args=(weakref.ref(self), self._stopping), daemon=True)
        self._thread.name = "stagenorm-modes"
        try:
            self._thread.start()
        except RuntimeError:  # such as uWSGI without --enable-threads, or an interpreter without threads
            if self._threaded:
                _logger.warning("no thread can run here: the mode is read on requests, at most once in %g s", self._ttl)
            self._threaded = False

    def tend(self, subscription: Subscription | None) -> Subscription | None:
        """What the thread does each time it wakes: look at the ceiling, read when it is due, subscribe if it is not."""
        if self._clock() < self._due:
            self._show()
            return subscription
        if subscription is None:
            with suppress(StoreError):
                subscription = self.store.subscribe()  # before the read, so that no change falls between
        self.refresh()
        return subscription

    def pause(self) -> float:
        """Seconds until the thread must wake."""
        return min(max(self._due - self._clock(), 0.0), _LOCAL_SECONDS)

    def close(self) -> None:
        """Stop the thread; the view stays as it is."""
        self._stopping.set()


def _newest(snapshot: Snapshot) -> float:
    states = [snapshot.everywhere, *snapshot.endpoints.values()]
    return max((state.changed_at for state in states if state), default=0.0)


def _if_alive(method: weakref.WeakMethod[Callable[[], None]]) -> Callable[[], None]:
    """A function that calls a method while its resolver is in use, and does not keep it from being freed."""

    def call() -> None:
        found = method()
        if found:
            found()

    return call


def _run(reference: weakref.ref[ModeResolver], stopping: threading.Event) -> None:
    """The thread: it holds no resolver while it waits, so one that nobody uses ends with its thread."""
    subscription: Subscription | None = None
    while not stopping.is_set():
        resolver = reference()
        if resolver is None:
            break
        subscription = resolver.tend(subscription)
        pause = resolver.pause()
        del resolver
        try:
            heard = subscription.wait(pause) if subscription else stopping.wait(pause) and False
        except StoreError:
            subscription, heard = None, False
        resolver = reference()
        if heard and resolver:
            resolver.refresh()
    if subscription:
        with suppress(StoreError):
            subscription.close()
