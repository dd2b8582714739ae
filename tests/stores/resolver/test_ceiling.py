"""The local ceiling: what an operator on the host can lower by a setting or by touching a file."""

import os

import pytest

from stagenorm import Mode, ModeState, StoreError
from stagenorm.stores import Ceiling, Snapshot

ENFORCE, OFF = (ModeState(mode, share=40) for mode in (Mode.ENFORCE, Mode.OFF))


def mode(resolver, endpoint="simulate"):
    return resolver.view.state(endpoint).mode


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, Mode.ENFORCE),
        (b"", Mode.WARN),
        (b"off\n", Mode.OFF),
        (b"warn", Mode.WARN),
        (b"enforce", Mode.ENFORCE),
        (b"please stop", Mode.WARN),
        (b"\xff\xfe", Mode.WARN),
    ],
)
def test_a_file_on_the_host_is_a_ceiling(store, resolve, tmp_path, content, expected):
    store.answer = Snapshot(3, ENFORCE, {"off": OFF})
    file = tmp_path / "force"
    if content is not None:
        file.write_bytes(content)
    resolver = resolve(ceiling=Ceiling.parse(None, str(file)))
    assert (mode(resolver), mode(resolver, "off")) == (expected, Mode.OFF)


def test_a_ceiling_that_cannot_be_read_is_warn(resolve, tmp_path):
    assert mode(resolve(ceiling=Ceiling(file=tmp_path))) is Mode.WARN  # a directory


@pytest.mark.parametrize("has_writer", [False, True])
def test_a_pipe_keeps_nobody_waiting(resolve, tmp_path, has_writer):
    pipe = tmp_path / "force"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR) if has_writer else None
    assert mode(resolve(ceiling=Ceiling(file=pipe))) is Mode.WARN
    if has_writer:
        os.close(writer)


@pytest.mark.parametrize(
    ("forced", "touched", "expected"),
    [
        ("enforce", False, Mode.ENFORCE),
        ("warn", False, Mode.WARN),
        ("off", True, Mode.OFF),
        ("enforce", True, Mode.WARN),
    ],
)
def test_the_lowest_ceiling_holds(resolve, tmp_path, forced, touched, expected):
    file = tmp_path / "force"
    if touched:
        file.touch()
    resolver = resolve(ceiling=Ceiling.parse(forced, str(file)))
    assert mode(resolver) is expected
    assert resolver.view.state("simulate").share == 40


def test_a_ceiling_works_while_the_store_is_gone(store, resolve, tmp_path, until):
    file = tmp_path / "force"
    resolver = resolve(ceiling=Ceiling(file=file))
    store.answer = StoreError("gone")
    resolver.refresh()
    reads = store.reads
    file.touch()
    until(lambda: mode(resolver) is Mode.WARN)
    file.unlink()
    until(lambda: mode(resolver) is Mode.ENFORCE)
    assert store.reads == reads  # the thread looked at the file alone
