"""A dump, its manifest, the proof that it restores and the receipt: and every way in which one of them is wrong."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import stagenorm
from stagenorm.backfill.database import Database
from stagenorm.backfill.target import Target
from stagenorm.backups import create, manifest, receipt, restore
from stagenorm.errors import BackfillRefusedError, BackupError, ConfigurationError, DatabaseError

DEALS = Target.parse("deals", "stage")
KEY = {"STAGENORM_RECEIPT_KEY": "0123456789abcdef01234567"}


@pytest.fixture
def tools_in(place, servers):
    return None if place.sqlite else next(each.binaries for each in servers.values() if str(each.port) in place.url)


@pytest.fixture(params=["custom", "plain"])
def dump(request, place, tmp_path, tools_in):
    if place.sqlite and request.param == "plain":
        pytest.skip("SQLite has one format")
    place.fill(50)
    made = tmp_path / "deals.dump"
    create.create(place.database, made, [DEALS], format_=request.param, tools_in=tools_in)
    return made


@pytest.fixture
def left_behind(place):
    """The temporary databases that are there."""

    def left_behind():
        if place.sqlite:
            return list(Path(tempfile.gettempdir()).glob("stagenorm_restore_*"))
        return place.ask("SELECT datname FROM pg_database WHERE datname LIKE 'stagenorm_restore%'")

    return left_behind


@pytest.fixture
def prove(place, tools_in, left_behind):
    def prove(dump, **more):
        try:
            return restore.restore_test(place.database, dump, tools_in=tools_in, **more)
        finally:
            assert not left_behind()

    return prove


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


@pytest.mark.parametrize("damage", [lambda _: b"", lambda each: each[:-10], flipped, lambda each: each + b"\n"])
def test_a_damaged_dump_is_refused(dump, prove, damage):
    dump.write_bytes(damage(dump.read_bytes()))
    with pytest.raises(BackupError, match="make the backup again"):
        prove(dump)


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


def test_a_swapped_manifest_and_none_and_garbage(dump, prove):
    path = manifest.place(dump)
    path.write_text("{}")
    with pytest.raises(BackupError, match="is no manifest"):
        prove(dump)
    path.unlink()
    with pytest.raises(BackupError, match="cannot be read"):
        prove(dump)


def test_a_smoke_query_that_fails_or_gives_nothing(dump, prove):
    with pytest.raises(BackupError, match="failed on the restored database"):
        prove(dump, smoke=["SELECT * FROM absent"])
    with pytest.raises(BackupError, match="gave no row"):
        prove(dump, smoke=["SELECT * FROM deals WHERE id = -1"])


def test_a_restore_over_its_budget(dump, prove):
    with pytest.raises(BackupError, match="over the budget"):
        prove(dump, budget=0)


def test_a_backup_is_never_overwritten(dump, place):
    before = dump.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        create.create(place.database, dump, [])
    assert dump.read_bytes() == before


def test_a_dump_that_cannot_be_written_leaves_nothing(place, tmp_path, tools_in, monkeypatch):
    place.fill(10)

    def full(_self, _source):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest.Hashing, "copy", full)
    with pytest.raises(Exception, match="No space left"):
        create.create(place.database, tmp_path / "deals.dump", [DEALS], tools_in=tools_in)
    assert not [each for each in tmp_path.iterdir() if "deals" in each.name]


def test_missing_and_older_tools_and_wrong_credentials(place, tmp_path, servers):
    if place.sqlite:
        pytest.skip("it needs none")
    with pytest.raises(BackupError, match="no pg_dump for PostgreSQL"):
        create.create(place.database, tmp_path / "a.dump", [], tools_in=tmp_path)
    nobody = Database(place.url.replace("postgres@", "nobody:wrong@"))
    with pytest.raises(DatabaseError, match="nobody"):
        create.create(nobody, tmp_path / "a.dump", [])
    assert not list(tmp_path.iterdir())


def test_what_a_killed_restore_leaves_the_next_one_removes(dump, place, prove, tools_in, left_behind, until):
    if place.sqlite:
        stray = Path(tempfile.mkdtemp(prefix="stagenorm_restore_"))
        assert stray in left_behind()
    else:
        slow = ["--smoke", "SELECT pg_sleep(60)"]
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "stagenorm",
                "backup",
                "restore-test",
                dump,
                "--database",
                place.url,
                "--pg-bin",
                tools_in,
                *slow,
            ],
            env={**os.environ, **KEY, "PYTHONPATH": str(Path(stagenorm.__file__).parents[1])},
        )
        until(
            lambda: place.ask(
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND datname LIKE 'stagenorm_r%'"
            )
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert left_behind()
        until(lambda: not place.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"))
    prove(dump)


def test_a_receipt_opens_its_own_database_for_a_day(dump, table, place, prove, tmp_path):
    receipts = receipt.Receipts(KEY)
    proved = prove(dump).receipt()
    path = receipts.write(proved, dump)
    now = time.time()
    assert receipts.accept(path, proved.database, DEALS, now) == proved
    with pytest.raises(BackfillRefusedError, match="is of another database"):
        receipts.accept(path, "sqlite:/another.db", DEALS, now)
    with pytest.raises(BackfillRefusedError, match="24 is the most"):
        receipts.accept(path, proved.database, DEALS, now + 24 * 3600)
    with pytest.raises(BackfillRefusedError, match="does not hold the table 'companies'"):
        receipts.accept(path, proved.database, Target.parse("companies", "stage"), now)
    with pytest.raises(BackfillRefusedError, match="not signed with this"):
        receipt.Receipts({"STAGENORM_RECEIPT_KEY": "another key of 24 letters"}).accept(
            path, proved.database, DEALS, now
        )
    for damage in (flipped, lambda _: b"", lambda each: each[:-3]):
        edited = shutil.copy(path, tmp_path / "edited.receipt")
        Path(edited).write_bytes(damage(path.read_bytes()))
        with pytest.raises(BackfillRefusedError, match="was edited"):
            receipts.accept(Path(edited), proved.database, DEALS, now)
    with pytest.raises(BackupError, match="cannot be read"):
        receipts.accept(tmp_path / "absent", proved.database, DEALS, now)


def test_an_old_backup_is_no_way_back_however_young_its_receipt_is(dump, prove):
    receipts = receipt.Receipts(KEY)
    path = manifest.place(dump)
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"created_at": told["created_at"] - 25 * 3600}))
    proved = prove(dump).receipt()
    with pytest.raises(BackfillRefusedError, match="24 is the most"):
        receipts.accept(receipts.write(proved, dump), proved.database, DEALS, time.time())


@pytest.mark.parametrize("key", ["", "short"])
def test_a_receipt_needs_a_key(key):
    with pytest.raises(ConfigurationError, match="stagenorm token secret"):
        receipt.Receipts({"STAGENORM_RECEIPT_KEY": key})


def test_a_dump_is_proved_against_its_own_database(dump, other_place, tools_in):
    with pytest.raises(BackupError, match="name its own database"):
        restore.restore_test(other_place.database, dump, tools_in=tools_in)
