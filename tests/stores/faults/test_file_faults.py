"""A file store whose disk is full, whose file is torn, whose writers race or die, under a host that serves requests."""

import fcntl
import os
import resource
import stat
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from stagenorm import StoreError
from stagenorm.stores import FileModeStore, open_store
from stagenorm.stores.protocol import Snapshot
from stagenorm.testing.stores import entry_after


@pytest.fixture
def path(tmp_path):
    return tmp_path / "modes.json"


@pytest.fixture
def host(start_host, path):
    host = start_host(f"file://{path}")
    host.follows("enforce", 40)
    host.forget()
    return host


@contextmanager
def written(path, content):
    """Other bytes stand in the file for a while."""
    good = path.read_bytes()
    path.write_bytes(content)
    yield
    path.write_bytes(good)


@contextmanager
def a_directory(path):
    kept = path.rename(path.with_name("kept"))
    path.mkdir()
    yield
    path.rmdir()
    kept.rename(path)


@contextmanager
def directory_gone(path):
    kept = path.parent.rename(path.parent.with_name("unmounted"))
    yield
    kept.rename(path.parent)


def torn(length):
    @contextmanager
    def fault(path):
        with written(path, path.read_bytes()[:length]):
            yield

    return fault


def edited(old, new):
    @contextmanager
    def fault(path):
        with written(path, path.read_bytes().replace(old, new)):
            yield

    return fault


FAULTS = {
    "empty": (torn(0), "is torn or damaged"),
    "torn early": (torn(20), "is torn or damaged"),
    "torn late": (torn(-2), "is torn or damaged"),
    "its last byte lost": (torn(-1), "is torn or damaged"),
    "zeros, as after a power cut": (edited(b"{", b"\0" * 500), "is torn or damaged|holds no mode state"),
    "unknown mode": (edited(b'"enforce"', b'"strict"'), "holds no mode state"),
    "latched and enforcing": (edited(b'"latched":false', b'"latched":true'), "what is latched never enforces"),
    "share missing": (edited(b'"share":40,', b""), "fields are missing"),
    "a directory": (a_directory, "cannot read .*: Is a directory"),
    "directory gone": (directory_gone, "its directory is not there"),
}


@pytest.mark.parametrize(("fault", "complaint"), FAULTS.values(), ids=FAULTS)
def test_a_store_that_fails_costs_nothing(path, host, until, fault, complaint):
    with fault(path):
        until(lambda: host.resolver.status().error)
        with pytest.raises(StoreError, match=complaint):
            host.set("warn")
        host.serve()
        assert host.holds("enforce", 40)
    until(lambda: not host.resolver.status().error)
    host.assert_untouched(share=40)
    host.follows("warn")


def test_a_file_that_is_moved_away_enforces_no_more_and_its_trail_is_kept(path, host, until):
    path.rename(path.with_name("kept"))
    until(lambda: "went back from revision 1 to 0" in (host.resolver.status().error or ""))
    host.serve()
    assert host.holds("enforce", 40)
    host.assert_untouched(share=40)
    host.follows("enforce", 60)
    assert [entry.after.everywhere.share for entry in host.operator.trail(10)] == [60]
    (kept,) = path.parent.glob("modes.json.trail.*")
    assert b'"share":40' in kept.read_bytes()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, with a file of what is left of it; where none can be mounted, no file may grow instead."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], check=False, capture_output=True
    )
    if mounted.returncode:
        yield directory, _no_file_may_grow
        return

    @contextmanager
    def full():
        filler = directory / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(512))
        yield
        filler.unlink()

    yield directory, full
    subprocess.run(["umount", "--lazy", directory], check=True)


@contextmanager
def _no_file_may_grow():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_and_keeps(small_disk, start_host, until):
    directory, full = small_disk
    host = start_host(f"file://{directory}/modes.json")
    with full(), pytest.raises(StoreError, match="nothing was changed"):
        host.set("enforce", 10)  # the first change of all
    assert host.operator.read() == Snapshot()
    host.follows("enforce", 40)
    host.forget()
    with full():
        with pytest.raises(StoreError, match="nothing was changed"):
            host.set("warn")
        host.serve()
        assert host.holds("enforce", 40)
        assert host.resolver.status().source == "store"
    host.follows("enforce", 30)
    assert [entry.after.everywhere.share for entry in host.operator.trail(10)] == [30, 40]
    assert sorted(each.name for each in directory.iterdir() if "draft" in each.name) == []
    host.assert_untouched(share=40)


