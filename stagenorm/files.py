"""Replacing a file in one step: whoever reads it sees the old content or the new, never a part of either."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stagenorm.errors import DataFileError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file that takes its place only when the block has ended without an error.

    Args:
        path: where it goes. A symbolic link is followed; a file that is there keeps its permissions.

    Yields:
        The new file, beside the old one under a hidden name; whatever stops the block, it is gone afterwards.

    Raises:
        DataFileError: nothing can be written there, or what is there is no regular file.
    """
    target = path.resolve()
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    if target.exists() and not target.is_file():
        raise DataFileError(f"{path} is not a regular file: name a file to write")
    try:
        with part.open("xb") as file:
            if target.exists():
                shutil.copymode(target, part)
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise DataFileError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink()
