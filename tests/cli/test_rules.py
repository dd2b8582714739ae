"""``stagenorm rules write``: the files, from stagenorm.toml."""

import json
import os
import shutil
import subprocess

import pytest

CONFIGURATION = """\
ops_url = "https://api.example.com/_ops/stagenorm/"
[[endpoints]]
name = "simulate"
[[endpoints]]
name = "companies"
reject_budget = 0.002
"""


@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / "stagenorm.toml"
    path.write_text(CONFIGURATION)
    return path


def tool(name):
    found = shutil.which(name)
    if found is None:
        reason = f"no {name} here: apt-get install --no-install-recommends prometheus prometheus-alertmanager"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return found


def test_three_files_are_written_and_written_again(invoke, configuration, tmp_path):
    for arguments in ((), ("--json",)):
        done = invoke("rules", "write", tmp_path, "--config", configuration, *arguments)
        assert done.exit_code == 0, done.output
    names = [
        "observability/prometheus/rules/stage-validation.yml",
        "observability/alertmanager/stage-validation.yml",
        "observability/grafana/stage-validation.json",
    ]
    assert json.loads(done.stdout) == [str(tmp_path / name) for name in names]
    assert all((tmp_path / name).is_file() for name in names)


def test_without_an_option_the_configuration_is_beside_the_caller(stagenorm, configuration):
    done = stagenorm("rules", "write", ".")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("written: observability/prometheus/rules/stage-validation.yml\n")


def test_prometheus_and_alertmanager_take_what_is_written(invoke, configuration, tmp_path):
    promtool, amtool = tool("promtool"), tool("amtool")
    invoke("rules", "write", tmp_path, "--config", configuration)
    rules, route = (
        tmp_path / f"observability/{each}/stage-validation.yml" for each in ("prometheus/rules", "alertmanager")
    )
    for command in ([promtool, "check", "rules", rules], [amtool, "check-config", route]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert '"https://api.example.com/_ops/stagenorm/webhooks/alertmanager"' in route.read_text()


def test_what_cannot_be_is_refused_in_one_line(invoke, configuration, tmp_path):
    missing = invoke("rules", "write", tmp_path, "--config", tmp_path / "absent.toml")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "absent.toml: there is no such file in " in missing.stderr
    (tmp_path / "file").touch()
    blocked = invoke("rules", "write", tmp_path / "file", "--config", configuration)
    assert blocked.exit_code == 1
    assert "cannot be made: Not a directory" in blocked.stderr
