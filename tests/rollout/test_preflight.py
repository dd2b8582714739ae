"""Each row of preflight: judged by table, and run for real against a fleet of its own."""

import json
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from typer.testing import CliRunner

from stagenorm import INVESTMENT_STAGES, Mode, ModeState
from stagenorm.cli.app import app
from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Actor
from stagenorm.observe.rules.alerts import ALERTS
from stagenorm.ops.credentials import fresh_secret
from stagenorm.rollout import drills, preflight
from stagenorm.rollout.observations import NotKnown
from stagenorm.rollout.review import Review
from stagenorm.stores import control, open_store
from stagenorm.times import moment
from tests.conftest import until
from tests.rollout.conftest import binary
from tests.servers.conftest import running

UNKNOWN = NotKnown("nobody knows")
REVIEW = Review("stages", "abc", "ada", "looked", 0.0)
LOADED = {alert.name: "ok" for alert in ALERTS}
HELD = preflight.Fallback([], "last-known", ["degraded"], 0.1)
ARRIVED = preflight.Delivered(200, "ignored", 3, 3, 3)
PASS, FAIL, HOLD = Conclusion.PASS, Conclusion.FAIL, Conclusion.HOLD


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (preflight.mode_store([0.001] * 990 + [9.0] * 10, "s"), PASS),
        (preflight.mode_store([0.001] * 989 + [0.010] * 11, "s"), FAIL),
        (preflight.mode_store([0.001] * 999, "s"), HOLD),
        (preflight.mode_store(UNKNOWN, "s"), FAIL),
        (preflight.fallback(HELD), PASS),
        (preflight.fallback(preflight.Fallback(["everywhere: warn -> off"], "default", ["degraded"], 0.1)), FAIL),
        (preflight.fallback(preflight.Fallback([], "store", ["degraded"], 0.1)), FAIL),
        (preflight.fallback(preflight.Fallback([], "last-known", [], 0.1)), FAIL),
        (preflight.fallback(UNKNOWN), HOLD),
        (preflight.restored(299.0), PASS),
        (preflight.restored(300.0), FAIL),
        (preflight.restored(UNKNOWN), HOLD),
        (preflight.restored(UNKNOWN, failed=True), FAIL),
        (preflight.rehearsal(1000), PASS),
        (preflight.rehearsal(999), FAIL),
        (preflight.rehearsal(UNKNOWN), HOLD),
        (preflight.rehearsal(UNKNOWN, failed=True), FAIL),
        (preflight.vocabulary(REVIEW, "abc"), PASS),
        (preflight.vocabulary(REVIEW, "abd"), FAIL),
        (preflight.vocabulary(UNKNOWN, "abc"), HOLD),
        (preflight.alert_rules(LOADED), PASS),
        (preflight.alert_rules({**LOADED, "StagenormEnforceRejects": "err"}), FAIL),
        (preflight.alert_rules({}), FAIL),
        (preflight.alert_rules(UNKNOWN), HOLD),
        (preflight.webhook(ARRIVED), PASS),
        (preflight.webhook(preflight.Delivered(200, "ignored", 3, 4, 4)), FAIL),
        (preflight.webhook(preflight.Delivered(200, "done", 3, 3, 3)), FAIL),
        (preflight.webhook(preflight.Delivered(200, "ignored", 3, 3, 2)), FAIL),
        (preflight.webhook(preflight.Delivered(401, "", 3, 3, 3)), FAIL),
        (preflight.webhook(preflight.Delivered(404, "", 3, 3, 3)), FAIL),
        (preflight.webhook(UNKNOWN), HOLD),
        (preflight.webhook(UNKNOWN, failed=True), FAIL),
    ],
)
def test_each_row_by_table(result, verdict):
    assert result.verdict is verdict
    assert result.why


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"data": {"groups": [{"rules": [{}]}]}}', "<html>"])
def test_what_is_no_prometheus_is_not_known(answer):
    assert isinstance(preflight.loaded_alerts(answer), NotKnown)


def enforced(url):
    store = open_store(url, timeout=2)
    for mode, share in ((Mode.WARN, 0), (Mode.ENFORCE, 40)):
        change = control.Change(Actor.OPERATOR, "ada", "test", 1.0)
        control.set_mode(store, change, mode, share, default=ModeState(Mode.WARN))
    return store


def test_the_drill_falls_silent_for_real(valkey):
    store = enforced(valkey.fresh_url())
    seen = drills.fall_silent(store, ModeState(Mode.OFF))
    assert seen.changes == []
    assert seen.source == "last-known"
    assert any("mode store degraded" in told for told in seen.warned)
    assert store.read().everywhere == ModeState(Mode.ENFORCE, 40, 2, 1.0, "ada", "test")


def test_a_store_that_is_gone_cannot_be_drilled(free_port):
    store = open_store(f"redis://127.0.0.1:{free_port()}/0")
    assert isinstance(drills.fall_silent(store, ModeState(Mode.WARN)), NotKnown)
    assert isinstance(drills.time_reads(store), NotKnown)


TOML = """
store = "{store}"
ops_url = "{ops}"

[rollout]
prometheus = "{prometheus}"
consumers_report = "consumers.json"

[backfill]
database = "sqlite:///app.db"

[[endpoints]]
name = "companies"
"""


