"""FileModeStore: one host. The snapshot is one file that is replaced as a whole; the trail lies beside it.

Replacing the file commits a change: it says how long the trail is, so a line that was written before a crash and never
committed is skipped by readers and overwritten by the next writer. One lock file serializes writers; readers need none.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stagenorm.errors import StoreConflictError, StoreError
from stagenorm.stores.protocol import Entry, Snapshot, decode_entry, decode_snapshot, encode

_LOOK_SECONDS = 0.09  # how often a subscription looks at the file
_CONTENT = re.compile(rb"([^\n]+)\n([0-9]{1,18})\n")  # the snapshot, and the length of its trail in bytes

_LEASE = re.compile(r"([0-9]{1,12}\.[0-9]{3}) ([^\n]+)\n")  # until when, and whose


class FileModeStore:
    """Keeps the snapshot in a file.

    Args:
        path: of the snapshot; trail, lock and lease are beside it, with ``.trail``, ``.lock`` and ``.lease`` behind its
            name. Its directory must be there.
        timeout: how long a writer waits for another one, in seconds.
    """

    def __init__(self, path: Path, *, timeout: float = 5.0) -> None:
        self._path = path
        self._trail_path = path.with_name(path.name + ".trail")
        self._lock_path = path.with_name(path.name + ".lock")
        self._lease_path = path.with_name(path.name + ".lease")
        self._timeout = timeout

    def read(self) -> Snapshot:
        """The stored snapshot. Raises StoreError where the file cannot be read or is damaged."""
        return self._read()[0]

    def _read(self) -> tuple[Snapshot, int]:
        """The snapshot, and the length of its trail in bytes."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError as error:
            if self._path.parent.is_dir():
                return Snapshot(), 0
            # Perhaps not mounted: that nothing was ever stored is not known.
            raise StoreError(f"cannot read {self._path}: its directory is not there: make it, or mount it") from error
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error
        found = _CONTENT.fullmatch(data)
        if not found:
            raise StoreError(f"{self._path} is torn or damaged: restore it, or move it away to start anew")
        return decode_snapshot(found[1], str(self._path)), int(found[2])

    def replace(self, entry: Entry) -> None:
        """Store a change. Raises StoreConflictError if somebody was faster, StoreError if it cannot be written."""
        try:
            with self._locked():
                stored, length = self._read()
                if stored.revision != entry.before.revision:
                    raise StoreConflictError(entry.before.revision, stored.revision)
                length = self._append(encode(entry) + b"\n", length)
                self._write(b"%s\n%d\n" % (encode(entry.after), length))
        except OSError as error:
            raise StoreError(f"cannot change {self._path}: {error.strerror}; nothing was changed") from error

    def _append(self, line: bytes, length: int) -> int:
        """Write a line behind the committed trail; returns its new length."""
        with suppress(FileNotFoundError):
            if length == 0 or self._trail_path.stat().st_size < length:  # of another snapshot, or torn
                self._set_old_trail_aside()
                length = 0
        descriptor = self._open(self._trail_path, os.O_RDWR)
        with os.fdopen(descriptor, "r+b") as trail:
            trail.truncate(min(length, trail.seek(0, os.SEEK_END)))
            trail.seek(0, os.SEEK_END)
            trail.write(line)
            trail.flush()
            os.fsync(trail.fileno())
            return trail.tell()

    def _set_old_trail_aside(self) -> None:
        """Keep what is there under another name: nobody's history is overwritten, and nothing is written behind a tear."""
        since = self._trail_path.stat().st_mtime_ns
        self._trail_path.replace(self._trail_path.with_name(f"{self._trail_path.name}.{since}"))

    def _write(self, data: bytes) -> None:
        draft = self._path.with_name(self._path.name + ".draft")
        try:
            with os.fdopen(self._open(draft, os.O_WRONLY | os.O_TRUNC), "wb") as file:
                self._keep_access(file.fileno())
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        with suppress(OSError):  # the change holds; not every file system can sync a directory
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def _open(self, path: Path, flags: int) -> int:
        """A descriptor of a file beside the snapshot. What root makes belongs to whoever owns the directory.

        So a worker can lower the mode although the first one who changed it was root.
        """
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return os.open(path, flags)
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor

    def _keep_access(self, draft: int) -> None:
        """Whoever could read the file still can, whoever changes it: an operator may be root, the workers are not."""
        with suppress(FileNotFoundError):
            before = self._path.stat()
            os.fchmod(draft, before.st_mode)
            with suppress(PermissionError):
                os.fchown(draft, before.st_uid, before.st_gid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with os.fdopen(self._open(self._lock_path, os.O_RDONLY), "rb") as lock:
            deadline = time.monotonic() + self._timeout
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise StoreError(
                            f"{self._lock_path} is held by another writer for {self._timeout:g} s: find and end it"
                        ) from error
                    time.sleep(0.001)
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # closing is not enough: a child forked meanwhile has it open too

    def trail(self, limit: int) -> list[Entry]:
        """The newest entries, newest first."""
        _, length = self._read()
        try:
            with self._trail_path.open("rb") as trail:
                lines = trail.read(length).splitlines()[: -limit - 1 : -1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self._trail_path}: {error.strerror}") from error
        return [decode_entry(line, str(self._trail_path)) for line in lines]

    def subscribe(self) -> _FileSubscription:
        """Begin to hear of changes."""
        return _FileSubscription(self._path)

    def lease(self, holder: str, seconds: float) -> bool:
        """Take the lease, keep it for longer, or with no seconds give it back. Raises StoreError if it cannot be written."""
        try:
            with self._locked():
                if self.leader() not in (holder, None):
                    return False
                with os.fdopen(self._open(self._lease_path, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
                    file.write(f"{time.time() + seconds if seconds else 0:.3f} {holder}\n")
                return seconds > 0
        except OSError as error:
            raise StoreError(f"cannot lease {self._path}: {error.strerror}") from error

    def leader(self) -> str | None:
        """Who has the lease. One that was torn as it was written is nobody's: it protects nothing."""
        try:
            written = self._lease_path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self._lease_path}: {error.strerror}") from error
        found = _LEASE.fullmatch(written)
        return found[2] if found and time.time() < float(found[1]) else None


class _FileSubscription:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = False
        self._seen = self._look()

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - many times a second, so without pathlib's own cost
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while (seen := self._look()) == self._seen:
            left = deadline - time.monotonic()
            if left <= 0 or self._closed:
                return False
            time.sleep(min(left, _LOOK_SECONDS))  # waiting for an event would take a third more of the processor
        self._seen = seen
        return True

    def close(self) -> None:
        self._closed = True
