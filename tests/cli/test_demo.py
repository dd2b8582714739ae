"""``stagenorm demo`` as a whole: one walk that goes on serving, and what Ctrl-C leaves."""

import json
import re
import shlex
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

KEYS = [
    "mode",
    "share",
    "requests",
    "canonical",
    "alias",
    "unknown",
    "rejected",
    "would_reject",
    "handler_noncanonical",
]


class Walk:
    """A demo that has walked through its phases and serves now."""

    def __init__(self, process):
        self.process = process
        self.told = []
        for line in process.stderr:
            self.told.append(line.rstrip("\n"))
            if line.startswith("Serving "):
                break
        self.url = self.told[-1].split()[1]


@pytest.fixture
def walk(start):
    return Walk(start("demo", "--json", "--serve"))


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def answer(url):
    status, body = get(url)
    return status, body.get("stages")


def test_a_walk_that_goes_on_serving_until_it_is_interrupted(walk, stagenorm, until):
    status, body = get(f"{walk.url}/api/funds/7/companies?stage=Seed%20Round")
    assert (status, body) == (200, {"stages": ["seed"]})
    status, body = get(f"{walk.url}/api/funds/7/companies?stage=Seies%20A")
    assert status == 400
    assert body["errors"][0]["suggestions"] == ["series-a"]

    commands = [shlex.split(line) for line in walk.told if line.startswith("curl ")]
    assert len(commands) == 5
    assert all(any(walk.url in part for part in command) for command in commands)

    switch = [shlex.split(line)[1:] for line in walk.told if line.startswith("stagenorm ")]
    typing_error = f"{walk.url}/api/funds/7/companies?stage=Seies%20A"
    expected = {
        "set": (200, ["Seies A"]),
        "undo": (400, None),
        "add": (200, ["series-a"]),
        "history": (200, ["series-a"]),
    }
    assert [command[1] for command in switch] == list(expected)
    for command, due in zip(switch, expected.values(), strict=True):
        said = stagenorm(*command)
        assert said.returncode == 0
        until(lambda due=due: answer(typing_error) == due)
    assert "set everywhere: enforce 100% -> warn" in said.stdout
    store = Path(urlsplit(switch[0][-1]).path)
    assert store.exists()

    walk.process.send_signal(signal.SIGINT)
    out, err = walk.process.communicate(timeout=30)
    assert walk.process.returncode == 130
    assert err == ""
    with pytest.raises(urllib.error.URLError):
        get(f"{walk.url}/api/funds/7/companies")
    assert not store.parent.exists()

    proved = json.loads(out)
    assert proved["ok"] is True
    assert [(phase["mode"], phase["share"]) for phase in proved["phases"]] == [
        ("off", 0),
        ("warn", 0),
        ("enforce", 10),
        ("enforce", 50),
        ("enforce", 100),
    ]
    off, warn, *_, full = proved["phases"]
    for phase in proved["phases"]:
        assert list(phase) == KEYS
        assert phase["requests"] == 1000
        assert [phase[kind] for kind in ("canonical", "alias", "unknown")] == [
            off["canonical"],
            off["alias"],
            off["unknown"],
        ]
    assert off["handler_noncanonical"] == off["alias"] + off["unknown"]
    assert warn["handler_noncanonical"] == warn["unknown"]
    assert full["handler_noncanonical"] == 0
    assert warn["would_reject"] == full["rejected"] > 0
    assert all(claim["holds"] for claim in proved["claims"])
    phases = [line for line in walk.told if re.match(r"(off|warn|enforce \d+%): ", line)]
    assert len(phases) == 5


def test_a_terminal_sees_each_phase_while_it_runs(on_a_terminal):
    seen = on_a_terminal("demo")
    for phase in (
        "off: everything passes untouched and is counted",
        "warn: aliases are rewritten, unknown values pass with a notice",
        "enforce 10%: unknown values of 10% of the consumers are refused",
        "enforce 50%: unknown values of 50% of the consumers are refused",
        "enforce 100%: unknown values are refused, whoever sends them",
    ):
        assert phase in seen
    assert seen.index("enforce 100%: ") < seen.index("What this proved")


@pytest.fixture
def _struck_anywhere(environment):
    """A signal may strike between the opening of a file and its with block, of which Python 3.10 warns."""
    environment["PYTHONWARNINGS"] = "error,ignore::ResourceWarning"


@pytest.mark.usefixtures("_struck_anywhere")
def test_an_interrupted_walk_ends_at_once_and_in_order(start):
    process = start("demo")
    assert process.stderr.readline().startswith("off: everything passes untouched")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err) == ("", "")


@pytest.mark.usefixtures("_struck_anywhere")
def test_a_terminated_walk_ends_in_order_too(start):
    process = start("demo")
    process.stderr.readline()
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert (out, err) == ("", "")


@pytest.fixture
def short_walk(monkeypatch):
    monkeypatch.setattr("stagenorm.cli.demo._CALLS", 150)


@pytest.mark.usefixtures("short_walk")
def test_people_get_a_table_and_what_it_proved(invoke):
    done = invoke("demo")
    assert done.exit_code == 0
    words = [line.split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in words if line and line[0] in ("off", "warn")] == [["off", "150"], ["warn", "150"]]
    (full,) = [line for line in words if line[:2] == ["enforce", "100%"]]
    assert full[-1] == "0"
    assert [line[0] for line in words if line].count("yes") == 12
    assert "At 100% the handlers read 0 values outside the vocabulary" in done.stdout


@pytest.mark.usefixtures("short_walk")
def test_what_is_not_proved_is_said_and_exits_1(invoke, monkeypatch):
    monkeypatch.setattr("stagenorm.demo.service.StageNormMiddleware", lambda app, **_: app)
    done = invoke("demo", "--serve")
    assert done.exit_code == 1
    assert "NOT SO" in done.stdout
    assert "Serving" not in done.output
    proved = json.loads(invoke("demo", "--json").stdout)
    assert proved["ok"] is False


def test_a_port_that_is_taken_exits_1_and_says_so(invoke):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = invoke("demo", "--port", port)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"stagenorm: port {port} cannot be had")
