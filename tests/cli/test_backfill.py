"""``stagenorm backup`` and ``stagenorm backfill`` from one end to the other, as an operator types them."""

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stagenorm.cli.backfill_progress import following


@pytest.fixture
def url(tmp_path):
    path = tmp_path / "deals.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE deals (id integer PRIMARY KEY, stage text)")
        connection.execute("INSERT INTO deals VALUES (1, 'Seed'), (2, 'seed'), (3, 'Series A')")
        connection.commit()
    return f"sqlite:///{path}"


def test_the_night_from_plan_to_revert(invoke, url, tmp_path, monkeypatch):
    monkeypatch.setenv("STAGENORM_RECEIPT_KEY", "0123456789abcdef01234567")
    monkeypatch.setenv("STAGENORM_DATABASE", url)
    target, dump = ("--table", "deals", "--column", "stage"), tmp_path / "deals.dump"
    planned = json.loads(invoke("backfill", "plan", *target, "--json").stdout)
    assert [planned[name] for name in ("rows", "changing", "unknown_rows", "refused")] == [3, 2, 0, []]
    assert "name them with --column" in invoke("backup", "create", tmp_path / "bare.dump").stdout
    assert invoke("backup", "create", dump, "--column", "deals.stage").exit_code == 0
    assert invoke("backup", "verify", dump).exit_code == 0
    assert invoke("backup", "restore-test", dump).exit_code == 0
    ran = invoke("backfill", "run", *target, "--apply", "--receipt", f"{dump}.receipt", "--json")
    assert (ran.exit_code, json.loads(ran.stdout.splitlines()[-1])["rows_changed"]) == (0, 2)
    (tmp_path / "verify.json").touch()
    assert invoke("backfill", "verify", *target, "--out", tmp_path / "verify.json").exit_code == 0
    verified = json.loads(invoke("backfill", "verify", *target, "--out", tmp_path / "verify.json", "--json").stdout)
    assert verified["result"] == "PASS"
    (tmp_path / "consumers.json").write_text('{"generated_at": "yesterday"}')
    os.mkfifo(tmp_path / "pipe")
    for other in (dump, tmp_path / "consumers.json", tmp_path / "pipe"):
        over = invoke("backfill", "verify", *target, "--out", other)
        assert (over.exit_code, "is no report of this command" in " ".join(over.stderr.split())) == (2, True)
    assert invoke("backup", "verify", dump).exit_code == 0
    assert json.loads((tmp_path / "verify.json").read_text()) == verified
    assert invoke("backfill", "revert", "--run", 1).stdout == (
        f"revert 2 of run 1, all of deals.stage in {tmp_path}/deals.db: done; 2 rows taken back; 0 hold something else by now "
        "(edited or deleted) and stay as they are\n"
    )
    assert "run 2 took it back: run the backfill again" in invoke("backfill", "verify", *target).stdout
    assert [run["kind"] for run in json.loads(invoke("backfill", "status", "--json").stdout)] == ["revert", "run"]
    again = invoke("backfill", "revert", "--run", 1)
    assert (again.exit_code, "run 2 took run 1 back already" in again.stderr) == (1, True)
    assert Path(f"{dump}.receipt").exists()
    assert invoke("backup", "restore-test", dump, "--smoke", "SELECT 1 FROM absent").exit_code == 1
    assert not Path(f"{dump}.receipt").exists(), "what was proved before stands no longer"


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (("--apply",), 1, "no receipt: make a backup and prove it"),
        (("--apply", "--receipt", "absent"), 1, "STAGENORM_RECEIPT_KEY is not set"),
        (("--apply", "--no-receipt", " "), 2, "it is empty"),
        (("--apply", "--no-receipt", "x", "--window", "late"), 2, "is no time window"),
        (("--apply", "--no-receipt", "x", "--resume-from", "[7, 8]"), 1, "is no key of deals.stage (id)"),
    ],
)
def test_what_must_not_begin_changes_nothing(invoke, url, tmp_path, options, code, why):
    before = (tmp_path / "deals.db").read_bytes()
    refused = invoke("backfill", "run", "--database", url, "--table", "deals", "--column", "stage", *options)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert why in refused.stderr
    assert (tmp_path / "deals.db").read_bytes() == before


