"""``/metrics`` of running examples: each exports what happened, and workers of one service add up, dead ones included."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stagenorm.observe.rules.alerts import ALERTS, WINDOWS
from stagenorm.observe.rules.grafana_dashboard import PANELS
from stagenorm.observe.rules.prometheus_rules import ratio

EXAMPLES = Path(__file__).parents[2] / "examples"


def samples_of(text):
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("name", ["starlette", "fastapi", "flask", "django"])
def test_an_example_serves_its_metrics(start, name):
    with start(name, "enforce") as server:
        for stage, times in (("seed", 3), ("angel", 2)):
            body = json.dumps({"stageDistribution": [{"stage": stage}]}).encode()
            for _ in range(times):
                server.request("POST", "/api/monte-carlo/simulate", body)
        answer = server.request("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = samples_of(answer.body.decode())
    assert samples["stagenorm_requests_total", "simulate", "enforce", "pass"] == 3
    assert samples["stagenorm_requests_total", "simulate", "enforce", "reject"] == 2
    assert samples["stagenorm_rejects_total", "simulate"] == 2
    assert samples["stagenorm_validation_seconds_count", "simulate"] == 5
    assert samples["stagenorm_mode", "companies"] == 2


@pytest.fixture
def fleet(tmp_path, free_port, until):
    """The Flask example under gunicorn with four workers that share one directory of metrics."""
    directory, store, port = tmp_path / "metrics", tmp_path / "modes.json", free_port()
    directory.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PROMETHEUS_MULTIPROC_DIR": str(directory),
        "STAGENORM_DEFAULT_MODE": "warn",
        "STAGENORM_STORE": store.as_uri(),
    }
    command = [sys.executable, "-m", "gunicorn", "--workers", "4", "--bind", f"127.0.0.1:{port}", "flask_app:app"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=EXAMPLES, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: len(workers(directory)) == 4)
        yield Fleet(f"http://127.0.0.1:{port}", directory, store.as_uri(), environment)
    finally:
        process.terminate()
        process.wait(30)


def workers(directory):
    return {int(path.stem.rpartition("_")[2]) for path in directory.glob("gauge_livemax_*.db")}


class Fleet:
    def __init__(self, url, directory, store, environment):
        self.url, self.directory, self.store, self.environment = url, directory, store, environment
        self.sent = 0

    def send(self, times):
        for _ in range(times):
            body = {"stageDistribution": [{"stage": "seed"}, {"stage": "angel"}]}
            assert httpx.post(f"{self.url}/api/monte-carlo/simulate", json=body, trust_env=False).status_code == 200
        self.sent += times

    def samples(self):
        return samples_of(httpx.get(f"{self.url}/metrics", trust_env=False).text)

    def counted(self):
        samples = self.samples()
        return (
            samples["stagenorm_requests_total", "simulate", "warn", "pass"],
            samples["stagenorm_values_total", "simulate", "unknown"],
            samples["stagenorm_validation_seconds_count", "simulate"],
        )

    def set_mode(self, *arguments):
        command = [sys.executable, "-m", "stagenorm", "mode", *arguments, "--reason", "a test", "--store", self.store]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)


def test_four_workers_add_up_and_one_that_dies_takes_nothing_with_it(fleet, until):
    assert fleet.samples()["stagenorm_requests_total", "simulate", "warn", "pass"] == 0
    fleet.send(60)
    assert fleet.counted() == (60, 60, 60)
    fleet.set_mode("set", "enforce", "--share", "50")
    until(lambda: fleet.samples()["stagenorm_mode", "simulate"] == 2)
    assert fleet.samples()["stagenorm_enforced_share_ratio", "simulate"] == 0.5
    before = workers(fleet.directory)
    os.kill(min(before), signal.SIGSTOP)  # it cannot hear of the way back, and says "enforce" until it is dead
    fleet.set_mode("downgrade")
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(workers(fleet.directory) - before) == 1)  # gunicorn has started another
    until(lambda: fleet.samples()["stagenorm_mode", "simulate"] == 1)
    assert min(before) not in workers(fleet.directory)
    assert fleet.counted() == (60, 60, 60)
    fleet.send(40)
    assert fleet.counted() == (100, 100, 100)


def test_every_metric_that_a_rule_or_a_panel_names_is_exported(start):
    queries = [alert.expr for alert in ALERTS]
    queries += [expr for panel in PANELS for expr, _ in panel.queries]
    queries += [ratio(window) for window in WINDOWS]
    named = {name for query in queries for name in re.findall(r"\bstagenorm_[a-z_]+", query)}
    with start("starlette", "warn") as server:
        text = server.request("GET", "/metrics").body.decode()
    exported = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    assert named - exported == set()
    families = {family.name for family in text_string_to_metric_families(text)}
    families = {name for name in families if name.startswith("stagenorm_") and not name.endswith("_created")}
    # And the other way: a metric that nothing looks at would be deleted unnoticed.
    unseen = {family for family in families if not any(name.startswith(family) for name in named)}
    assert unseen == set()
