"""The resolver beside forks: children follow by themselves, and a fork at any moment leaves nobody stuck."""

import pytest

from tests.stores.resolver.scripts import FORKED, run


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
        warnings=FORKED,
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
        warnings=FORKED,
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
        warnings=FORKED,
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
        warnings=FORKED,
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
        warnings=FORKED,
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
        warnings=FORKED,
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


def test_a_fork_comes_though_threads_tell_without_pause():
    run(
        """
        from stagenorm.stores.telling import Telling

        telling, over = Telling(), threading.Event()
        def tell():
            while not over.is_set():
                with telling:
                    time.sleep(0.01)

        threads = [threading.Thread(target=tell) for _ in range(4)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        for _ in range(5):
            telling.wait_to_fork(2)
            telling.go_on()
        assert time.monotonic() - began < 5, "each waited for nobody to tell, and others began meanwhile"
        over.set()
        for thread in threads:
            thread.join()
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
        warnings=FORKED,
    )
