"""The resolver's two threads, and what holds where none can run."""

import contextlib
import gc
import logging
import random
import threading
import weakref

import pytest

from stagenorm import Mode, ModeState, StoreError
from stagenorm.stores import MemoryModeStore, ModeResolver, Snapshot
from stagenorm.testing.stores import entry_after

ENFORCE, WARN = (ModeState(mode, share=40) for mode in (Mode.ENFORCE, Mode.WARN))


def mode(resolver, endpoint="simulate"):
    return resolver.view.state(endpoint).mode


def test_reads_keep_to_the_ttl_whatever_the_load(store, clock, resolve, until):
    clock.now = 0.0
    resolver = resolve(ttl=1.0)
    stopping = threading.Event()

    def load():
        while not stopping.is_set():
            resolver.view.state("simulate")

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 3):
        clock.now += 1.0
        until(lambda expected=number + 1: store.reads == expected)
    stopping.set()
    for thread in threads:
        thread.join()
    assert store.reads == 3


def test_the_generator_of_the_host_is_left_alone(until):
    before = random.getstate()
    reads = []
    with contextlib.closing(ModeResolver(MemoryModeStore(), ttl=0.01, hooks=[reads.append])):
        until(lambda: len(reads) > 3)
    assert random.getstate() == before


def started(store):
    """A resolver, and its threads."""
    before = set(threading.enumerate())
    resolver = ModeResolver(store)
    threads = set(threading.enumerate()) - before
    assert len(threads) == 2
    return resolver, threads


def test_a_resolver_that_nobody_uses_ends_with_its_threads(until):
    store = MemoryModeStore()
    resolver, threads = started(store)
    gone = weakref.ref(resolver)
    del resolver
    gc.collect()
    until(lambda: gone() is None)
    until(lambda: not any(thread.is_alive() for thread in threads))


def test_close_ends_the_threads_at_once(until):
    resolver, threads = started(MemoryModeStore(Snapshot(3, ENFORCE)))
    resolver.close()
    resolver.close()
    until(lambda: not any(thread.is_alive() for thread in threads), within=0.5)
    assert mode(resolver) is Mode.ENFORCE


def test_pushes_are_heard_from_the_first_moment(until):
    store = MemoryModeStore()
    resolver = ModeResolver(store, ttl=1000.0)
    store.replace(entry_after(Snapshot(), ENFORCE))
    until(lambda: mode(resolver) is Mode.ENFORCE)
    resolver.close()


def test_pushes_that_end_are_sought_again_with_the_next_read(store, clock, resolve, until):
    heard = []

    class Ended:
        def wait(self, timeout):
            heard.append("ended")
            raise StoreError("the connection is gone")

        def close(self):
            heard.append("closed")

    store.subscribe = Ended
    resolver = resolve(ttl=1.0)
    for number in (1, 2, 3):
        until(lambda expected=number: heard == ["ended", "closed"] * expected)
        reads = store.reads
        clock.now += 1.0
        until(lambda expected=reads + 1: store.reads == expected)
    assert resolver.status().error is None


def test_where_no_thread_can_run_requests_read_within_bounds(store, clock, monkeypatch, caplog):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    resolver = ModeResolver(store, ttl=5.0, clock=clock, jitter=lambda: 0.0)
    ModeResolver(store, clock=clock)
    assert caplog.messages == ["no thread can run here: the mode is read on requests, at most once in 5 s"] * 2
    reads = store.reads
    store.answer = Snapshot(4, WARN)
    for _ in range(100):
        assert mode(resolver) is Mode.ENFORCE
    assert store.reads == reads
    clock.now += 5
    for _ in range(100):
        assert mode(resolver) is Mode.WARN
    assert store.reads == reads + 1
    with pytest.raises(AttributeError, match="no attribute 'views'"):
        _ = resolver.views
    resolver.close()


def test_where_no_thread_can_run_one_request_reads_and_no_other_waits(clock, monkeypatch):
    reading, answer = threading.Event(), threading.Event()

    class SlowStore(MemoryModeStore):
        slow = False

        def read(self):
            if self.slow:
                reading.set()
                assert answer.wait(20)
            return super().read()

    store = SlowStore(Snapshot(3, ENFORCE))

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError))
        resolver = ModeResolver(store, clock=clock)
    clock.now += 10
    store.slow = True
    request = threading.Thread(target=lambda: resolver.view)
    request.start()
    assert reading.wait(20)
    clock.now += 10  # due again, while that one still reads
    assert mode(resolver) is Mode.ENFORCE  # at once
    assert not answer.is_set()
    answer.set()
    request.join()


class Raising(logging.Handler):
    def emit(self, record):
        raise RuntimeError(record)


def test_a_log_handler_that_raises_ends_no_thread(until):
    store = MemoryModeStore()
    handler = Raising()
    logging.getLogger("stagenorm").addHandler(handler)
    try:
        with contextlib.closing(ModeResolver(store, ttl=0.01)) as resolver:
            for mode in ("off", "warn", "off"):
                store.replace(entry_after(store.read(), ModeState(Mode(mode))))
                until(lambda mode=mode: resolver.view.state("e").mode is Mode(mode))
    finally:
        logging.getLogger("stagenorm").removeHandler(handler)
