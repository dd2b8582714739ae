"""MemoryModeStore: one process, nothing survives it. For tests, scripts and the demo."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stagenorm.errors import StoreError
from stagenorm.stores.protocol import Snapshot


class MemoryModeStore:
    """Keeps the snapshot in memory.

    Args:
        snapshot: what it holds at first.
    """

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._snapshot = snapshot or Snapshot()
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []

    def read(self) -> Snapshot:
        """The stored snapshot."""
        return self._snapshot

    def replace(self, snapshot: Snapshot) -> None:
        """Store the next snapshot. Raises StoreError if it does not follow the stored one."""
        with self._lock:
            if snapshot.revision != self._snapshot.revision + 1:
                raise StoreError(
                    f"revision {snapshot.revision} does not follow the stored {self._snapshot.revision}: "
                    "somebody else changed the mode; read it again"
                )
            self._snapshot = snapshot
        for changed in self._watchers:
            changed()

    def watch(self, changed: Callable[[], None]) -> None:
        """Have a function called after every change."""
        self._watchers.append(changed)
