"""Access logs as files: plain, gzip and Zstandard, told by how they begin; read in blocks of whole lines, by every core."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import IO, NamedTuple

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.consumers.log_scan import Found, Scan, clock_of
from stagenorm.consumers.networks import Networks
from stagenorm.consumers.requests import Requests
from stagenorm.consumers.sharing import shared
from stagenorm.errors import DataFileError, MissingExtraError

try:
    import zstandard
    from isal import igzip_threaded
except ModuleNotFoundError as error:
    raise MissingExtraError("reading access logs", "consumers") from error

STDIN = Path("-")
_BLOCK = 1 << 20
_PACKED = 1 << 14  # bytes that are unpacked at a time, as they may become a thousand times as many
_LONGEST_LINE = 8 << 20
_PART = 64 << 20  # bytes of a plain file that one process reads at a time
_TAIL = 1 << 16  # bytes at the end of a plain file that tell when it ends
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Part(NamedTuple):
    """A part of a log that one process reads.

    Attributes:
        path: of the file.
        start: the byte that it begins at; the line that this byte is amidst belongs to the part before.
        end: the byte that it ends before, and the line there belongs to it; None for the whole.
    """

    path: Path
    start: int = 0
    end: int | None = None


def read_logs(
    paths: Sequence[Path], endpoints: Sequence[Endpoint], networks: Networks, window: int
) -> dict[Path, Found]:
    """What each log holds; of requests, at least those within the window.

    Args:
        paths: of the logs; ``-`` is the standard input.
        endpoints: whose requests are counted.
        networks: the operator's own.
        window: how long before the end of the logs requests count, in seconds.

    Raises:
        DataFileError: one cannot be read to its end.
    """
    paths = list(dict.fromkeys(paths))
    horizon = 0 if STDIN in paths else _newest(paths) - window
    work = partial(read_part, endpoints=endpoints, networks=networks)
    found = _read(paths, partial(work, horizon=max(0, horizon)))
    clock = clock_of(found.values(), window)
    if clock and clock.now - window < horizon:  # it was the clock of a few lines that were wrong
        found = _read(paths, work)
    return found


def _newest(paths: Sequence[Path]) -> int:
    """The newest moment at the end of plain files, in seconds since the epoch; 0 where there is none."""
    nothing = Scan(Requests(()), Networks(()))
    for path in paths:
        for part in _parts(path)[-1:]:
            if part.end is not None:
                tail = part._replace(start=max(part.start, part.end - _TAIL))
                with path.open("rb") as file:
                    for block in _whole_lines(_content(file, tail), nothing):
                        nothing.read(block)
    return max(nothing.found().newest.values(), default=0)


def _read(paths: Sequence[Path], work: Callable[[Part], Found]) -> dict[Path, Found]:
    parts = [part for path in paths for part in _parts(path)]
    found: dict[Path, Found] = {}
    for part, one in zip(parts, shared(parts, work, own=lambda part: part.path == STDIN), strict=True):
        if part.path in found:
            found[part.path].merge(one)
        else:
            found[part.path] = one
    return found


def _parts(path: Path) -> list[Part]:
    if path == STDIN:
        return [Part(path)]
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _PART or file.peek(len(_ZSTD)).startswith((_GZIP, _ZSTD)):
                return [Part(path)]
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror}") from error
    return [Part(path, start, min(start + _PART, size)) for start in range(0, size, _PART)]


def read_part(part: Part, endpoints: Sequence[Endpoint], networks: Networks, horizon: int = 0) -> Found:
    """What a part of a log holds. Raises DataFileError if it cannot be read to its end."""
    scan = Scan(Requests(endpoints), networks, horizon)
    try:
        with _opened(part.path) as file:
            for block in _whole_lines(_content(file, part), scan):
                scan.read(block)
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise DataFileError(
            f"{part.path}: its compression ends early or is damaged ({error}): is it still being written? unpack it as "
            "far as it goes, and read that"
        ) from error
    except OSError as error:
        raise DataFileError(f"{part.path}: cannot be read: {error.strerror}") from error
    return scan.found()


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    # The standard input is this process's own, and stays open.
    with open(0 if path == STDIN else path, "rb", closefd=path != STDIN) as file:
        yield file


def _content(file: BufferedReader, part: Part) -> Iterator[bytes]:
    """The bytes of a part: unpacked, and from the beginning of a line to the end of one."""
    head = file.peek(len(_ZSTD))
    if part.start == 0 and head.startswith(_GZIP):
        return _blocks(igzip_threaded.open(file, "rb", threads=1))  # type: ignore[no-untyped-call]
    if part.start == 0 and head.startswith(_ZSTD):
        return _ahead(_zstd(file))
    return _blocks(file) if part.end is None else _range(file, part.start, part.end)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _zstd(file: IO[bytes]) -> Iterator[bytes]:
    # The library's own reader takes a frame that ends early for a whole one.
    frame = zstandard.ZstdDecompressor().decompressobj()
    while packed := file.read(_PACKED):
        while packed:
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            if block := frame.decompress(packed):
                yield block
            packed = frame.unused_data
    if not frame.eof:
        raise EOFError("its last frame is not whole")


def _ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same, each unpacked while the one before is looked at."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, blocks, b"")
        while block := following.result():
            following = pool.submit(next, blocks, b"")
            yield block


def _range(file: BufferedReader, start: int, end: int) -> Iterator[bytes]:
    """Every line that begins in a range."""
    if start:
        file.seek(start - 1)
        for _ in _to_line_end(file):
            pass
    while (left := end - file.tell()) > 0 and (block := file.read(min(left, _BLOCK))):
        yield block
        if left <= _BLOCK and not block.endswith(b"\n"):
            yield from _to_line_end(file)


def _to_line_end(file: BufferedReader) -> Iterator[bytes]:
    while piece := file.readline(_BLOCK):
        yield piece
        if piece.endswith(b"\n"):
            return


def _whole_lines(blocks: Iterator[bytes], scan: Scan) -> Iterator[bytes]:
    """The same bytes in blocks of whole lines, without the lines that are too long."""
    rest, skipping = b"", False
    for block in blocks:
        head, newline, tail = block.rpartition(b"\n")
        if not newline:
            rest += b"" if skipping else tail
            if len(rest) > _LONGEST_LINE:
                scan.skip(rest[:_BLOCK])
                rest, skipping = b"", True
            continue
        if skipping:
            _, newline, head = (head + newline).partition(b"\n")
            skipping = False
            if head:
                yield head
        else:
            yield rest + head + newline
        rest = tail
    if rest:
        yield rest
