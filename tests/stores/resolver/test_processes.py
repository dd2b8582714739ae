"""The resolver's thread in real processes: plain scripts, forks, threads, and gunicorn with a preloaded application."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import control, open_store

EXAMPLES = Path(__file__).parents[3] / "examples"
WARN = ModeState(Mode.WARN)


@pytest.fixture(params=["memory", "file", "valkey"])
def url(request, tmp_path):
    if request.param == "memory":
        return "memory://"
    if request.param == "file":
        return f"file://{tmp_path}/modes.json"
    return request.getfixturevalue("valkey").fresh_url()


def operate(url, mode, share=100):
    change = control.Change(Actor.OPERATOR, "ada", "test", time.time())
    control.set_mode(open_store(url, timeout=5), change, Mode(mode), share, default=WARN)


_HELPERS = """
import os, sys, threading, time
from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import ModeResolver, control, open_store

def operate(store, mode):
    change = control.Change(Actor.OPERATOR, "ada", "test", time.time())
    control.set_mode(store, change, Mode(mode), 100, default=ModeState(Mode.WARN))

def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.002)

def follows(resolver, mode, store=None):
    operate(store or resolver.store, mode)
    until(lambda: resolver.view.state("simulate").mode is Mode(mode))
"""


def run(script, *arguments, warnings="error"):
    """Run a script to its end, which comes by itself and clean; returns what it printed."""
    command = [sys.executable, "-W", warnings, "-c", _HELPERS + textwrap.dedent(script), *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:
        try:
            out, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with its children, which may be what is stuck
            raise
    assert (process.returncode, errors) == (0, "")
    return out


def test_a_plain_script_ends_cleanly_and_at_once(url):
    out = run(
        """
        resolver = ModeResolver(open_store(sys.argv[1]))
        follows(resolver, "enforce")
        print(time.time())
        """,
        url,
    )
    assert time.time() - float(out) < 1.5  # an interpreter's own end included


def test_a_script_ends_while_its_store_is_frozen(serve_bytes):
    with serve_bytes() as silent:
        out = run(
            """
            import logging
            logging.disable()
            resolver = ModeResolver(open_store(sys.argv[1]), ttl=0.01)
            until(lambda: resolver.status().error)
            print(time.time())
            """,
            f"redis://127.0.0.1:{silent.port}",
        )
        assert time.time() - float(out) < 1.5


def test_threads_share_one_view(url):
    run(
        """
        resolver = ModeResolver(open_store(sys.argv[1]))
        until(lambda: threading.active_count() == 3)  # beside the timer of an answer
        seen = []
        def work():
            until(lambda: resolver.view.state("simulate").mode is Mode.ENFORCE)
            seen.append(True)
        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads: thread.start()
        operate(resolver.store, "enforce")
        for thread in threads: thread.join()
        assert len(seen) == 16
        resolver.close()
        until(lambda: threading.active_count() == 1)
        """,
        url,
    )


_FORKED = "ignore:This process:DeprecationWarning"  # Python 3.12 warns of every fork beside a thread


def test_children_follow_by_themselves(url):
    run(
        """
        resolver = ModeResolver(open_store(sys.argv[1]), ttl=30.0)  # a push, or not in time
        follows(resolver, "enforce")
        child = os.fork()
        if child == 0:
            assert resolver.view.state("simulate").mode is Mode.ENFORCE
            until(lambda: resolver.status().error is None)
            store = resolver.store if sys.argv[1] == "memory://" else open_store(sys.argv[1], timeout=5)
            for mode in ("warn", "off", "enforce"):
                follows(resolver, mode, store)
            grandchild = os.fork()
            if grandchild == 0:
                follows(resolver, "off", store)
                os._exit(0)
            os._exit(os.waitpid(grandchild, 0)[1])
        assert os.waitpid(child, 0)[1] == 0
        follows(resolver, "warn")
        """,
        url,
        warnings=_FORKED,
    )


def test_a_resolver_that_was_closed_stays_closed_in_a_child(url):
    run(
        """
        resolver = ModeResolver(open_store(sys.argv[1]))
        resolver.close()
        until(lambda: threading.active_count() == 1)
        child = os.fork()
        if child == 0:
            os._exit(threading.active_count() - 1)
        assert os.waitpid(child, 0)[1] == 0
        """,
        url,
    )


def test_forks_at_any_moment_leave_no_child_stuck(url):
    """The thread reads without pause, so that forks fall into every moment of it, held locks included."""
    run(
        """
        store = open_store(sys.argv[1], timeout=2)
        reads = []
        resolver = ModeResolver(store, ttl=0.0001, hooks=[reads.append])
        for number in range(100):
            child = os.fork()
            if child == 0:
                before = len(reads)
                until(lambda: len(reads) > before + 3)  # its own thread
                resolver.refresh()
                operate(store, "off")
                os._exit(resolver.status().error is not None)
            operate(store, "warn")
            assert os.waitpid(child, 0)[1] == 0
        """,
        url,
        warnings=_FORKED,
    )


def test_a_fork_while_a_thread_holds_the_memory_store_s_lock():
    run(
        """
        from stagenorm.stores import MemoryModeStore, Snapshot

        class SlowEntry:
            @property
            def before(self):
                holding.set()
                release.wait()
                return Snapshot(7)  # refused

        store, holding, release = MemoryModeStore(), threading.Event(), threading.Event()
        writer = threading.Thread(target=lambda: store.replace(SlowEntry()), daemon=True)
        threading.excepthook = lambda _: None
        writer.start()
        holding.wait()
        child = os.fork()
        if child == 0:
            operate(store, "enforce")
            os._exit(store.read().everywhere.mode is not Mode.ENFORCE)
        assert os.waitpid(child, 0)[1] == 0
        release.set()
        writer.join()
        operate(store, "off")
        """,
        warnings=_FORKED,
    )


def test_a_fork_while_a_thread_reads():
    run(
        """
        from stagenorm.stores import MemoryModeStore

        class SlowStore(MemoryModeStore):
            slow = False
            def read(self):
                if self.slow and os.getpid() == parent:
                    reading.set()
                    release.wait()
                return super().read()

        parent, reading, release = os.getpid(), threading.Event(), threading.Event()
        store = SlowStore()
        resolver = ModeResolver(store, ttl=0.01)
        store.slow = True
        reading.wait()
        child = os.fork()
        if child == 0:
            resolver.refresh()
            follows(resolver, "enforce")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        store.slow = False
        release.set()
        follows(resolver, "off")
        """,
        warnings=_FORKED,
    )


@pytest.mark.parametrize("told", ["quickly", "for ever"])
def test_a_fork_while_a_hook_is_told_waits_for_it_and_not_for_ever(told):
    run(
        """
        import logging
        from stagenorm.stores import MemoryModeStore

        logging.disable()  # a hook that takes long is told of
        lock, telling, release = threading.Lock(), threading.Event(), threading.Event()  # as a metrics library has one
        def hook(event):
            with lock:
                telling.set()
                release.wait(0.2 if sys.argv[1] == "quickly" else 20)

        resolver = ModeResolver(MemoryModeStore(), ttl=0.01, hooks=[hook])
        if sys.argv[1] == "quickly":
            telling.clear()  # the first one may be over by now
        telling.wait()
        child = os.fork()
        if child == 0:
            is_free = lock.acquire(timeout=1)
            os._exit(is_free is not (sys.argv[1] == "quickly"))
        assert os.waitpid(child, 0)[1] == 0
        release.set()
        follows(resolver, "enforce")
        child = os.fork()
        if child == 0:
            resolver.hooks.clear()
            follows(resolver, "off")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
        told,
        warnings=_FORKED,
    )


