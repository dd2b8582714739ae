"""A host under load, writers that race, and connections that stall: what the fault tests are made of."""

import contextlib
import itertools
import socket
import subprocess
import sys
import threading
import time

import pytest

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, Mode, ModeState, QueryField
from stagenorm.boundary.request import Reject, Request
from stagenorm.core.canary import in_share
from stagenorm.core.modes import Actor
from stagenorm.stores import ModeResolver, control, open_store

_WRITER = """
import sys, time
from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import control, open_store
store, author = open_store(sys.argv[1], timeout=5), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    change = control.Change(Actor.OPERATOR, author, str(number), time.time())
    control.set_mode(store, change, Mode.WARN, number % 100, endpoint=author, default=ModeState(Mode.WARN))
"""


@pytest.fixture
def start_writer():
    """Starts a process that changes a store without end."""
    started = []

    def start(url):
        command = [sys.executable, "-c", _WRITER, url, "ada", "1000000"]
        started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()


@pytest.fixture
def race():
    """Lets two processes change a store a thousand times together; nothing may be lost, and the trail is in order."""

    def race(url, changes=500):
        arguments = [sys.executable, "-c", _WRITER, url]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        writers = [subprocess.Popen([*arguments, author, str(changes)], **pipes) for author in ("ada", "bob")]
        for writer in writers:
            assert writer.stdout.readline() == b"ready\n"
        for writer in writers:
            writer.stdin.close()  # now
        for writer in writers:
            assert writer.wait(60) == 0
            writer.stdout.close()
        store = open_store(url, timeout=5)
        trail = store.trail(3 * changes)[::-1]
        assert store.read() == trail[-1].after
        assert [entry.revision for entry in trail] == list(range(1, 2 * changes + 1))
        assert all(entry.after == following.before for entry, following in itertools.pairwise(trail))
        for author in ("ada", "bob"):
            reasons = [entry.reason for entry in trail if entry.author == author]
            assert reasons == [str(number) for number in range(changes)]

    return race


class Proxy:
    """Forwards connections to a port, until a test stalls those that are open: both sides then wait for ever."""

    def __init__(self, target):
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self):
        for pair in self._pairs:
            pair["stalled"] = True

    def _accept(self):
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            pair = {"stalled": False, "sockets": (near, far)}
            self._pairs.append(pair)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(pair, source, sink), daemon=True).start()

    def _forward(self, pair, source, sink):
        try:
            while data := source.recv(65536):
                if not pair["stalled"]:
                    sink.sendall(data)
            if not pair["stalled"]:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in (self._socket, *(each for pair in self._pairs for each in pair["sockets"])):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def forward():
    return Proxy


@contextlib.contextmanager
def _trickle(*, within_a_push=False):
    """The port of a server whose answers, or else whose pushes, come byte by byte and never end."""
    stopping = threading.Event()

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            if within_a_push:
                asked = b""
                while b"SUBSCRIBE" not in asked:
                    asked = connection.recv(65536)
                    connection.sendall(b"+OK\r\n" * asked.count(b"CLIENT"))
                connection.sendall(
                    b"*3\r\n$9\r\nsubscribe\r\n$17\r\nstagenorm:changed\r\n:1\r\n*3\r\n$7\r\nmessage\r\n"
                )
            else:
                connection.recv(65536)
            connection.sendall(b"$1000000\r\n")
            while not stopping.wait(0.01):
                connection.sendall(b"x")

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        stopping.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def trickle():
    return _trickle


CONSUMERS = [f"partner-{number}" for number in range(50)]


class Host:
    """A guarded service under load: a thread sends values that enforce rejects, for 50 consumers in turn.

    Attributes:
        slowest: the longest that one judgement took, in seconds.
        rejected: the consumers who were rejected since the last ``forget``.
        failures: what was raised on requests.
    """

    def __init__(self, url, until, *, timeout=0.5, **options):
        self._until = until
        self.operator = open_store(url, timeout=5)
        self.resolver = ModeResolver(open_store(url, timeout=timeout), **{"ttl": 0.1, **options})
        endpoint = Endpoint("companies", "GET", "/companies", [QueryField("stage")])
        self.boundary = Boundary(INVESTMENT_STAGES, [endpoint], self.resolver)
        self.failures = []
        self.requests = 0
        self.slowest, self.rejected = 0.0, set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._load)
        self._thread.start()

    def forget(self):
        self.serve(requests=2)  # one may have been judged by the mode before, and not be told yet
        self.slowest, self.rejected = 0.0, set()

    def _load(self):
        guard = self.boundary.open("GET", "/companies")
        for consumer in itertools.cycle(CONSUMERS):
            request = Request(guard, guard.announced([]), "GET", "/companies", None, b"stage=nonsense", (), consumer)
            started = time.perf_counter()
            try:
                verdict = self.boundary.inspect(request)
            except Exception as error:  # noqa: BLE001 - told to the test
                self.failures.append(error)
                return
            self.slowest = max(self.slowest, time.perf_counter() - started)
            self.requests += 1
            if isinstance(verdict, Reject):
                self.rejected.add(consumer)
            if self._stopping.wait(0.0005):
                return

    def set(self, mode, share=100, **options):
        """Change the mode as an operator."""
        change = control.Change(Actor.OPERATOR, "ada", "test", time.time())
        return control.set_mode(self.operator, change, Mode(mode), share, default=self.resolver.default, **options)

    def holds(self, mode, share=100):
        state = self.resolver.view.state("companies")
        return (state.mode, state.share) == (Mode(mode), share)

    def follows(self, mode, share=100):
        """Change the mode, and wait until this process acts on it."""
        self.set(mode, share)
        self._until(lambda: self.holds(mode, share))

    def serve(self, requests=150):
        """Let that many requests come in."""
        enough = self.requests + requests
        self._until(lambda: self.requests >= enough or self.failures)

    def assert_untouched(self, share):
        """No request failed or waited, and none was rejected beyond a share."""
        assert not self.failures
        assert self.slowest < 0.3  # a store's answer is waited for longer
        assert self.rejected <= {consumer for consumer in CONSUMERS if in_share(consumer, share, "stagenorm")}

    def stop(self):
        self._stopping.set()
        self._thread.join()
        self.resolver.close()


@pytest.fixture
def start_host(until):
    """Starts a host: ``start_host(url, **resolver_options)``. Its default is to enforce, so that a lost state shows."""
    started = []

    def start(url, **options):
        started.append(Host(url, until, **{"default": ModeState(Mode.ENFORCE), **options}))
        return started[-1]

    yield start
    for host in started:
        host.stop()
