"""The command as its users run it: a process with its streams, or the same application inside the test."""

import io
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

import stagenorm
from stagenorm.cli.app import app

INSTALLED_IN = Path(stagenorm.__file__).parent.parent


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    """Whoever runs the tests may have a rollout of their own."""
    for name in os.environ:
        if name.startswith("STAGENORM_"):
            monkeypatch.delenv(name)


@pytest.fixture
def environment():
    """A plain environment: no colour or width of the terminal that happens to run the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR", "NO_COLOR")}
    path = os.pathsep.join(filter(None, [str(INSTALLED_IN), os.environ.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, "PYTHONWARNINGS": "error", "TERM": "xterm-256color"}


@pytest.fixture
def start(environment, tmp_path):
    """Start the command as a process of its own; what still runs at the end of the test is killed."""
    started = []

    def start(*arguments, **options):
        command = [sys.executable, "-m", "stagenorm", *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def stagenorm(start):
    """Run the command to its end in a process of its own."""

    def run(*arguments):
        process = start(*arguments)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return run


@pytest.fixture
def on_a_terminal(start):
    """Run the command on a terminal, and tell what it got to see."""

    def run(*arguments):
        ours, theirs = pty.openpty()
        start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        # OSError is how Linux says that all is told.
        with io.FileIO(ours) as terminal, suppress(OSError):
            while chunk := terminal.read(1 << 16):
                seen += chunk
        return seen.decode()

    return run


@pytest.fixture
def invoke():
    """Run the command inside the test."""

    def invoke(*arguments):
        result = CliRunner().invoke(app, list(map(str, arguments)), prog_name="stagenorm")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


@pytest.fixture
def file_url(tmp_path, monkeypatch):
    """A fresh store in a file, which the environment names."""
    found = (tmp_path / "modes.json").as_uri()
    monkeypatch.setenv("STAGENORM_STORE", found)
    return found


@pytest.fixture
def done(invoke):
    """Run a command that must succeed, and give what it prints on stdout."""

    def run(*arguments):
        result = invoke(*arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.stdout

    return run


@pytest.fixture
def refused(invoke):
    """Run a command that must be refused, and give the one line that says why."""

    def run(*arguments):
        result = invoke(*arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        return result.stderr

    return run
