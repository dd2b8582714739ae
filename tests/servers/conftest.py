"""Every example as a real server in every mode, and a client that sends exactly the bytes it is told to."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.conftest import free_port

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 30.0
"""Seconds that a server may take to start, stop or answer: far more than any needs."""


@dataclass
class Response:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def read(self) -> list[str]:
        """What the example's handler read."""
        return self.json["stages"]

    @property
    def notice(self) -> str | None:
        return self.headers["stagenorm-notice"]


@dataclass
class Server:
    """A server process on loopback. The name is the example's, or "gunicorn" where that serves the Flask example."""

    name: str
    mode: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name}, {self.mode}"

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            yield client

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: tuple[str, ...] = ("Content-Type: application/json",),
    ) -> Response:
        """Send one request with a declared length; header lines and target go out as they are."""
        length = () if body is None else (f"Content-Length: {len(body)}",)
        return self.send(method, self.head(method, target, *headers, *length) + (body or b""))

    def send(self, method: str, data: bytes) -> Response:
        with self.connection() as client:
            with suppress(ConnectionError):  # a server may answer and hang up before it has read everything
                client.sendall(data)
            return self.receive(client, method)

    @staticmethod
    def head(method: str, target: str, *headers: str, connection: str = "close") -> bytes:
        """A request line and headers, as they are."""
        lines = (f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Connection: {connection}", *headers, "", "")
        return "\r\n".join(lines).encode("latin-1")

    @staticmethod
    def receive(client: socket.socket, method: str) -> Response:
        """The final response; interim ones are skipped."""
        with HTTPResponse(client, method=method) as response:
            response.begin()
            return Response(response.status, response.headers, response.read())


def command(name: str, port: int) -> list[str]:
    if name == "gunicorn":
        return [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "flask_app:app"]
    return [sys.executable, f"{name}_app.py", "--port", str(port)]


@contextmanager
def running(name: str, mode: str, log: Path, **settings: str) -> Iterator[Server]:
    port: int = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),  # the servers run the code that the tests import
        "STAGENORM_DEFAULT_MODE": mode,
        "STAGENORM_STORE": "memory://",
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(name, port), cwd=EXAMPLES, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    server = Server(name, mode, port, process, log)
    try:
        wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def wait_until_ready(server: Server) -> None:
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        with suppress(OSError), server.connection():
            return
        with suppress(subprocess.TimeoutExpired):
            status = server.process.wait(0.05)
            raise AssertionError(f"{server} ended with status {status}:\n{server.log.read_text()}")
    raise AssertionError(f"{server} did not listen within {PATIENCE} s:\n{server.log.read_text()}")


NAMES = ("starlette", "fastapi", "flask", "django", "gunicorn")
MODES = ("off", "warn", "enforce")


@pytest.fixture(scope="session", params=[(name, mode) for name in NAMES for mode in MODES], ids=" ".join)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server at a time: pytest runs every test that wants this one before it starts the next."""
    name, mode = request.param
    with running(name, mode, tmp_path_factory.mktemp("server") / "log") as started:
        yield started
        assert started.process.poll() is None, f"{started} ended by itself:\n{started.log.read_text()}"


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str, str], AbstractContextManager[Server]]:
    """Starts a server for one test, by name and mode."""
    return lambda name, mode: running(name, mode, tmp_path / "log")
