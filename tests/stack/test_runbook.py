"""The runbook, run as it is written: every block of every week and of every way back, on a service with its whole stack."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from stagenorm import Mode, ModeState
from stagenorm.config import load_configuration
from stagenorm.core.modes import Actor
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.rollout.driver import Driver
from stagenorm.rollout.live import Live
from stagenorm.stores import control, open_store
from stagenorm.stores.control import Change

RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"
GOOD, BAD = ("/api/funds/7/companies?stage=" + value for value in ("seed", "nonsense"))


def blocks(language):
    """The blocks of a language with their headings, in order."""
    heading, found = "", []
    for part in re.finditer(r"^#+ ([^\n]+)$|^```(\w+)\n(.*?)^```$", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL):
        heading = part[1] or heading
        if part[2] == language:
            found.append((heading, part[3]))
    return found


@pytest.fixture
def place(start_fleet, tmp_path):
    """A directory to work in, and how the addresses of the runbook are called here."""
    work = tmp_path / "work"
    work.mkdir()
    ceiling = tmp_path / "ceiling"
    fleet = start_fleet(compressed=True, STAGENORM_FORCE_FILE=str(ceiling), address="127.0.0.1")
    database = work / "app.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE deals (id INTEGER PRIMARY KEY, stage TEXT)")
        connection.executemany("INSERT INTO deals VALUES (?, ?)", [(1, "Seed"), (2, "series-a"), (3, "SERIES B round")])
    with closing(sqlite3.connect(work / "rehearsal.db")) as connection:
        connection.execute("VACUUM")
    (work / "src").mkdir()
    (work / "src/client.py").write_text('get(f"/api/funds/{fund}/companies?stage=seed")\n')
    (work / "access.log").write_text(
        '10.0.0.7 - - [20/Nov/2026:10:00:00 +0000] "GET /api/funds/7/companies?stage=seed HTTP/1.1" 200 5 "-" "curl/8"\n'
    )
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "stagenorm").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m stagenorm "$@"\n')
    (commands / "stagenorm").chmod(0o755)
    addresses = {
        "redis://127.0.0.1:6379/0": fleet.store,
        "http://127.0.0.1:9090": fleet.prometheus,
        "http://127.0.0.1:8000/_ops/stagenorm": fleet.ops[0],
        "/var/lib/app/app.db": str(database),
        "/var/lib/app/rehearsal.db": str(work / "rehearsal.db"),
        "/etc/stagenorm/ceiling": str(ceiling),
    }
    return Place(fleet, work, commands, addresses)


class Place:
    def __init__(self, fleet, work, commands, addresses):
        self.fleet = fleet
        self.work = work
        self.addresses = addresses
        self.store = open_store(fleet.store, timeout=5)
        self.environment = {
            **os.environ,
            **fleet.secrets,
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

    def here(self, text):
        for written, real in self.addresses.items():
            text = text.replace(written, real)
        return text

    def run(self, block):
        """A block in a shell that stops at the first failure; what it exports stays."""
        script = f"set -e\n{self.here(block)}\nenv -0 > exported"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.work, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        exported = (self.work / "exported").read_text()
        self.environment.update(pair.split("=", 1) for pair in exported.split("\0") if pair)
        return done.stdout

    def enforce(self):
        """At 10%, wherever it stood."""
        change = self.operator()
        state = ModeState(Mode.ENFORCE, 10, self.state.revision + 1, change.now, "ada", "a rehearsal")
        began = {EVERYWHERE: Progress("enforce 10%", change.now)}
        control.change_rollout(
            self.store, change, "rehearse", lambda now: replace(now, everywhere=state, endpoints={}, rollout=began)
        )

    def round(self):
        """What the controller does then, on its own."""
        settings = load_configuration(self.work / "stagenorm.toml").rollout
        with closing(Live(settings, settings.plan.endpoints, {})) as source:
            (told,) = Driver(settings.plan, self.store, source, ModeState(Mode.OFF), time.time).tick()
        return told.outcome

    def operator(self):
        return Change(Actor.OPERATOR, "ada", "a rehearsal", time.time())

    @property
    def state(self):
        return self.store.read().everywhere

    @property
    def progress(self):
        return self.store.read().rollout[EVERYWHERE]

    def rows(self):
        with closing(sqlite3.connect(self.work / "app.db")) as connection:
            return [stage for (stage,) in connection.execute("SELECT stage FROM deals ORDER BY id")]


def after_a_way_back(place, heading):
    """What must hold then."""
    state, snapshot = place.state, place.store.read()
    if heading.startswith("Clients get 400s"):
        assert (state.mode, state.latched) == (Mode.WARN, True)
        assert "extended warn, 7 days" in place.round().reason
    elif heading == "One endpoint alone":
        assert snapshot.state("companies").latched
        place.round()
        assert place.state.mode is Mode.WARN
    elif heading == "One consumer alone":
        assert snapshot.overlays.is_exempt("partner-7", "companies", time.time())
    elif heading == "An alert has pulled it back":
        assert not state.latched
        assert state.mode is Mode.WARN
    elif heading == "Stop the rollout":
        assert (state.mode, state.latched) == (Mode.WARN, False)
        assert place.progress.halted.startswith("aborted by")
    elif heading == "The last change was wrong":
        assert place.store.trail(1)[0].action == "undo"
    elif heading == "Turn the check off":
        assert state.mode is Mode.OFF
        assert place.round().results[0].gate == "by hand"  # the rollout holds, and says why
    elif heading == "The backfill was wrong":
        assert place.rows() == ["Seed", "series-a", "SERIES B round"]
    else:
        assert heading == "The store is gone"


def test_the_runbook_does_what_it_says(place, until):
    fleet = place.fleet
    ((_, configuration),) = blocks("toml")
    (place.work / "stagenorm.toml").write_text(place.here(configuration))
    weeks = blocks("sh")
    first_way_back = next(number for number, (heading, _) in enumerate(weeks) if heading.startswith("Clients get"))
    for heading, block in weeks[:first_way_back]:
        place.run(block)
        if heading.startswith("Week 1"):
            assert place.progress.step == "off"
            place.run('stagenorm rollout advance --override "a week has passed"')
    assert json.loads((place.work / "consumers.json").read_text())["result"] == "PASS"
    assert json.loads((place.work / "verify.json").read_text())["result"] == "PASS"
    assert place.rows() == ["seed", "series-a", "series-b"]
    # The receipt and the report are what the commands left; the numbers of a service that just began hold.
    place.run('stagenorm rollout advance --override "a rehearsal"')
    status = json.loads(place.run("stagenorm rollout status --json || true"))
    said = {gate["gate"]: gate["verdict"] for gate in status["rollouts"][0]["gates"]}
    assert [said[gate] for gate in ("backfill", "receipt", "consumers", "latch")] == ["PASS"] * 4

    with_ceiling = [block for heading, block in weeks if heading == "The store is gone"]
    for heading, block in weeks[first_way_back:]:
        if block in with_ceiling:
            continue
        place.enforce()
        if heading.startswith("An alert"):
            control.downgrade(place.store, place.operator(), default=place.state)
        place.run(block)
        after_a_way_back(place, heading)

    place.enforce()
    control.set_mode(place.store, place.operator(), Mode.ENFORCE, 100, default=place.state)
    bad = lambda: [fleet.get(number, BAD) for number in range(2)]  # noqa: E731
    until(lambda: bad() == [400, 400])
    lower, again = with_ceiling
    place.run(lower)
    until(lambda: bad() == [200, 200])
    place.run(again)
    until(lambda: bad() == [400, 400])
