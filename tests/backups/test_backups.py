"""A dump, its manifest, the proof that it restores and the receipt: and every way in which one of them is wrong."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from stagenorm.backfill.target import Target
from stagenorm.backups import create, manifest, receipt, restore
from stagenorm.errors import BackfillRefusedError, BackupError, ConfigurationError
from tests.backups.dumps import DEALS, KEY, POSTGRESQL, SQLITE, WHEEL

NEVER = "n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT max(n) FROM n"
PLAIN = [each for each in POSTGRESQL if "plain" in each]


def tamper(dump, change):
    """Change a dump and make its manifest fit, as an attacker would."""
    content = change(dump.read_bytes())
    dump.write_bytes(content)
    path = manifest.place(dump)
    told = json.loads(path.read_text())
    told |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(told))


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_the_manifest_says_what_was_dumped_and_the_proof_that_it_restores(dump, table, place, prove):
    told = manifest.verify(dump)
    assert told.sha256 == hashlib.sha256(dump.read_bytes()).hexdigest()
    assert told.size == dump.stat().st_size
    assert list(told.contents["tables"].values()) == [50]
    values = Counter("null" if stage is None else f":{stage}" for _, stage in place.rows())
    assert told.contents["columns"] == {table.name: values}
    proof = prove(dump, smoke=["SELECT count(*) FROM deals WHERE stage LIKE '%e%'"])
    assert int(proof.smoke[-1][1][0]) > 0


@pytest.mark.parametrize("damage", [lambda _: b"", lambda each: each[:-10], flipped, lambda each: each[::-1]])
def test_a_damaged_dump_is_refused(dump, prove, damage):
    dump.write_bytes(damage(dump.read_bytes()))
    receipt.place(dump).write_text("of an earlier test")
    with pytest.raises(BackupError, match="make the backup again"):
        prove(dump)
    assert not receipt.place(dump).exists()


@pytest.mark.parametrize("damage", [lambda _: b"", lambda each: each[: len(each) // 2], lambda _: b"SELECT 1;"])
def test_a_damaged_dump_whose_digest_was_made_to_fit_does_not_restore(dump, prove, damage):
    tamper(dump, damage)
    with pytest.raises(BackupError):
        prove(dump)


def test_a_dump_of_other_rows_whose_digest_was_made_to_fit_is_told_from_its_contents(
    dump, place, prove, tmp_path, tools_in
):
    place.ask("DELETE FROM deals WHERE id = 3")
    format_ = manifest.Manifest.read(dump).format
    other = tmp_path / "other.dump"
    create.create(place.database, other, [DEALS], format_=format_, tools_in=tools_in)
    tamper(dump, lambda _: other.read_bytes())
    with pytest.raises(BackupError, match="does not restore what its manifest says"):
        prove(dump)


@pytest.mark.parametrize("made_as", PLAIN)
@pytest.mark.parametrize("lifted", [False, True])
def test_a_script_whose_digest_was_made_to_fit_runs_no_program(dump, prove, tmp_path, lifted):
    """Not even one that lifts pg_dump's own restriction first, with the key that stands in it."""
    ran = tmp_path / "it ran"
    command = f"\\! touch '{ran}'\n".encode()

    def change(script):
        restriction = re.search(rb"\\restrict \w+\n", script)[0]
        if lifted:
            command_ = restriction.replace(b"\\restrict", b"\\unrestrict") + command + restriction
            return script.replace(restriction, restriction + command_)
        return script.replace(b"COPY public.deals", command + b"COPY public.deals")

    tamper(dump, change)
    with pytest.raises(BackupError, match=r"restricted|wrong key"):
        prove(dump)
    assert not ran.exists()


@pytest.mark.parametrize("made_as", PLAIN)
def test_a_value_that_was_edited_in_a_script_is_told_from_its_contents(dump, prove):
    tamper(dump, lambda script: script.replace(b"\tSeed\n", b"\tseed\n", 1))
    with pytest.raises(BackupError, match=r"column public\.deals\.stage: its values are not those of the manifest"):
        prove(dump)


@pytest.mark.parametrize("made_as", PLAIN)
def test_values_that_look_like_restrictions_restore(place, tmp_path, tools_in, prove):
    place.fill(9)
    odd = ["\\unrestrict a", "\\restrict a", "\runrestrict a", "\\.", "\\! ls", "\\unrestrict a"]
    for number, value in enumerate(odd):
        place.ask("UPDATE deals SET stage = %s WHERE id = %s", value, number * 3)
    made = tmp_path / "odd.dump"
    create.create(place.database, made, [DEALS], format_="plain", tools_in=tools_in)
    prove(made)


ODD_SCHEMA, ODD_TABLE, ODD_COLUMN = "my.schema; DROP", 'odd "table" % :x', "'; :of \\ it"


@pytest.mark.parametrize("made_as", POSTGRESQL[1:3])
def test_names_and_values_with_everything_in_them(place, tmp_path, tools_in, prove, made_as):
    table = sql.Identifier(ODD_SCHEMA, ODD_TABLE)
    parts = {"schema": sql.Identifier(ODD_SCHEMA), "table": table, "column": sql.Identifier(ODD_COLUMN)}
    for statement in (
        "CREATE SCHEMA {schema}",
        "CREATE TABLE {table} (id integer PRIMARY KEY, {column} text)",
        "INSERT INTO {table} VALUES (1, '''; DROP -- %s :x \\. \"')",
    ):
        place.ask(sql.SQL(statement).format(**parts))
    target = Target(ODD_TABLE, ODD_COLUMN, schema=ODD_SCHEMA)
    made = tmp_path / "odd.dump"
    create.create(place.database, made, [target], format_=made_as[1], tools_in=tools_in)
    assert prove(made).receipt().columns == (target.name,)


