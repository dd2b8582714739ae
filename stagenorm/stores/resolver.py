"""ModeResolver: keeps this process's view of a store current. A request only ever reads one attribute of it.

One daemon thread a process polls the store once a TTL and listens for pushes in between, so a change arrives within
milliseconds and a lost push costs at most a TTL. A second one never touches the store: it looks at the local ceiling and
at how stale the store is, also while the first one is stuck in it. Both start anew after a fork.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from random import SystemRandom
from typing import TYPE_CHECKING

from stagenorm.core.modes import Mode, ModeState, ModeView, in_words
from stagenorm.errors import ConfigurationError, StoreError
from stagenorm.events import Hook, StoreRead
from stagenorm.stores.ceiling import Ceiling
from stagenorm.stores.environment import default_state, local_ceiling
from stagenorm.stores.lastknown import LastKnown, Status
from stagenorm.stores.listener import Listener
from stagenorm.stores.opening import open_store
from stagenorm.stores.protocol import ModeStore, Snapshot
from stagenorm.stores.telling import Telling

_logger = logging.getLogger("stagenorm")
_random = SystemRandom()  # the process's own generator belongs to the host, whose tests may have seeded it
_telling = Telling()
_LOCAL_SECONDS = 1.0  # how often the local ceiling is looked at
_PATIENCE = 2.0  # seconds that a store may take for an answer, where a TTL is less


class ModeResolver:
    """Reads a store and shows its newest state as ``view``.

    Args:
        store: where the modes are kept.
        default: what holds while the store holds nothing.
        ttl: seconds between two reads at most; jittered by a tenth, so that a fleet does not read at once.
        ceiling: what this host allows at most.
        relax_when_stale: seconds after which enforce counts as warn while the store cannot be read; None never does.
        hooks: hear a StoreRead of every read.
        clock: seconds that only grow.
        jitter: a number from 0 to 1, anew each time.

    Attributes:
        view: what requests read. Where no thread can run it is read anew at most once a TTL, by the request that
            finds it due; others do not wait for that one.

    Raises:
        ConfigurationError: the TTL is not positive.
    """

    view: ModeView

    def __init__(
        self,
        store: ModeStore,
        default: ModeState | None = None,
        *,
        ttl: float = 5.0,
        ceiling: Ceiling | None = None,
        relax_when_stale: float | None = None,
        hooks: Iterable[Hook] = (),
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _random.random,
    ) -> None:
        if not ttl > 0:
            raise ConfigurationError(f"ttl is {ttl:g}: give a number of seconds above 0")
        self.store = store
        self.default = default or ModeState(Mode.WARN)
        self.hooks: list[Hook] = list(hooks)
        self._ttl = ttl
        self._ceiling = ceiling or Ceiling()
        self._clock = clock
        self._jitter = jitter
        self._known = LastKnown(self.default, relax_when_stale)
        self._threaded = True
        self._closed = threading.Event()
        self._patience = max(ttl, _PATIENCE)
        self._reading = threading.Lock()  # held by the one request that reads where no thread can run
        self._knowing = threading.Lock()  # of all that is known; held for no I/O
        self._reads = 0  # that were taken over
        self._due = self._awaited = clock()  # when the next read begins; since when an answer is waited for
        self._limit = self._ceiling.read()
        self._newest_view = ModeView(self.default)
        self._listener = Listener(store)
        self._start()
        _resolvers.add(self)
        if not self._threaded:
            self.refresh()
        elif not self._begun.wait(self._patience):
            self.tick()  # the service starts without its store

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ModeResolver:
        """A resolver as the environment says; it logs a warning where that names no store.

        ``STAGENORM_STORE`` is the store's URL (``memory://`` without it). ``STAGENORM_DEFAULT_MODE`` holds while the
        store holds none (warn without it; enforce means the whole share). ``STAGENORM_FORCE_MODE`` and a file at
        ``STAGENORM_FORCE_FILE`` are this host's ceiling.

        Raises:
            ConfigurationError: one of them names nothing that there is.
        """
        store = open_store(environ.get("STAGENORM_STORE", "memory://"))
        if "STAGENORM_STORE" not in environ:
            _logger.warning("no STAGENORM_STORE: modes are in this process alone, and no command reaches it")
        return cls(store, default_state(environ), ceiling=local_ceiling(environ))

    def status(self) -> Status:
        """How this process knows its modes."""
        return self._known.status(self._clock())

    def refresh(self) -> None:
        """Read the store now, and take over what it holds. A store that fails leaves the last confirmed state.

        Returns when the store has answered.
        """
        with self._knowing:
            reads, started = self._reads, self._clock()
            self._due = started + self._ttl * (1 - 0.1 * self._jitter())
            self._awaited = min(self._awaited, started)
        answer: Snapshot | Exception
        try:
            answer = self.store.read()
        except Exception as error:  # noqa: BLE001 - raised again once it is taken over
            answer = error
        limit = self._ceiling.read()
        with self._knowing:
            # Another read ended meanwhile, or this one was given up: it may be the older one, whenever it ends.
            if self._reads != reads and not self._is_as_new(answer):
                return
            self._reads += 1
            self._awaited = self._due
            self._limit = limit
            before, revision = self.status(), self._revision()
            self._take(answer)
            shown, view = self._show(), self._newest_view
            after, now_at = self.status(), self._revision()
        self._tell_modes(shown, view)
        if now_at < revision:
            _logger.warning("mode store went back from revision %d to %d", revision, now_at)
        self._tell(before, after, self._clock() - started)

    def hold_at_warn(self, endpoint: str | None, at: float) -> None:
        """Treat enforce as warn in this process: a downgrade could not be stored. Waits for nothing.

        It ends once the store is read and nothing there enforces, or only what somebody set after that moment.

        Args:
            endpoint: the endpoint that the downgrade was for, or None for all.
            at: when it was wanted, in seconds since the epoch.
        """
        with self._knowing:
            self._known.hold(endpoint, at)
            shown, view = self._show(), self._newest_view
        self._tell_modes(shown, view)
        _logger.warning("a downgrade could not be stored: this process holds itself at warn until the store has it")

    def _take(self, answer: Snapshot | Exception) -> None:
        try:
            self._known.confirm(_given(answer))
        except StoreError as error:
            self._known.fail(str(error), self._clock())
        except Exception as error:  # a store of somebody else's must not end the thread
            self._known.fail(f"{type(error).__name__} in {type(self.store).__name__}.read", self._clock())
            _logger.debug("a mode store failed", exc_info=error)

    def _is_as_new(self, answer: Snapshot | Exception) -> bool:
        return isinstance(answer, Snapshot) and answer.revision >= self._revision()

    def _revision(self) -> int:
        return self._known.snapshot.revision if self._known.snapshot else 0

    def _show(self) -> ModeView:
        """Have requests see what is known. Returns what they saw before, for the log."""
        before, self._newest_view = self._newest_view, self._known.view(self._limit, self._clock())
        if self._threaded:
            self.view = self._newest_view
        return before

    def _tell_modes(self, before: ModeView, now: ModeView) -> None:
        for endpoint, old, new in now.changes_from(before):
            _logger.info(
                "mode of %s: %s -> %s, %s",
                endpoint or "everywhere",
                in_words(old),
                in_words(new),
                _cause(before, now, new),
            )

    def tick(self) -> None:
        """What the second thread does each time it wakes: it touches no store.

        The ceiling and the staleness are shown anew, and a read that does not end counts as failed since it began.
        """
        limit = self._ceiling.read()
        with self._knowing:
            now, since = self._clock(), self._awaited
            before = self.status()
            stuck = now - since >= self._patience
            if stuck:
                self._known.fail(f"no answer within {self._patience:g} s", since)
                self._reads += 1
                self._awaited = now
            self._limit = limit
            shown, view = self._show(), self._newest_view
            after = self.status()
        self._tell_modes(shown, view)
        if stuck:
            self._tell(before, after, now - since)

    def _tell(self, before: Status, after: Status, seconds: float) -> None:
        if after.error and not before.error:
            held = "the last confirmed state" if self._known.snapshot else f"{self.default.mode.value}, the default,"
            _logger.warning("mode store degraded: %s; %s holds", after.error, held)
        elif before.error and not after.error:
            _logger.warning("mode store recovered after %.1f s", before.stale_seconds)
        if before.held and not after.held:
            _logger.warning("the store has what was wanted: this process follows it again")
        event = StoreRead(seconds, after.error, after.stale_seconds)
        with _telling:
            for hook in self.hooks:
                try:
                    hook(event)
                except Exception:  # a hook is someone else's code, and must not end the thread
                    _logger.exception("hook %r failed", hook)

    def _start(self) -> None:
        self._begun = threading.Event()
        try:
            self._run(_tick, self._closed)
            self._run(_follow, self._listener, self._closed, self._begun)
        except RuntimeError:  # such as a container at its limit of threads
            if self._threaded:
                _logger.warning("no thread can run here: the mode is read on requests, at most once in %g s", self._ttl)
            self._threaded = False
            self._closed.set()  # for the one that did start
            self._closed = threading.Event()
            self.__dict__.pop("view", None)  # from now on found by __getattr__
        else:
            self._threaded = True
            self.view = self._newest_view

    def _run(self, loop: Callable[..., None], *arguments: object) -> None:
        name = f"stagenorm-modes-{loop.__name__.strip('_')}"
        threading.Thread(target=loop, args=(weakref.ref(self), *arguments), name=name, daemon=True).start()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> ModeView:
            if name != "view":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if self._clock() >= self._due and self._reading.acquire(blocking=False):
                try:
                    self.refresh()
                finally:
                    self._reading.release()
            return self._newest_view

    def restart(self) -> None:
        """Begin anew in a child process: neither its parent's threads nor what they held is there."""
        if self._closed.is_set():
            return
        self._closed = threading.Event()
        self._reading, self._knowing = threading.Lock(), threading.Lock()  # the old ones may be held for ever
        self._listener = Listener(self.store)
        self._due = self._awaited = self._clock()
        self._start()

    def tend(self, *, heard: bool) -> float:
        """What the first thread does each time it wakes: the only one that may get stuck in the store.

        Args:
            heard: whether the store told of a change.

        Returns:
            How long the thread may sleep, in seconds.
        """
        if heard:
            self.refresh()
        elif self._clock() >= self._due:
            self._poll()
        return min(max(self._due - self._clock(), 0.0), _LOCAL_SECONDS)

    def _poll(self) -> None:
        listening = self._listener.connect()
        revision = self._revision()
        self.refresh()
        if self.status().error:
            self._listener.drop()  # it may be half open: begin anew with the store
        elif listening and self._revision() != revision:
            self._listener.drop()  # it heard nothing of this change
            self._listener.connect()

    def close(self) -> None:
        """Stop the threads; the view stays as it is."""
        self._closed.set()
        self._listener.drop()


