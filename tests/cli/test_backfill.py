"""``stagenorm backup`` and ``stagenorm backfill`` from one end to the other, as an operator types them."""

import json
import sqlite3
from contextlib import closing

import pytest


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
    assert invoke("backup", "create", dump, "--column", "deals.stage").exit_code == 0
    assert invoke("backup", "verify", dump).exit_code == 0
    assert invoke("backup", "restore-test", dump).exit_code == 0
    ran = invoke("backfill", "run", *target, "--apply", "--receipt", f"{dump}.receipt", "--json")
    assert (ran.exit_code, json.loads(ran.stdout.splitlines()[-1])["rows_changed"]) == (0, 2)
    verified = json.loads(invoke("backfill", "verify", *target, "--out", tmp_path / "verify.json", "--json").stdout)
    assert verified["result"] == "PASS"
    assert json.loads((tmp_path / "verify.json").read_text()) == verified
    assert invoke("backfill", "revert", "--run", 1).stdout == (
        "run 2: done; 2 rows taken back, 0 were edited or deleted since and stay as they are\n"
    )
    assert [run["kind"] for run in json.loads(invoke("backfill", "status", "--json").stdout)] == ["revert", "run"]


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (("--apply",), 1, "no receipt: make a backup and prove it"),
        (("--apply", "--receipt", "absent"), 1, "STAGENORM_RECEIPT_KEY is not set"),
        (("--apply", "--no-receipt", " "), 2, "it is empty"),
        (("--apply", "--no-receipt", "x", "--window", "late"), 2, "is no time window"),
        (("--apply", "--no-receipt", "x", "--resume-from", "7"), 1, "is no key of deals.stage"),
    ],
)
def test_what_must_not_begin_changes_nothing(invoke, url, tmp_path, options, code, why):
    before = (tmp_path / "deals.db").read_bytes()
    refused = invoke("backfill", "run", "--database", url, "--table", "deals", "--column", "stage", *options)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert why in refused.stderr
    assert (tmp_path / "deals.db").read_bytes() == before


def test_a_scratch_table_to_rehearse_on(invoke, url):
    assert invoke("backfill", "seed", "--database", url, "--rows", 200).stdout == "stagenorm_scratch: 200 rows\n"
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
