"""Drills: what preflight does to a mode store for real. It only reads the operator's own store."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from stagenorm.core.modes import ModeState, in_words
from stagenorm.errors import StoreError
from stagenorm.rollout.observations import NotKnown
from stagenorm.rollout.preflight import READS, Fallback
from stagenorm.stores import ModeResolver, ModeStore, Snapshot, open_store
from stagenorm.stores.protocol import Subscription

_NEVER = 3600.0  # seconds between reads of the drill's resolver: the drill reads by itself


def time_reads(store: ModeStore, clock: Callable[[], float] = time.perf_counter) -> list[float] | NotKnown:
    """How long each of a thousand reads takes, in seconds; or why the store cannot be read.

    Args:
        store: the operator's.
        clock: seconds that only grow.
    """
    taken = []
    try:
        store.read()  # whatever is connected, is connected now
        for _ in range(READS):
            began = clock()
            store.read()
            taken.append(clock() - began)
    except StoreError as error:
        return NotKnown(str(error))
    return taken


def fall_silent(store: ModeStore, default: ModeState) -> Fallback | NotKnown:
    """Have a resolver read the operator's store, and then a port that takes connections and never answers.

    Args:
        store: the operator's.
        default: what holds where it holds nothing.
    """
    with _silent_port() as port, _warnings() as warned:
        falling = _Falling(store, open_store(f"redis://127.0.0.1:{port}/0"))
        resolver = ModeResolver(cast("ModeStore", falling), default, ttl=_NEVER)
        try:
            resolver.refresh()
            fault = resolver.status().error
            if fault:
                return NotKnown(f"the mode store could not be read before the drill: {fault}")
            before = resolver.view
            falling.silent = True
            warned.clear()
            began = time.monotonic()
            resolver.refresh()
            seconds = time.monotonic() - began
            changes = [
                f"{name or 'everywhere'}: {in_words(old)} -> {in_words(new)}"
                for name, old, new in resolver.view.changes_from(before)
            ]
            return Fallback(changes, resolver.status().source, list(warned), seconds)
        finally:
            resolver.close()


class _Falling:
    """The operator's store for a resolver, which only reads it, until it falls silent."""

    def __init__(self, store: ModeStore, silence: ModeStore) -> None:
        self._store = store
        self._silence = silence
        self.silent = False

    def read(self) -> Snapshot:
        return (self._silence if self.silent else self._store).read()

    def subscribe(self) -> Subscription:
        raise StoreError("a drill listens to nothing")


@contextmanager
def _silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:  # the kernel takes connections, and nobody reads them
        yield int(server.getsockname()[1])


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What the logger warns of meanwhile. It goes nowhere else."""
    told: list[str] = []
    logger = logging.getLogger("stagenorm")
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