class Week0:
    """A directory with all that preflight asks for, and the commands."""

    def __init__(self, directory, environment):
        self.directory = directory
        self.environment = environment

    def invoke(self, *arguments, **more):
        return CliRunner().invoke(app, list(map(str, arguments)), env={**self.environment, **more})

    def run(self, *arguments):
        done = self.invoke(*arguments)
        assert done.exit_code == 0, done.output

    def preflight(self, *, code=0, test="sqlite:///rehearsal.db", **environment):
        databases = ("--dump", "app.dump", "--test-database", test)

        def told_by_a_store_in_time():
            """A busy machine reads slowly; what is slow is judged by table above."""
            done = self.invoke("preflight", *databases, "--test-table", "deals", "--json", **environment)
            told = json.loads(done.stdout)
            rows = {each["check"]: each["result"] for each in told["checks"]}
            return rows["mode store"] == "PASS" and (done.exit_code, told["result"], rows)

        exit_code, verdict, rows = until(told_by_a_store_in_time, within=60)
        assert exit_code == code
        return verdict, rows


@pytest.fixture
def week0(tmp_path, monkeypatch, redis_binary, start_server, free_port):
    monkeypatch.chdir(tmp_path)
    server = start_server(binary=redis_binary)
    environment = {"STAGENORM_TOKEN_KEY": fresh_secret(), "STAGENORM_WEBHOOK_SECRETS": fresh_secret()}
    environment["STAGENORM_RECEIPT_KEY"] = fresh_secret()
    port = free_port()
    with running("starlette", "warn", tmp_path / "service.log", STAGENORM_STORE=server.url, **environment) as service:
        ops = f"http://127.0.0.1:{service.port}/_ops/stagenorm"
        toml = TOML.format(store=server.url, ops=ops, prometheus=f"http://127.0.0.1:{port}")
        (tmp_path / "stagenorm.toml").write_text(toml)
        made = Week0(tmp_path, environment)
        made.run("rules", "write", ".")
        rules = tmp_path / "observability/prometheus/rules/stage-validation.yml"
        (tmp_path / "prometheus.yml").write_text(f'rule_files: ["{rules}"]\n')
        command = [binary("prometheus"), f"--config.file={tmp_path / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={tmp_path / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"]
        with (
            (tmp_path / "prometheus.log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log) as process,
        ):
            try:
                until(lambda: b"Server is ready" in (tmp_path / "prometheus.log").read_bytes())
                yield made
            finally:
                process.kill()


def test_week_0_from_nothing_to_clear(week0):
    """What is missing holds, what is wrong fails, and when all is there every row passes."""
    verdict, rows = week0.preflight(code=1)
    assert verdict == "FAIL"
    assert (rows["mode store"], rows["fallback drill"], rows["alert rules"], rows["webhook"]) == ("PASS",) * 4
    assert (rows["consumers clear"], rows["vocabulary"], rows["backup"]) == ("HOLD", "HOLD", "FAIL")
    assert rows["test database"] == "FAIL"

    with closing(sqlite3.connect(week0.directory / "app.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE deals (id integer PRIMARY KEY, stage text)")
        many = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        connection.execute(f"INSERT INTO deals {many} SELECT i, 'Seed' FROM n")
        week0.run("backup", "create", "app.dump", "--database", "sqlite:///app.db", "--column", "deals.stage")
        shutil.copy(week0.directory / "app.db", week0.directory / "rehearsal.db")
        week0.run("vocabulary", "review", "--by", "ada", "--reason", "read all forms")
        report = {"result": "PASS", "generated_at": moment(time.time())}
        (week0.directory / "consumers.json").write_text(json.dumps(report))
        verdict, rows = week0.preflight(code=1)
        assert {name for name, said in rows.items() if said != "PASS"} == {"test database"}  # 999 rows

    with closing(sqlite3.connect(week0.directory / "rehearsal.db", isolation_level=None)) as connection:
        connection.execute("INSERT INTO deals VALUES (1, 'Seed')")
    assert week0.preflight() == ("PASS", dict.fromkeys(rows, "PASS"))
    shutil.copy(week0.directory / "rehearsal.db", week0.directory / "app.db")  # of as many rows
    _, rows = week0.preflight(code=1, test=f"sqlite:///{week0.directory}/app.db")
    assert {name for name, said in rows.items() if said != "PASS"} == {"test database"}  # it is no other one

    toml = week0.directory / "stagenorm.toml"
    (week0.directory / "own.toml").write_text('name = "own"\n[[terms]]\nvalue = "seed"\n')
    toml.write_text('vocabulary = "own.toml"\n' + toml.read_text())
    verdict, rows = week0.preflight(code=1, STAGENORM_WEBHOOK_SECRETS=fresh_secret())
    assert {name for name, said in rows.items() if said != "PASS"} == {"vocabulary", "webhook"}


def test_a_review_is_of_what_is_accepted_now(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Week0(tmp_path, {}).run("vocabulary", "review", "--by", "ada", "--reason", "read all forms")
    kept = json.loads((tmp_path / "vocabulary-review.json").read_text())
    assert (kept["fingerprint"], kept["author"], kept["reason"]) == (
        INVESTMENT_STAGES.fingerprint,
        "ada",
        "read all forms",
    )