def test_a_line_that_was_never_committed_is_overwritten(path, host):
    trail = path.with_name("modes.json.trail")
    trail.write_bytes(trail.read_bytes() + b'{"revision":2,"at":1.0,"actor":"oper')
    assert len(host.operator.trail(10)) == 1
    host.follows("warn")
    assert [entry.revision for entry in host.operator.trail(10)] == [2, 1]


def test_writers_that_die_leave_a_whole_store(path, start_writer, until):
    store = open_store(f"file://{path}")
    for _ in range(8):
        revision = store.read().revision
        writer = start_writer(f"file://{path}")
        until(lambda: store.read().revision > revision + 3)  # noqa: B023 - polled at once
        writer.kill()
        writer.wait()
    snapshot, trail = store.read(), store.trail(10_000)
    assert trail[0].after == snapshot
    assert [entry.revision for entry in trail] == list(range(snapshot.revision, 0, -1))


def test_two_writers_race_a_thousand_times(path, race):
    race(f"file://{path}")


def test_a_lock_that_somebody_keeps_is_named(path, host):
    with path.with_name("modes.json.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = FileModeStore(path, timeout=0.05)
        with pytest.raises(
            StoreError, match=r"modes\.json\.lock is held by another writer for 0\.05 s: find and end it"
        ):
            store.replace(entry_after(store.read()))
        host.serve()
    host.assert_untouched(share=40)
    host.follows("warn")


def test_whoever_could_read_the_file_still_can(path, host):
    path.chmod(0o664)
    if os.geteuid() == 0:
        os.chown(path, 1234, 1234)
    before = path.stat()
    mask = os.umask(0o077)
    try:
        host.follows("warn")
    finally:
        os.umask(mask)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert stat.S_IMODE(after.st_mode) == 0o664


def test_what_root_makes_belongs_to_the_owner_of_the_directory(tmp_path, monkeypatch):
    """Told by who is asked to own what, so that it is shown whoever runs the tests."""
    owners = {}

    def own(file, user, group):
        owners[Path(f"/proc/self/fd/{file}").readlink().name] = (user, group)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", own)
    path, owner = tmp_path / "modes.json", tmp_path.stat()
    FileModeStore(path).replace(entry_after(Snapshot()))
    made = ("modes.json.draft", "modes.json.lock", "modes.json.trail")  # the draft becomes modes.json
    assert owners == dict.fromkeys(made, (owner.st_uid, owner.st_gid))


def test_a_lock_that_may_only_be_read_is_taken(path, host, monkeypatch):
    """Nobody but root may open a file for more than its mode says, so what is asked for is looked at."""
    asked, real = set(), os.open

    def look(name, flags, *rest):
        if str(name).endswith(".lock"):
            asked.add(flags & os.O_ACCMODE)
        return real(name, flags, *rest)

    monkeypatch.setattr(os, "open", look)
    host.follows("warn")
    assert asked == {os.O_RDONLY}


_FORKS_WHILE_WRITING = """
import os, signal, sys, threading, time
from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import FileModeStore, control
from pathlib import Path
store = FileModeStore(Path(sys.argv[1]), timeout=1)
stopping, failures, written = threading.Event(), [], 0
def write():
    global written
    while not stopping.is_set():
        try:
            control.set_mode(store, control.Change(Actor.OPERATOR, "a", "r", 1.0), Mode.WARN, 1, default=ModeState(Mode.OFF))
            written += 1
        except Exception as error:
            failures.append(error)
            return
writer = threading.Thread(target=write)
writer.start()
children = []
for _ in range(40):
    child = os.fork()
    if child == 0:
        time.sleep(60)  # a worker that lives on
        os._exit(0)
    children.append(child)
    seen = written
    while written == seen and not failures:
        time.sleep(0.0005)
stopping.set()
writer.join()
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
assert not failures, failures
"""


def test_children_forked_while_a_writer_holds_the_lock_do_not_keep_it(path):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORKS_WHILE_WRITING, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_torn_trail_is_set_aside_and_goes_on(path):
    store = FileModeStore(path)
    for _ in range(3):
        store.replace(entry_after(store.read()))
    trail = path.with_name("modes.json.trail")
    torn = trail.read_bytes()[:-20]
    trail.write_bytes(torn)
    store.replace(entry_after(store.read()))
    assert [entry.revision for entry in store.trail(9)] == [4]
    store.replace(entry_after(store.read()))
    assert [entry.revision for entry in store.trail(9)] == [5, 4]
    (aside,) = path.parent.glob("modes.json.trail.*")
    assert aside.read_bytes() == torn
