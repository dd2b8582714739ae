"""``stagenorm rollout`` as the operator uses it: where it stands, by hand, by itself, and in a simulation."""

import json
import signal
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.rollout.scenario import SCENARIOS
from stagenorm.stores import control, open_store
from stagenorm.stores.control import Change
from stagenorm.times import moment

DAY = 86400.0


class Place:
    """A directory with a configuration, a store, and whatever evidence a test leaves."""

    def __init__(self, directory, invoke):
        self.directory = directory
        self.url = (directory / "modes.json").as_uri()
        self.store = open_store(self.url)
        self.invoke = invoke
        self.configure("")

    def configure(self, text):
        self.configuration = self.directory / "stagenorm.toml"
        endpoints = '[[endpoints]]\nname = "simulate"\n[[endpoints]]\nname = "companies"\n'
        self.configuration.write_text(
            f'{endpoints}[rollout]\nprometheus = "http://127.0.0.1:9"\nconsumers_report = "consumers.json"\n{text}'
        )
        return self

    def report(self, result):
        content = {"result": result, "generated_at": moment(time.time())}
        (self.directory / "consumers.json").write_text(json.dumps(content))

    def options(self):
        return ("--config", self.configuration, "--store", self.url)

    def rollout(self, command, *arguments):
        return self.invoke("rollout", command, *arguments, *self.options())

    def at(self, step, mode, share=0, *, ago=0.0, latched=False):
        """The rollout stands there, since so many seconds."""
        now = time.time() - ago
        state = ModeState(mode, share, 1, now, "ada", "so be it", latched)
        change = Change(Actor.OPERATOR, "ada", "so be it", now)
        progress = {EVERYWHERE: Progress(step, now)}
        control.change_rollout(
            self.store, change, "set", lambda before: replace(before, everywhere=state, rollout=progress)
        )
        return self


@pytest.fixture
def place(tmp_path, invoke):
    return Place(tmp_path, invoke)


def test_status_of_what_has_not_begun(place):
    said = place.rollout("status")
    assert said.exit_code == 0
    assert "everywhere: not begun" in said.output
    assert "controller: none runs: stagenorm rollout run" in said.output


def test_status_says_where_why_when_and_what_to_do(place):
    place.at("warn", Mode.WARN, ago=2 * DAY)
    place.report("HOLD")
    said = place.rollout("status")
    assert said.exit_code == 3
    for words in (
        "everywhere: warn, for 2d, since ",
        "next: backfill",
        "quiet days",
        "Prometheus cannot be reached",
        "its report says HOLD",
        "to do: stagenorm consumers report --out FILE",
    ):
        assert words in said.output
    assert len(said.output.splitlines()) < 24  # one screen


def test_status_for_machines(place):
    place.at("off", Mode.OFF)
    place.report("FAIL")
    said = place.rollout("status", "--json")
    assert said.exit_code == 1
    document = json.loads(said.output)
    (stands,) = document["rollouts"]
    assert document["result"] == stands["verdict"] == "FAIL"
    assert document["leader"] is None
    assert (stands["where"], stands["step"], stands["next"]) == ("everywhere", "off", "warn")
    gates = {gate["gate"]: gate for gate in stands["gates"]}
    assert {name: gate["verdict"] for name, gate in gates.items()} == {
        "time": "HOLD",
        "traffic": "HOLD",
        "consumers": "FAIL",
        "validator": "HOLD",
    }
    assert gates["time"]["not_before"] > document["generated_at"]


def test_advance_holds_fails_or_is_overridden(place):
    place.at("off", Mode.OFF)
    assert place.rollout("advance").exit_code == 3
    place.report("FAIL")
    assert place.rollout("advance").exit_code == 1
    blank = place.rollout("advance", "--override", " ")
    assert blank.exit_code == 2
    done = place.rollout("advance", "--override", "nobody calls it yet", "--by", "ada")
    assert done.exit_code == 0
    (entry,) = place.store.trail(1)
    assert (entry.actor, entry.author) == (Actor.OPERATOR, "ada")
    assert entry.reason.startswith("nobody calls it yet (overriding time HOLD, traffic HOLD, consumers FAIL")
    assert place.store.read().everywhere.mode is Mode.WARN


def test_no_override_gets_past_a_latch(place, stagenorm):
    place.at("backfill", Mode.WARN, latched=True)
    refused = stagenorm("rollout", "advance", "--override", "now", *place.options())
    assert refused.returncode == 1
    assert "latched since ada pulled it back" in refused.stderr
    assert place.store.read().everywhere.mode is Mode.WARN


