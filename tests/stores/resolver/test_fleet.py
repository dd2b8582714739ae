"""Eight workers of an example under load: the operator's switch reaches every one, and no request fails."""

import json
import os
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
WORKERS = 8
BODY = json.dumps({"stageDistribution": [{"stage": "Series Z"}]})

# The example as it is, with every answer signed by the worker that gave it.
_SIGNED = """
import os
from starlette_app import app as example

async def app(scope, receive, send):
    async def signed(message):
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"x-worker", b"%d" % os.getpid())]}
        await send(message)
    await example(scope, receive, signed)
"""


class Load:
    """Asks without pause, on a new connection each time.

    Attributes:
        latest: what each worker answered last.
        answers: how many there were of each status.
        failures: what was raised on requests.
    """

    def __init__(self, port, clients=3):
        self.latest, self.answers, self.failures = {}, {}, []
        self._port = port
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        while not self._stopping.is_set():
            connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
            try:
                connection.request("POST", "/api/monte-carlo/simulate", BODY, {"Content-Type": "application/json"})
                with connection.getresponse() as response:
                    response.read()
                self.latest[response.headers["x-worker"]] = response.status
                self.answers[response.status] = self.answers.get(response.status, 0) + 1
            except OSError as error:
                self.failures.append(error)
            finally:
                connection.close()

    def all_answer(self, status):
        return len(self.latest) == WORKERS and set(self.latest.values()) == {status}

    def forget(self):
        """From here on every request that begins is told."""
        self.answers = {}

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def fleet(tmp_path, valkey, free_port, until):
    """The port of the fleet and the URL of its store."""
    (tmp_path / "fleet.py").write_text(_SIGNED)
    url, port = valkey.fresh_url(), free_port()
    command = [sys.executable, "-m", "uvicorn", "--workers", str(WORKERS), "--port", str(port), "fleet:app"]
    path = os.pathsep.join([str(tmp_path), str(EXAMPLES), *sys.path])
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": path, "STAGENORM_STORE": url}, stdout=output, stderr=output
        )
    until(lambda: log.read_text().count("Application startup complete") == WORKERS)
    yield port, url
    process.terminate()
    try:
        process.wait(20)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def test_every_worker_follows(fleet, until):
    port, url = fleet
    load = Load(port)

    def operate(*arguments):
        command = [sys.executable, "-m", "stagenorm", "mode", *arguments, "--store", url]
        subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True)

    def follow(status):
        """Every worker answers so, and goes on answering so."""
        until(lambda: load.all_answer(status))
        begun = sum(load.answers.values()) + 10  # requests that were under way may still answer as before
        until(lambda: sum(load.answers.values()) >= begun)
        load.forget()
        until(lambda: sum(load.answers.values()) >= 500)
        assert set(load.answers) == {status}

    try:
        follow(200)
        operate("set", "enforce", "--share", "100", "--reason", "go")
        follow(400)
        operate("downgrade", "--reason", "too many")
        follow(200)
    finally:
        load.stop()
    assert not load.failures
