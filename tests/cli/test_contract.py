"""What scripts rely on: exit codes, which stream says what, and no tracebacks."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

PARTS = {"typer": "cli", "rich": "cli", "httpx": "demo", "starlette": "demo", "uvicorn": "demo"}


def test_done_is_0_and_machine_output_is_all_that_stdout_gets(stagenorm):
    done = stagenorm("normalize", "--json", "Seed")
    assert done.returncode == 0
    assert json.loads(done.stdout) == [{"raw": "Seed", "value": "seed", "exact": False}]
    assert done.stderr == ""


def test_refused_is_1_and_says_so_in_one_line_on_stderr(stagenorm):
    refused = stagenorm("vocabulary", "show", "absent.toml")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith("stagenorm: absent.toml: there is no such file in /")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("normalise",),
        ("normalize",),
        ("normalize", "--bogus"),
        ("normalize", "Seed", "--csv", "x.csv", "--column", "raw"),
        ("normalize", "--csv", "x.csv"),
        ("normalize", "Seed", "--column", "raw"),
        ("normalize", "Seed", "--out", "x.csv"),
        ("demo", "--port", "70000"),
        ("vocabulary", "lint", "one.toml", "two.toml"),
    ],
)
def test_wrong_usage_is_2_and_names_the_help(invoke, arguments):
    wrong = invoke(*arguments)
    assert wrong.exit_code == 2
    assert wrong.stdout == ""
    assert "-h' for help" in wrong.stderr
    assert "Error: " in wrong.stderr


@pytest.mark.parametrize("arguments", [(), ("vocabulary",)])
def test_a_group_alone_shows_its_help(invoke, arguments):
    assert "Commands:" in invoke(*arguments).output


def test_help_tells_the_exit_codes(invoke):
    help_ = invoke("--help")
    assert help_.exit_code == 0
    assert "0 done, 1 refused or failed, 2 wrong usage, 3 hold" in help_.stdout


def test_the_version_is_that_of_the_package(invoke, monkeypatch):
    monkeypatch.setattr(metadata, "version", {"stagenorm": "1.2.3"}.__getitem__)
    shown = invoke("--version")
    assert (shown.exit_code, shown.stdout) == (0, "stagenorm 1.2.3\n")


def test_an_argument_that_may_stand_several_times_is_shown_so(invoke):
    assert "[OPTIONS] [LOG]...\n" in invoke("offenders", "--help").stdout


def test_the_installed_command_is_the_same_as_the_module(environment):
    script = "import sys; sys.argv = ['stagenorm', 'normalize', 'Seed']; from stagenorm.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Seed -> seed\n")


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_extra_is_named_with_its_install_command(environment, part):
    script = (
        f"import sys; sys.modules[{part!r}] = None; sys.argv[1:] = ['demo']; from stagenorm.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"pip install 'stagenorm[{PARTS[part]}]'" in done.stderr
    assert done.stderr.startswith("stagenorm: ")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_no_traceback(start):
    process = start("vocabulary", "lint")
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    assert process.wait(timeout=60) == 1


@pytest.mark.parametrize(
    "arguments", [("vocabulary", "lint"), ("vocabulary", "lint", "--json"), ("normalize", "x"), ("token", "secret")]
)
def test_a_disk_that_is_full_is_one_line(start, arguments):
    with Path("/dev/full").open("w") as full:
        process = start(*arguments, stdout=full)
        assert process.stderr.read() == "stagenorm: standard output cannot be written: No space left on device\n"
        assert process.wait(timeout=60) == 1


def test_an_output_that_cannot_show_a_letter_shows_its_escape(environment):
    command = [sys.executable, "-m", "stagenorm", "normalize", "轮"]
    environment["PYTHONIOENCODING"] = "latin-1"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("\\u8f6e -> unknown: '\\u8f6e' is not in the vocabulary")


def test_a_terminal_gets_colour_unless_it_asks_for_none(on_a_terminal, environment):
    assert "\x1b[32m" in on_a_terminal("vocabulary", "show")
    environment["NO_COLOR"] = "1"
    assert "\x1b[" not in on_a_terminal("vocabulary", "show")
    assert "\x1b[" not in on_a_terminal("normalize", "--help")


def test_a_pipe_gets_plain_text_in_whole_lines(stagenorm):
    shown = stagenorm("normalize", "x" * 300).stdout
    assert "\x1b[" not in shown
    assert shown.count("\n") == 1
    table = stagenorm("vocabulary", "lint").stdout
    assert "\x1b[" not in table
    assert not any(line.endswith(" ") for line in table.splitlines())