def test_hold_resume_and_abort_are_told_and_recorded(place):
    place.at("enforce 10%", Mode.ENFORCE, 10)
    assert "progress everywhere: enforce 10% -> enforce 10%, halted" in place.rollout("hold", "--reason", "a").output
    assert "nothing to change" not in place.rollout("status").output
    assert "held by" in place.rollout("status").output
    assert place.rollout("resume", "--reason", "b").exit_code == 0
    aborted = place.rollout("abort", "--reason", "c")
    assert "rollout abort everywhere: enforce 10% -> warn" in aborted.output
    history = place.invoke("mode", "history", "--store", place.url).output
    assert [action in history for action in ("rollout abort", "progress everywhere: enforce 10%, halted")] == [True] * 2


def test_one_of_several_rollouts(place):
    place.configure("per_endpoint = true\n")
    place.invoke("mode", "set", "off", "--reason", "x", "--store", place.url)
    assert place.rollout("advance", "--endpoint", "companies").exit_code == 0
    assert set(place.store.read().rollout) == {"companies"}
    assert "simulate: not begun" in place.rollout("status").output
    nobody = place.rollout("advance", "--endpoint", "checkout")
    assert nobody.exit_code == 2
    assert "the endpoints are simulate, companies" in nobody.output


def test_endpoints_that_go_together_have_no_rollout_of_their_own(place):
    alone = place.rollout("advance", "--endpoint", "companies")
    assert alone.exit_code == 2
    assert "the endpoints go together" in alone.output


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_simulate_for_machines(invoke, scenario, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = json.loads(invoke("rollout", "simulate", "--scenario", scenario, "--json").output)
    full = {"mode": "enforce", "share": 100}
    assert document["final"] == (full if scenario == "healthy" else {"mode": "warn", "share": 0})
    assert document["timeline"][0]["day"] == 0
    assert all(one["at"] <= two["at"] for one, two in zip(document["timeline"], document["timeline"][1:], strict=False))


def test_simulate_walks_the_plan_that_is_here(place, monkeypatch):
    place.configure(
        'steps = [{kind = "warn"}, {kind = "enforce", share = 5, at_least = "1d"}, {kind = "enforce", share = 25}]\n'
    )
    monkeypatch.chdir(place.directory)
    said = place.invoke("rollout", "simulate").output
    assert "after 30 days: enforce 25%" in said


@pytest.mark.parametrize("scenario", ["nonsense", ".", "/dev/null/x"])
def test_a_scenario_that_is_none_is_wrong_usage(invoke, scenario, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = invoke("rollout", "simulate", "--scenario", scenario)
    assert wrong.exit_code == 2
    assert "--scenario" in wrong.output


def test_two_may_run_and_one_leads(place, start, until):
    place.invoke("mode", "set", "off", "--reason", "x", "--store", place.url)
    run = ("rollout", "run", "--every", "1s", *place.options())
    one = start(*run)
    until(place.store.leader)
    two = start(*run)
    assert "leads; waiting" in two.stdout.readline()
    assert "the rollout begins in off" in one.stdout.readline()
    leader = place.store.leader()
    assert leader.endswith(f":{one.pid}")
    one.send_signal(signal.SIGTERM)
    assert one.wait(20) == 0
    until(lambda: (place.store.leader() or "").endswith(f":{two.pid}"))
    assert "off, waiting for time HOLD, traffic HOLD" in two.stdout.readline()
    two.kill()  # it had no time to give the lease back
    two.wait()
    three = start(*run)
    until(lambda: (place.store.leader() or "").endswith(f":{three.pid}"))
    assert [entry.action for entry in place.store.trail(10)] == ["rollout begin", "set"]


def test_a_store_that_fails_is_told_and_tried_again(place, start, until):
    place.at("off", Mode.OFF)
    good = (place.directory / "modes.json").read_bytes()
    (place.directory / "modes.json").write_bytes(b"damaged")
    running = start("rollout", "run", "--every", "1s", *place.options())
    assert "is torn or damaged" in running.stdout.readline()
    (place.directory / "modes.json").write_bytes(good)
    assert "off, waiting for" in running.stdout.readline()


class Alertmanager(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_what_only_a_person_can_decide_pages_one(place, start, until):
    with HTTPServer(("127.0.0.1", 0), Alertmanager) as server:
        server.got = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            place.configure(f'alertmanager = "http://127.0.0.1:{server.server_port}"\n')
            place.at("warn", Mode.WARN, ago=31 * DAY)
            start("rollout", "run", "--every", "1s", *place.options())
            until(lambda: server.got)
        finally:
            server.shutdown()
            thread.join()
    path, (alert,) = server.got[0]
    assert path == "/api/v2/alerts"
    assert alert["labels"] == {"alertname": "StagenormRolloutWaitsForYou", "severity": "page", "gate": "quiet days"}
    assert "30d is the most" in alert["annotations"]["summary"]
    assert alert["startsAt"] < alert["endsAt"]
    assert place.store.read().everywhere.mode is Mode.WARN