def test_a_swapped_manifest_and_none_and_garbage(dump, prove):
    path = manifest.place(dump)
    path.write_text("{}")
    with pytest.raises(BackupError, match="is no manifest"):
        prove(dump)
    path.unlink()
    with pytest.raises(BackupError, match="cannot be read"):
        prove(dump)
    dump.unlink()
    with pytest.raises(BackupError, match="is not there: name the dump"):
        prove(dump)


def test_a_smoke_query_that_fails_or_gives_nothing(dump, prove):
    with pytest.raises(BackupError, match="failed on the restored database"):
        prove(dump, smoke=["SELECT * FROM absent"])
    with pytest.raises(BackupError, match="gave no row"):
        prove(dump, smoke=["SELECT * FROM deals WHERE id = -1"])


def test_a_restore_over_its_budget(dump, prove):
    with pytest.raises(BackupError, match="over the budget"):
        prove(dump, budget=0)


def test_what_a_killed_restore_leaves_the_next_one_removes(
    dump, place, prove, tools_in, left_behind, until, environment
):
    never = "SELECT pg_sleep(3600)" if place.server else f"WITH RECURSIVE {NEVER}"
    options = ["--database", place.url, "--smoke", never, *(["--pg-bin", tools_in] if tools_in else [])]
    command = [sys.executable, "-m", "stagenorm", "backup", "restore-test", dump, *options]
    with subprocess.Popen(command, env=environment) as process:
        until(left_behind)
        process.kill()
    assert left_behind()
    if place.sqlite:
        assert left_behind()
    if place.server:  # what it had asked of the server may take a moment to end
        until(lambda: not place.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"))
    prove(dump)


@pytest.mark.parametrize("made_as", [each for each in POSTGRESQL if each[0] == "debian"], ids="-".join)
def test_subscriptions_that_a_dump_brings_keep_no_temporary_database(place, tmp_path, prove, made_as, tools_in):
    place.ask(
        'CREATE SUBSCRIPTION "a ""b" CONNECTION \'host=nowhere\' PUBLICATION p WITH (connect = false, slot_name = NONE)'
    )
    try:
        create.create(place.database, tmp_path / "b.dump", [], format_=made_as[1], tools_in=tools_in)
        prove(tmp_path / "b.dump")
    finally:
        place.ask('DROP SUBSCRIPTION "a ""b"')


@pytest.mark.parametrize("made_as", [SQLITE, WHEEL])
def test_a_receipt_opens_its_own_database_for_a_day(dump, table, place, prove, tmp_path):
    receipts = receipt.Receipts(KEY)
    proved = prove(dump).receipt()
    path = receipts.write(proved, dump)
    now = time.time()
    assert receipts.accept(path, proved.database, table, now) == proved
    with pytest.raises(BackfillRefusedError, match="is of another database"):
        receipts.accept(path, "sqlite:/another.db", table, now)
    with pytest.raises(BackfillRefusedError, match="24 is the most"):
        receipts.accept(path, proved.database, table, now + 24 * 3600)
    with pytest.raises(
        BackfillRefusedError, match=r"proves nothing of the values of \S*deals.note: stagenorm backup create --col"
    ):
        receipts.accept(path, proved.database, replace(table, column="note"), now)
    with pytest.raises(BackfillRefusedError, match="not signed with this"):
        receipt.Receipts({"STAGENORM_RECEIPT_KEY": "another key of 24 letters"}).accept(
            path, proved.database, table, now
        )
    for damage in (flipped, lambda _: b"", lambda each: each[:-3]):
        edited = shutil.copy(path, tmp_path / "edited.receipt")
        Path(edited).write_bytes(damage(path.read_bytes()))
        with pytest.raises(BackfillRefusedError, match="was edited"):
            receipts.accept(Path(edited), proved.database, table, now)
    with pytest.raises(BackupError, match="cannot be read"):
        receipts.accept(tmp_path / "absent", proved.database, table, now)


@pytest.mark.parametrize("made_as", [SQLITE])
def test_an_old_backup_is_no_way_back_however_young_its_receipt_is(dump, table, prove):
    receipts = receipt.Receipts(KEY)
    path = manifest.place(dump)
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"created_at": told["created_at"] - 25 * 3600}))
    proved = prove(dump).receipt()
    with pytest.raises(BackfillRefusedError, match="24 is the most"):
        receipts.accept(receipts.write(proved, dump), proved.database, table, time.time())


@pytest.mark.parametrize("key", ["", "short"])
def test_a_receipt_needs_a_key(key):
    with pytest.raises(ConfigurationError, match="stagenorm token secret"):
        receipt.Receipts({"STAGENORM_RECEIPT_KEY": key})


def test_a_dump_is_proved_against_its_own_database(dump, other_place, tools_in):
    with pytest.raises(BackupError, match="name its own database"):
        restore.restore_test(other_place.database, dump, tools_in=tools_in)
