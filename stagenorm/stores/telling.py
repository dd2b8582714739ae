"""Hooks that are being told, and forks: no child may inherit a lock of theirs that another thread holds."""

from __future__ import annotations

import threading


class Telling:
    """Which threads tell hooks now. They do not wait for each other; a fork waits for them, but not for ever.

    While one waits no other thread begins to tell, or a process that tells without pause would never fork.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._threads: list[int] = []
        self._forks = 0

    def __enter__(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._forks)
            self._threads.append(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._threads.remove(threading.get_ident())
            self._changed.notify_all()

    def wait_to_fork(self, seconds: float) -> None:
        """Wait until no other thread tells, and let none begin until ``go_on``.

        Args:
            seconds: at most; a hook that takes longer is not waited for.
        """
        self._changed.acquire()
        self._forks += 1
        self._changed.wait_for(lambda: {*self._threads} <= {threading.get_ident()}, seconds)

    def go_on(self) -> None:
        """The fork is over."""
        self._forks -= 1
        self._changed.notify_all()
        self._changed.release()