def test_a_filter_that_holds_for_no_row_is_told_and_an_empty_one_is_none(invoke, url):
    target = ("--database", url, "--table", "deals", "--column", "stage")
    nothing = ("--filter", "stage = 'sead'")
    for command in (("plan",), ("run", "--apply", "--no-receipt", "x"), ("verify",)):
        shown = invoke("backfill", *command, *target, *nothing)
        assert "deals.stage where stage = 'sead' in" in shown.stdout
        assert shown.stderr == "note: the filter stage = 'sead' holds for no row: is it what you mean?\n"
    empty = invoke("backfill", "run", *target, "--filter", "", "--apply", "--no-receipt", "x")
    assert (empty.exit_code, "it is empty" in empty.stderr) == (2, True)


def test_who_ends_it_at_once_is_told_what_stays(capsys):
    with pytest.raises(KeyboardInterrupt), following(json=True):
        raise KeyboardInterrupt
    assert "nothing of the batch that it was in stays; the same command goes on" in capsys.readouterr().err


def test_a_value_that_cannot_be_seen_is_quoted(invoke, url, tmp_path):
    with closing(sqlite3.connect(tmp_path / "deals.db")) as connection:
        connection.execute("INSERT INTO deals VALUES (4, '  '), (5, '')")
        connection.commit()
    planned = invoke("backfill", "plan", "--database", url, "--table", "deals", "--column", "stage")
    assert [line.split()[0] for line in planned.stdout.splitlines() if "empty" in line] == ['""', '"']


def test_a_scratch_table_to_rehearse_on(invoke, url):
    assert invoke("backfill", "seed", "--database", url, "--rows", 200).stdout.endswith("deals.db: 200 rows\n")
    again = invoke("backfill", "seed", "--database", url, "--rows", 200)
    assert (again.exit_code, "drop it, or name another" in again.stderr) == (1, True)
    ran = invoke(
        "backfill",
        "run",
        "--database",
        url,
        "--table",
        "stagenorm_scratch",
        "--column",
        "stage",
        "--apply",
        "--no-receipt",
        "scratch",
    )
    assert ran.exit_code == 1
    assert "hold an unknown value, and stay as they are" in ran.stdout


@pytest.mark.parametrize("url", ["mysql://localhost/app", "nothing", "sqlite://"])
def test_a_url_of_no_database_that_this_works_on(invoke, url):
    assert invoke("backfill", "status", "--database", url).exit_code == 2


@pytest.fixture
def declared(tmp_path, url):
    """A stagenorm.toml with that database and one target, and what adds another."""
    path = tmp_path / "stagenorm.toml"
    path.write_text(
        f"[backfill]\ndatabase = '{url}'\n"
        "[[backfill.targets]]\nname = 'early'\ntable = 'deals'\ncolumn = 'stage'\nfilter = 'id < 3'\ntenant = 'fund'\n"
    )
    with closing(sqlite3.connect(tmp_path / "deals.db")) as connection:
        connection.execute("ALTER TABLE deals ADD fund integer")
        connection.execute("UPDATE deals SET fund = id % 2 WHERE id < 3")
        connection.commit()
    return path


def test_a_declared_target_is_enough_and_options_go_before_it(invoke, declared, tmp_path):
    def rows(*options):
        return json.loads(invoke("backfill", "plan", "--config", declared, *options, "--json").stdout)["rows"]

    assert (rows(), rows("--target", "early"), rows("--filter", "id > 0")) == (2, 2, 3)
    assert rows("--table", "deals", "--column", "stage") == 3, "a table of one's own is no declared target"
    ran = invoke("backfill", "run", "--config", declared, "--apply", "--no-receipt", "a test")
    assert ran.exit_code == 0, ran.output
    assert invoke("backfill", "verify", "--config", declared).exit_code == 0
    whole = invoke("backfill", "verify", "--config", declared, "--table", "deals", "--column", "stage")
    assert (whole.exit_code, whole.stdout) == (1, ""), "what was verified of some rows says nothing of all"
    assert "nothing was ever run on all of deals.stage: run it, or name a run with --run" in whole.stderr
    other = ("--run", 1, "--table", "deals", "--column", "fund")
    assert "run 1 is of deals.stage where id < 3, not of all of deals.fund" in (
        invoke("backfill", "verify", "--config", declared, *other).stderr
    )
    dump = tmp_path / "declared.dump"
    assert invoke("backup", "create", dump, "--config", declared).exit_code == 0
    assert list(json.loads((tmp_path / "declared.dump.manifest.json").read_text())["contents"]["columns"]) == [
        "deals.stage"
    ]