def _given(answer: Snapshot | Exception) -> Snapshot:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _cause(before: ModeView, now: ModeView, state: ModeState) -> str:
    """Why another mode holds now: this host's own ceiling, or whoever changed what is stored."""
    if now.ceiling is not before.ceiling:
        return f"this process allows {now.ceiling.value} at most" if now.ceiling else "this process has no ceiling now"
    return f"by {state.changed_by!a}: {state.reason!a}" if state.changed_by else "by default"


def _follow(
    reference: weakref.ref[ModeResolver], listener: Listener, closed: threading.Event, begun: threading.Event
) -> None:
    """The first thread: it holds no resolver while it waits, so one that nobody uses ends with its threads."""
    heard = False
    while not closed.is_set():
        resolver = reference()
        if resolver is None:
            break
        pause = _LOCAL_SECONDS
        with suppress(Exception):  # a log handler is somebody else's too, and must not end the thread
            pause = resolver.tend(heard=heard)
        del resolver
        begun.set()
        heard = listener.wait(pause, closed)
    listener.drop()


def _tick(reference: weakref.ref[ModeResolver], closed: threading.Event) -> None:
    """The second thread."""
    while not closed.wait(_LOCAL_SECONDS):
        resolver = reference()
        if resolver is None:
            break
        with suppress(Exception):  # as above
            resolver.tick()
        del resolver


_resolvers: weakref.WeakSet[ModeResolver] = weakref.WeakSet()


def _wait_for_hooks() -> None:
    _telling.wait_to_fork(_PATIENCE)


def _go_on_telling() -> None:
    _telling.go_on()


def _restart_all() -> None:
    global _telling  # noqa: PLW0603 - the old one is the parent's
    _telling = Telling()
    for resolver in list(_resolvers):
        resolver.restart()


def _close_all() -> None:
    for resolver in list(_resolvers):
        resolver.close()


os.register_at_fork(before=_wait_for_hooks, after_in_parent=_go_on_telling, after_in_child=_restart_all)
atexit.register(_close_all)
