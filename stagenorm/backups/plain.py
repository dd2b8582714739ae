r"""Plain: a dump that is a script, given to psql so that it can run SQL on one database and nothing else.

A script may hold backslash commands, which run programs (``\!``) and read and write files as whoever runs psql. psql of
August 2025 and later refuses them behind ``\restrict KEY`` (CVE-2025-8714). pg_dump writes such a line into its scripts,
with a key that stands there for everybody to read, so ours takes its place.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_RESTRICT = re.compile(rb"\A(?:(?:--[^\n]*)?\r?\n)*(\\restrict [A-Za-z0-9]+\r?\n)")
_UNRESTRICT = re.compile(rb"\n(\\unrestrict [A-Za-z0-9]+\s*)\Z")
_ENDS = 4096
_CHUNK = 1 << 20


@contextmanager
def restricted(dump: Path) -> Iterator[IO[bytes]]:
    """The script of a dump behind a restriction whose key nobody can know.

    Args:
        dump: the file.

    Yields:
        What psql is to read. A psql that knows no restriction fails at its first line.
    """
    reading, writing = os.pipe()
    with dump.open("rb") as file, open(reading, "rb") as script:  # noqa: PTH123 - a descriptor
        feeding = threading.Thread(target=_feed, args=(file, writing), daemon=True)
        feeding.start()
        try:
            yield script
        finally:
            script.close()  # whoever still feeds it ends
            feeding.join()


def _feed(file: IO[bytes], writing: int) -> None:
    with suppress(BrokenPipeError), open(writing, "wb") as script:
        left = _end(file)
        file.seek(0)
        head = file.read(min(_ENDS, left))
        left -= len(head)
        if found := _RESTRICT.match(head):
            head = head[: found.start(1)] + head[found.end(1) :]
        script.write(f"\\restrict {secrets.token_hex(32)}\n".encode() + head)
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            script.write(chunk)


def _end(file: IO[bytes]) -> int:
    """Where the script ends without the line that lifts pg_dump's own restriction."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _ENDS))
    tail = file.read()
    found = _UNRESTRICT.search(tail)
    return size - len(tail) + found.start(1) if found else size
