"""A real Prometheus with forty days behind it."""

import os
import shutil
import subprocess

import httpx
import pytest

from stagenorm.rollout.prometheus import Prometheus
from stagenorm.rollout.settings import Watching
from tests.rollout.history import SCRAPE, openmetrics


def binary(name):
    found = shutil.which(name)
    if found is None:
        reason = f"no {name} here: apt-get install --no-install-recommends prometheus"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def past(tmp_path_factory, free_port, until):
    """The URL of a Prometheus that holds the history."""
    directory = tmp_path_factory.mktemp("prometheus")
    text = directory / "history.om"
    with text.open("w") as file:
        file.writelines(openmetrics())
    make = [binary("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", text, directory / "data"]
    make.append("--max-block-duration=1000h")  # three blocks instead of hundreds
    subprocess.run(make, check=True, capture_output=True)
    (directory / "prometheus.yml").write_text("scrape_configs: []\n")
    port = free_port()
    command = [
        binary("prometheus"),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--storage.tsdb.retention.time=100y",
        "--query.lookback-delta=10m",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def ready():
        assert process.poll() is None, (directory / "log").read_text()
        try:
            return httpx.get(f"{url}/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        until(ready)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def asking(past):
    """Makes what asks it: for the service of a story, with the endpoints that its stagenorm.toml has."""
    made = []

    def asking(job, endpoints=("simulate",)):
        made.append(Prometheus(Watching(past, job, SCRAPE), endpoints))
        return made[-1]

    yield asking
    for each in made:
        each.close()
