"""The generated rules of two endpoints, and promtool to judge them."""

import os
import shutil

import pytest

from stagenorm.observe.rules.files import rule_files
from stagenorm.observe.rules.watched import Watched, WatchedEndpoint

WATCHED = Watched((WatchedEndpoint("simulate"), WatchedEndpoint("companies", 0.05)), "http://127.0.0.1:8000/ops")


@pytest.fixture(scope="session")
def promtool():
    found = shutil.which("promtool")
    if found is None:
        reason = "no promtool here: apt-get install --no-install-recommends prometheus"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The generated files, by their names without folders."""
    directory = tmp_path_factory.mktemp("rules")
    for name, content in rule_files(WATCHED).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return directory
