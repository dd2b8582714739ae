"""The generated rules of two endpoints, and promtool and amtool to judge them."""

import os
import shutil

import pytest

from stagenorm.observe.rules.files import rule_files
from stagenorm.observe.rules.watched import Watched, WatchedEndpoint

WATCHED = Watched((WatchedEndpoint("simulate"), WatchedEndpoint("companies", 0.05)), "http://127.0.0.1:8000/ops")


def tool(name, package):
    found = shutil.which(name)
    if found is None:
        reason = f"no {name} here: apt-get install --no-install-recommends {package}"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def promtool():
    return tool("promtool", "prometheus")


@pytest.fixture(scope="session")
def amtool():
    return tool("amtool", "prometheus-alertmanager")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The generated files, by their names without folders."""
    directory = tmp_path_factory.mktemp("rules")
    for name, content in rule_files(WATCHED).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return directory
