"""One whole rollout on real servers, its weeks made seconds: an alert pulls it back, an alias mends it, and it goes on."""

import json
import sys
import time

from stagenorm import Mode
from stagenorm.backups.receipt import Receipt, Receipts
from stagenorm.core.canary import in_share
from stagenorm.core.modes import Actor
from stagenorm.core.progress import EVERYWHERE
from stagenorm.stores import open_store
from stagenorm.times import moment

LONG = 120.0
EARLY = next(f"127.0.0.{number}" for number in range(2, 255) if in_share(f"127.0.0.{number}", 10, "stagenorm"))
"""The address of a consumer that 10% holds already."""

PLAN = """
[rollout]
prometheus = "{prometheus}"
scrape = "1s"
endpoints = ["companies"]
consumers_report = "consumers.json"
verify_report = "verify.json"
receipt = "deals.dump.receipt"
steps = [
    {{ kind = "off", at_least = "5s" }},
    {{ kind = "warn" }},
    {{ kind = "backfill" }},
    {{ kind = "enforce", share = 10, at_least = "3s" }},
    {{ kind = "enforce", share = 50, at_least = "3s" }},
    {{ kind = "enforce", share = 100 }},
]

[rollout.limits]  # weeks as seconds: a day is six of them, and holds some hundred requests
day = "6s"
window = "3s"
quiet_days = 1
extended_days = 1
requests = 50
unknown = 0.05
unknown_now = 0.2
refused = 0.3
slow = 0.97
"""


KEY = "0123456789abcdef01234567"


def report(path, at):
    """What ``consumers report`` and ``backfill verify`` leave behind."""
    path.write_text(json.dumps({"generated_at": moment(at), "result": "PASS"}))


def test_from_off_to_all_with_an_alert_on_the_way(start_fleet, until, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STAGENORM_RECEIPT_KEY", KEY)
    fleet = start_fleet(compressed=True, address=EARLY)
    store = open_store(fleet.store, timeout=5)
    with fleet.configuration.open("a") as file:
        file.write(PLAN.format(prometheus=fleet.prometheus))
    of_store = ("--store", fleet.store)
    began = time.monotonic()

    def reached(step):
        def reached():
            progress = store.read().rollout.get(EVERYWHERE)
            return progress and progress.step == step

        until(reached, within=LONG)
        with capsys.disabled():
            print(f"\n{step} after {time.monotonic() - began:.0f} s", end="")  # noqa: T201

    report(tmp_path / "consumers.json", time.time())
    fleet.command("mode", "set", "off", "--endpoint", "companies", "--reason", "week 1", *of_store)
    run = (sys.executable, "-m", "stagenorm", "rollout", "run", "--every", "1s", "--config", fleet.configuration)
    for number in range(2):  # one leads, the other waits
        fleet.start(f"controller{number}", *run, *of_store)
    reached("warn")
    reached("backfill")
    Receipts().write(Receipt("app", "0" * 64, time.time(), ("deals.stage",), 1.0), tmp_path / "deals.dump")
    report(tmp_path / "verify.json", time.time() + 1)
    reached("enforce 10%")

    fleet.clients.bad.set()
    until(lambda: all(fleet.clients.rejecting))
    reached("warn")  # the alert, its webhook, and the controller behind it
    assert store.read().state("companies").latched
    fleet.command("alias", "add", "nonsense", "seed", "--for", "1h", "--reason", "what they mean", *of_store)
    fleet.command("mode", "unlatch", "--reason", "the alias mends it", *of_store)
    for step in ("backfill", "enforce 10%", "enforce 50%", "enforce 100%"):
        reached(step)
    assert not any(fleet.clients.rejecting)  # the same client, and nobody is refused
    state = store.read().state("companies")
    assert (state.mode, state.share, state.latched) == (Mode.ENFORCE, 100, False)
    assert store.read().everywhere is None  # the endpoints outside the plan are left alone

    told = [(entry.actor, entry.action) for entry in reversed(store.trail(100))]
    controller, operator = Actor.CONTROLLER, Actor.OPERATOR
    assert told == [
        (operator, "set"),
        (controller, "rollout begin"),
        *[(controller, "rollout step")] * 3,
        (Actor.ALERT, "downgrade"),
        (controller, "rollout back"),
        (operator, "alias add"),
        (operator, "unlatch"),
        *[(controller, "rollout step")] * 4,
    ]
    done = json.loads(fleet.command("rollout", "status", "--json", "--config", fleet.configuration, *of_store))
    assert (done["result"], done["rollouts"][0]["step"]) == ("PASS", "enforce 100%")
    assert done["leader"]
