"""FileModeStore: one host. The snapshot is one file that is replaced as a whole; the trail lies beside it.

Replacing the file commits a change: it says how long the trail is, so a line that was written before a crash and never
committed is skipped by readers and overwritten by the next writer. One lock file serializes writers; readers need none.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stagenorm.errors import StoreConflictError, StoreError
from stagenorm.stores.protocol import Entry, Snapshot, decode_entry, decode_snapshot, encode

_LOOK_SECONDS = 0.05  # how often a subscription looks at the file: one stat() takes microseconds


class FileModeStore:
    """Keeps the snapshot in a file.

    Args:
        path: of the snapshot; the trail and the lock are beside it, with ``.trail`` and ``.lock`` behind its name.
        timeout: how long a writer waits for another one, in seconds.
    """

    def __init__(self, path: Path, *, timeout: float = 5.0) -> None:
        self._path = path
        self._trail_path = path.with_name(path.name + ".trail")
        self._lock_path = path.with_name(path.name + ".lock")
        self._timeout = timeout

    def read(self) -> Snapshot:
        """The stored snapshot. Raises StoreError where the file cannot be read or is damaged."""
        return self._read()[0]

    def _read(self) -> tuple[Snapshot, int]:
        """The snapshot, and the length of its trail in bytes: the file's two lines."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return Snapshot(), 0
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error
        snapshot, _, length = data.partition(b"\n")
        if not length.strip().isdigit():
            raise StoreError(f"{self._path} is torn or damaged: restore it, or remove it to start anew")
        return decode_snapshot(snapshot, str(self._path)), int(length)

    def replace(self, entry: Entry) -> None:
        """Store a change. Raises StoreConflictError if somebody was faster, StoreError if it cannot be written."""
        try:
            with self._locked():
                stored, length = self._read()
                if stored.revision != entry.before.revision:
                    raise StoreConflictError(entry.before.revision, stored.revision)
                length = self._append(entry, length)
                self._write(b"%s\n%d\n" % (encode(entry.after), length))
        except OSError as error:
            raise StoreError(f"cannot change {self._path}: {error.strerror}; nothing was changed") from error

    def _append(self, entry: Entry, length: int) -> int:
        """Write a line behind the committed trail; returns its new length."""
        descriptor = os.open(self._trail_path, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "r+b") as trail:
            trail.truncate(min(length, trail.seek(0, os.SEEK_END)))
            trail.seek(0, os.SEEK_END)
            trail.write(encode(entry) + b"\n")
            trail.flush()
            os.fsync(trail.fileno())
            return trail.tell()

    def _write(self, data: bytes) -> None:
        draft = self._path.with_name(self._path.name + ".draft")
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock_path.open("wb") as lock:
            deadline = time.monotonic() + self._timeout
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise StoreError(
                            f"{self._lock_path} is held by another writer for {self._timeout} s: find and end it"
                        ) from error
                    time.sleep(0.001)
            yield  # closing the file unlocks it

    def trail(self, limit: int) -> list[Entry]:
        """The newest entries, newest first."""
        _, length = self._read()
        try:
            with self._trail_path.open("rb") as trail:
                lines = trail.read(length).splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self._trail_path}: {error.strerror}") from error
        return [decode_entry(line, str(self._trail_path)) for line in lines[: -limit - 1 : -1]]

    def subscribe(self) -> _FileSubscription:
        """Begin to hear of changes."""
        return _FileSubscription(self._path)


class _FileSubscription:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = threading.Event()
        self._seen = self._look()

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while (seen := self._look()) == self._seen:
            left = deadline - time.monotonic()
            if left <= 0 or self._closed.wait(min(left, _LOOK_SECONDS)):
                return False
        self._seen = seen
        return True

    def close(self) -> None:
        self._closed.set()
