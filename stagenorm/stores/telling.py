"""Hooks that are being told, and forks: no child may inherit a lock of theirs that another thread holds."""

from __future__ import annotations

import threading
from contextlib import suppress


class Telling:
    """Which threads tell hooks now. They do not wait for each other; a fork waits for them, but not for ever.

    While one waits no other thread begins to tell, or a process that tells without pause would never fork.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._threads: list[int] = []
        self._forks: set[int] = set()

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._changed:
            # A hook may cause another telling: the fork waits for that thread already.
            self._changed.wait_for(lambda: not self._forks or me in self._threads)
            self._threads.append(me)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._threads.remove(threading.get_ident())
            self._changed.notify_all()

    def wait_to_fork(self, seconds: float) -> None:
        """Wait until no other thread tells, and let none begin until ``go_on``.

        Args:
            seconds: at most; a hook that takes longer is not waited for.
        """
        me = threading.get_ident()
        self._changed.acquire()
        self._forks.add(me)
        self._changed.wait_for(lambda: {*self._threads} <= {me}, seconds)

    def go_on(self) -> None:
        """The fork is over, however its wait ended: Python forks though a signal's handler raised meanwhile."""
        self._forks.discard(threading.get_ident())
        with self._changed:
            self._changed.notify_all()
        with suppress(RuntimeError):  # the wait ended before the lock was had
            self._changed.release()
