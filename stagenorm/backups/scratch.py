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
_NEW = ".stagenorm_new_"  # until it is locked; whoever is killed before leaves it empty
_YOUNG = 60.0  # seconds in which one is locked


@contextmanager
def scratch(within: Path | None = None) -> Iterator[Path]:
    """A directory of its own. Those that processes which were killed left behind are removed first.

    Args:
        within: where it is made; the system's directory for temporary files without it.
    """
    parent = Path(tempfile.gettempdir()) if within is None else within
    _clean_up(parent)
    new = Path(tempfile.mkdtemp(prefix=_NEW, dir=parent))
    directory = new.with_name(new.name.replace(_NEW, _PREFIX))
    held = os.open(new, os.O_RDONLY)
    try:
        # Held while this process lives: one whose lock is free was left behind.
        with suppress(OSError):  # of a file system that locks no directory, where nothing is cleaned up either
            fcntl.flock(held, fcntl.LOCK_EX)
        yield new.rename(directory)
    finally:
        for each in (new, directory):
            shutil.rmtree(each, ignore_errors=True)
        os.close(held)


def _clean_up(parent: Path) -> None:
    for new in parent.glob(f"{_NEW}*"):
        with suppress(OSError):
            if time.time() - new.stat().st_mtime > _YOUNG:
                new.rmdir()
    for directory in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(held)
