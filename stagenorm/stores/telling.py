"""Hooks that are being told, and forks: no child may inherit a lock of theirs that another thread holds."""

from __future__ import annotations

import threading


class Telling:
    """Which threads tell hooks now. They do not wait for each other; a fork waits for them, but not for ever."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._threads: list[int] = []

    def __enter__(self) -> None:
        with self._changed:
            self._threads.append(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._threads.remove(threading.get_ident())
            self._changed.notify_all()

    def wait_to_fork(self, seconds: float) -> None:
        """Wait until no other thread tells, and let none begin until ``go_on``."""
        self._changed.acquire()
        self._changed.wait_for(lambda: {*self._threads} <= {threading.get_ident()}, seconds)

    def go_on(self) -> None:
        """The fork is over."""
        self._changed.release()
