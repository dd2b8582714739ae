"""Scratch: directories for copies of databases, gone afterwards whatever happens."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".stagenorm_copy_"
_YOUNG = 60.0  # seconds in which one that was made has its lock


@contextmanager
def scratch(within: Path | None = None) -> Iterator[Path]:
    """A directory of its own. Those that processes which were killed left behind are removed first.

    Args:
        within: where it is made; the system's directory for temporary files without it.
    """
    parent = Path(tempfile.gettempdir()) if within is None else within
    _clean_up(parent)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    held = os.open(directory, os.O_RDONLY)
    try:
        # Held while this process lives: one whose lock is free was left behind.
        fcntl.flock(held, fcntl.LOCK_EX)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(held)


def _clean_up(parent: Path) -> None:
    for directory in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - os.fstat(held).st_mtime > _YOUNG:
                    shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(held)
