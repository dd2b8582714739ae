"""MemoryModeStore: one process, nothing survives it. For tests, scripts and the demo."""

from __future__ import annotations

import os
import threading
import time
import weakref

from stagenorm.errors import StoreConflictError
from stagenorm.stores.protocol import Entry, Snapshot


class MemoryModeStore:
    """Keeps the snapshot in memory.

    Args:
        snapshot: what it holds at first.
    """

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._snapshot = snapshot or Snapshot()
        self._trail: list[Entry] = []
        self._leader, self._leads_until = "", 0.0
        self._unlock()
        _stores.add(self)

    def _unlock(self) -> None:
        """Begin with a free lock: in a child, the thread that held it at the fork is gone."""
        self._changed = threading.Condition()

    def read(self) -> Snapshot:
        """The stored snapshot."""
        return self._snapshot

    def replace(self, entry: Entry) -> None:
        """Store a change. Raises StoreConflictError if somebody was faster."""
        with self._changed:
            if entry.before.revision != self._snapshot.revision:
                raise StoreConflictError(entry.before.revision, self._snapshot.revision)
            self._trail.append(entry)
            self._snapshot = entry.after
            self._changed.notify_all()

    def trail(self, limit: int) -> list[Entry]:
        """The newest entries, newest first."""
        return self._trail[: -limit - 1 : -1]

    def subscribe(self) -> _MemorySubscription:
        """Begin to hear of changes."""
        return _MemorySubscription(self, self._changed)

    def lease(self, holder: str, seconds: float) -> bool:
        """Take the lease, keep it for longer, or with no seconds give it back."""
        with self._changed:
            if self.leader() in (holder, None):
                self._leader, self._leads_until = holder, time.monotonic() + seconds
            return self.leader() == holder

    def leader(self) -> str | None:
        """Who has the lease."""
        return self._leader if time.monotonic() < self._leads_until else None


_stores: weakref.WeakSet[MemoryModeStore] = weakref.WeakSet()


def _unlock_all() -> None:
    for store in _stores:
        store._unlock()  # noqa: SLF001 - its own module


os.register_at_fork(after_in_child=_unlock_all)


class _MemorySubscription:
    def __init__(self, store: MemoryModeStore, changed: threading.Condition) -> None:
        self._store = store
        self._changed = changed
        self._seen = store.read().revision
        self._closed = False

    def wait(self, timeout: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._store.read().revision != self._seen, timeout)
            changed = self._store.read().revision != self._seen
            self._seen = self._store.read().revision
            return changed

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