def test_a_fork_beside_a_hook_that_refreshes_does_not_wait_for_itself():
    run(
        """
        from stagenorm.stores import MemoryModeStore

        told, forking = threading.Event(), threading.Event()
        def hook(event):
            if not told.is_set():
                told.set()
                forking.wait()
                time.sleep(0.1)  # the fork waits by now; were it later, nothing would be shown
                resolver.refresh()

        resolver = ModeResolver(MemoryModeStore(), ttl=60)
        resolver.hooks.append(hook)
        threading.Thread(target=resolver.refresh).start()
        told.wait()
        began = time.monotonic()
        forking.set()
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert time.monotonic() - began < 1.5
        """,
        warnings=_FORKED,
    )


def test_a_fork_whose_wait_a_signal_ends_leaves_hooks_to_be_told():
    run(
        """
        import signal
        from stagenorm.stores.telling import Telling

        telling, forking, over = Telling(), threading.Event(), threading.Event()
        def fork_slowly():
            telling.wait_to_fork(1)
            forking.set()
            over.wait()
            telling.go_on()

        def interrupt(*_):
            over.set()
            raise KeyboardInterrupt

        other = threading.Thread(target=fork_slowly)
        other.start()
        forking.wait()
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            telling.wait_to_fork(1)
        except KeyboardInterrupt:
            pass  # Python forks all the same
        telling.go_on()
        other.join()
        with telling:
            telling.wait_to_fork(1)
            telling.go_on()
        """
    )


