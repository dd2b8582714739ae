"""The whole fleet: Prometheus, Alertmanager, Redis, two workers of an example, and clients that never stop."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import httpx
import pytest

from stagenorm.ops.credentials import fresh_secret
from tests.conftest import free_port, until
from tests.servers.conftest import running

ENDPOINTS = ("simulate", "strategies", "companies")
GOOD, BAD = ("/api/funds/7/companies?stage=" + value for value in ("seed", "nonsense"))
PREFIX = "/_ops/stagenorm"

PROMETHEUS = """\
global: {{scrape_interval: {interval}, evaluation_interval: {interval}}}
rule_files: ["{rules}"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: stagenorm
    static_configs: [{{targets: [{workers}]}}]
"""

SHORTER = {"interval: 5s": "interval: 1s", "[5m]": "[15s]", "[1m]": "[8s]", "for: 10s": "for: 2s"}
"""What makes minutes of the rules seconds."""


def binary(name):
    found = shutil.which(name)
    if found is None:
        reason = f"no {name} here: apt-get install --no-install-recommends prometheus prometheus-alertmanager"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return found


@dataclass
class Clients:
    """Good clients, and from some moment on a bad one; each worker gets the same."""

    urls: list[str]
    address: str = "127.0.0.1"
    bad: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    rejecting: list[bool] = field(default_factory=list)

    def start(self):
        self.rejecting = [False] * len(self.urls)
        self.threads = [threading.Thread(target=self._serve, args=each) for each in enumerate(self.urls)]
        for thread in self.threads:
            thread.start()

    def _serve(self, number, url):
        transport = httpx.HTTPTransport(local_address=self.address)
        with httpx.Client(base_url=url, timeout=10, transport=transport) as client:
            while not self.stopping.wait(0.05):
                assert client.get(GOOD).status_code == 200
                if self.bad.is_set():
                    self.rejecting[number] = client.get(BAD).status_code == 400

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Fleet:
    """Everything that runs.

    Attributes:
        store: the URL of the mode store.
        clients: whoever uses the service.
        ops: where each worker mounts its ops app.
        secrets: of the service, as its environment holds them.
        alertmanager: its URL.
        prometheus: its URL.
    """

    def __init__(
        self, stack, tmp_path, store, *, through_relay=False, compressed=False, address="127.0.0.1", **settings
    ):
        self.store = store
        self._compressed = compressed
        self._stack = stack
        self._directory = tmp_path
        self.token, secret = fresh_secret(), fresh_secret()
        self.secrets = {
            "STAGENORM_TOKEN_KEY": fresh_secret(),
            "STAGENORM_WEBHOOK_SECRETS": secret,
            "STAGENORM_ALERTMANAGER_TOKEN": self.token,
        }
        workers = [
            stack.enter_context(
                running(
                    "starlette",
                    "warn",
                    tmp_path / f"worker{number}.log",
                    STAGENORM_STORE=store,
                    **self.secrets,
                    **settings,
                )
            )
            for number in range(2)
        ]
        self._ports = [worker.port for worker in workers]
        self.ops = [f"http://127.0.0.1:{port}{PREFIX}" for port in self._ports]
        self.clients = Clients([f"http://127.0.0.1:{port}" for port in self._ports], address)
        self.clients.start()
        stack.callback(self.clients.stop)
        self._watch(self._start_relay() if through_relay else None)

    def command(self, *arguments):
        """Run a command of stagenorm's, as the operator does."""
        command = [sys.executable, "-m", "stagenorm", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **self.secrets}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def start(self, name, *command):
        log = self._stack.enter_context((self._directory / f"{name}.log").open("wb"))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **self.secrets}
        process = subprocess.Popen(list(map(str, command)), env=environment, stdout=log, stderr=log)

        def stop():
            process.terminate()
            process.wait(30)

        self._stack.callback(stop)

    def _start_relay(self):
        port = free_port()
        target = f"{self.ops[0]}/webhooks/alertmanager"
        self.start("relay", sys.executable, "-m", "stagenorm", "relay", "--to", target, "--port", port)
        return f"http://127.0.0.1:{port}/"

    def _watch(self, relay):
        """Prometheus and Alertmanager, with the files that stagenorm writes."""
        self.configuration = configuration = self._directory / "stagenorm.toml"
        endpoints = "".join(f'[[endpoints]]\nname = "{name}"\n' for name in ENDPOINTS)
        configuration.write_text(f'ops_url = "{self.ops[0]}"\n{endpoints}')
        self.command("rules", "write", self._directory, "--config", configuration)
        written = self._directory / "observability"
        route = (written / "alertmanager/stage-validation.yml").read_text()
        token = self._directory / "token"
        token.write_text(self.token)
        route = route.replace("/etc/alertmanager/stagenorm.token", str(token))
        if relay:
            before, authorization, _ = route.partition("          authorization:")
            assert authorization
            route = before.replace(f"{self.ops[0]}/webhooks/alertmanager", relay)
        (self._directory / "alertmanager.yml").write_text(route)
        alertmanager, prometheus = free_port(), free_port()
        self.alertmanager, self.prometheus = (f"http://127.0.0.1:{port}" for port in (alertmanager, prometheus))
        workers = ", ".join(f'"127.0.0.1:{port}"' for port in self._ports)
        rules = written / "prometheus/rules/stage-validation.yml"
        if self._compressed:
            text = rules.read_text()
            for long, short in SHORTER.items():
                assert long in text
                text = text.replace(long, short)
            rules.write_text(text)
        (self._directory / "prometheus.yml").write_text(
            PROMETHEUS.format(
                interval="1s" if self._compressed else "5s", rules=rules, alertmanager=alertmanager, workers=workers
            )
        )
        self.start(
            "alertmanager",
            binary("prometheus-alertmanager"),
            f"--config.file={self._directory / 'alertmanager.yml'}",
            f"--storage.path={self._directory / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{alertmanager}",
            "--cluster.listen-address=",
        )
        self.start(
            "prometheus",
            binary("prometheus"),
            f"--config.file={self._directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._directory / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{prometheus}",
        )
        until(lambda: self._is_ready(self.alertmanager) and self._is_ready(self.prometheus), within=60)

    def get(self, worker, target):
        """The status that one of the workers answers with."""
        return httpx.get(f"http://127.0.0.1:{self._ports[worker]}{target}", timeout=10).status_code

    @staticmethod
    def _is_ready(url):
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{url}/-/ready").status_code == 200
        return False

    def counted(self, worker, series):
        """The value of a series that one of the workers shows."""
        shown = httpx.get(f"http://127.0.0.1:{self._ports[worker]}/metrics", timeout=10).text
        return next(float(line.rpartition(" ")[2]) for line in shown.splitlines() if line.startswith(f"{series} "))

    def query(self, expression):
        """The series that Prometheus answers with."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression}, timeout=10)
        return answer.raise_for_status().json()["data"]["result"]


@pytest.fixture
def start_fleet(tmp_path, valkey):
    """Starts a fleet: ``start_fleet(through_relay=...)``, on a store of its own or one that is given."""
    with contextlib.ExitStack() as stack:
        yield lambda store=None, **options: Fleet(stack, tmp_path, store or valkey.fresh_url(), **options)
    for log in sorted(tmp_path.glob("*.log")):  # pytest shows them where the test failed
        print(f"{log.name}:\n{log.read_text()[-2000:]}")  # noqa: T201


@pytest.fixture
def clock():
    return time.monotonic