def test_counts_are_told_for_each_tenant(invoke, declared):
    planned = json.loads(invoke("backfill", "plan", "--config", declared, "--filter", "true", "--json").stdout)
    assert planned["tenants"] == [
        {"tenant": None, "rows": 1, "changing": 1, "unknown_rows": 0},
        {"tenant": "1", "rows": 1, "changing": 1, "unknown_rows": 0},
        {"tenant": "0", "rows": 1, "changing": 0, "unknown_rows": 0},
    ]
    assert "tenant  rows  would change  unknown" in invoke("backfill", "plan", "--config", declared).stdout


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "no database is named: give --database, set STAGENORM_DATABASE, or --config stagenorm.toml that names it"),
        (("--database", "sqlite:///deals.db"), "name --table and --column, or a --target of stagenorm.toml"),
        (("--config", "two.toml"), "say which target: they are 'early', 'late'"),
        (("--config", "two.toml", "--target", "other"), "no target 'other': the targets are 'early', 'late'"),
        (("--config", "two.toml", "--table", "deals"), "for --column: name the column whose values are to become"),
        (("--database", "sqlite:///deals.db", "--table", "deals"), "for --column: name the column whose values"),
        (("--config", "two.toml", "--table", "a.b.c", "--column", "stage"), "write TABLE or SCHEMA.TABLE and a column"),
    ],
)
def test_a_target_that_is_not_named_is_wrong_usage(invoke, declared, tmp_path, monkeypatch, options, why):
    monkeypatch.chdir(tmp_path)
    later = "[[backfill.targets]]\nname = 'late'\ntable = 'deals'\ncolumn = 'stage'\n"
    (tmp_path / "two.toml").write_text(declared.read_text() + later)
    wrong = invoke("backfill", "plan", *options)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert why in " ".join(wrong.stderr.replace("│", " ").split())


def test_a_target_by_name_is_that_of_this_directory(invoke, declared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "deals.db, by id: 2 rows" in invoke("backfill", "plan", "--target", "early").stdout


def scratch(invoke, url, rows):
    invoke("backfill", "seed", "--database", url, "--rows", rows)
    target = ("--table", "stagenorm_scratch", "--column", "stage", "--batch-size", 100, "--largest-batch", 100)
    return "backfill", "run", "--database", url, *target, "--apply", "--no-receipt", "a test"


def test_the_service_s_own_database_gets_no_scratch_table(invoke, url, tmp_path, monkeypatch):
    monkeypatch.setenv("STAGENORM_DATABASE", url)
    for options in ((), ("--database", url)):
        refused = invoke("backfill", "seed", "--rows", 10, *options)
        assert refused.exit_code == 2
        assert "is the service's own" in " ".join(refused.stderr.replace("│", " ").split())
    other = tmp_path / "other.db"
    other.touch()
    assert invoke("backfill", "seed", "--rows", 10, "--database", f"sqlite:///{other}").exit_code == 0


def test_a_terminal_gets_a_bar_with_rate_and_remaining_time(invoke, url, on_a_terminal):
    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", on_a_terminal(*scratch(invoke, url, 4_000)))
    assert "reading" in seen
    assert re.search(r"rows .*[1-9]\d?% +\d+/4000 [\d,]+ rows/s \d:\d\d:\d\d", seen)
    assert "deals.db: done; 4,000 rows passed" in seen


def test_status_tells_a_run_that_was_killed_from_one_that_pauses(invoke, url, start, tmp_path, until):
    pause = tmp_path / "pause"
    pause.touch()
    process = start(*scratch(invoke, url, 300), "--json", "--pause-file", pause)
    process.stdout.readline()
    gone = "run 1: no process works on it"
    shown = invoke("backfill", "status", "--database", url).stdout
    assert "running" in shown
    assert gone not in shown
    assert [run["at_work"] for run in json.loads(invoke("backfill", "status", "--database", url, "--json").stdout)] == [
        True
    ]
    process.kill()
    until(lambda: gone in invoke("backfill", "status", "--database", url).stdout)


def test_machines_get_a_line_at_each_turn_with_the_reason_of_a_pause(invoke, url, start, tmp_path):
    pause = tmp_path / "pause"
    pause.touch()
    process = start(*scratch(invoke, url, 300), "--json", "--pause-file", pause)
    began, paused = (json.loads(process.stdout.readline()) for _ in range(2))
    assert (began["rows_seen"], began["total"], began["pause"], began["rate"]) == (0, 300, None, None)
    assert paused["pause"] == f"{pause} is there"
    pause.unlink()
    out, _ = process.communicate(timeout=60)
    *batches, ended = map(json.loads, out.splitlines())
    assert [batch["rows_seen"] for batch in batches] == [100, 200, 300]
    assert batches[0]["remaining_seconds"] == pytest.approx(200 / batches[0]["rate"])
    assert ended["status"] == "done"