def test_a_hook_that_forks_and_one_that_hangs_hold_nobody_up(tmp_path):
    run(
        """
        import logging
        from pathlib import Path
        from stagenorm.stores import Ceiling, MemoryModeStore

        def fork(event):
            child = os.fork()
            if child == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0

        logging.disable()
        began = time.monotonic()
        ModeResolver(MemoryModeStore(), hooks=[fork])
        assert time.monotonic() - began < 1.5, "it does not wait for itself"

        hanging, force = threading.Event(), Path(sys.argv[1])
        stuck = ModeResolver(MemoryModeStore(), ModeState(Mode.ENFORCE), ttl=0.01, ceiling=Ceiling(file=force))
        stuck.hooks.append(lambda event: (hanging.set(), threading.Event().wait()))
        hanging.wait()
        follows(ModeResolver(MemoryModeStore()), "enforce")
        force.write_text("off")
        until(lambda: stuck.view.state("simulate").mode is Mode.OFF)
        """,
        str(tmp_path / "force"),
        warnings=_FORKED,
    )


def test_where_no_thread_can_start_a_script_still_follows(url):
    run(
        """
        import logging, io
        heard = io.StringIO()
        logging.basicConfig(stream=heard)
        start = threading.Thread.start
        threading.Thread.start = lambda thread: (_ for _ in ()).throw(RuntimeError("can't start new thread"))
        resolver = ModeResolver(open_store(sys.argv[1]), ttl=0.05)
        follows(resolver, "enforce")
        child = os.fork()
        if child == 0:
            operate(resolver.store, "off")
            until(lambda: resolver.view.state("simulate").mode is Mode.OFF)
            os._exit(threading.active_count() - 1)
        assert os.waitpid(child, 0)[1] == 0
        threading.Thread.start = start
        assert heard.getvalue().count("no thread can run here") == 1
        """,
        url,
        warnings=_FORKED,
    )


def ask(port):
    """What a guarded service answers to an unknown value: 400 in enforce, else 200; and by which worker."""
    body = json.dumps({"stageDistribution": [{"stage": "Series Z"}]}).encode()
    target = f"http://127.0.0.1:{port}/api/monte-carlo/simulate"
    request = Request(target, body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=10) as response:
            return response.status
    except OSError as error:
        return getattr(error, "code", None)


@pytest.mark.parametrize("url", ["file", "valkey"], indirect=True)
def test_gunicorn_with_a_preloaded_application(url, free_port, until, tmp_path):
    log = tmp_path / "log"
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--bind", f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "STAGENORM_STORE": url}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "flask_app:app"], cwd=EXAMPLES, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: ask(port) == 200)
        for mode, status in (("enforce", 400), ("warn", 200), ("enforce", 400)):
            operate(url, mode)
            until(lambda: {ask(port) for _ in range(24)} == {status})  # noqa: B023 - polled at once
        server.terminate()
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in log.read_text()
