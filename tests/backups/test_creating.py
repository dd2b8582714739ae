"""Making a dump: what stands in its way, who else is at work, and what is left where it fails or is killed."""

import fcntl
import os
import re
import subprocess
import sys

import pytest

from stagenorm.backfill.database import Database
from stagenorm.backups import create, manifest, receipt, restore
from stagenorm.errors import BackupError, DatabaseError
from tests.backups.dumps import DEALS, KEY, POSTGRESQL, SQLITE, WHEEL


def test_a_new_backup_has_no_receipt_of_an_older_one(dump, place, table, prove, tools_in):
    beside = receipt.Receipts(KEY).write(prove(dump).receipt(), dump)
    dump.unlink()
    create.create(place.database, dump, [table], tools_in=tools_in)
    assert not beside.exists()


def test_a_backup_is_never_overwritten(dump, place):
    before = dump.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        create.create(place.database, dump, [])
    assert dump.read_bytes() == before


@pytest.mark.parametrize("made_as", [SQLITE, WHEEL], ids="-".join)
def test_of_two_backups_at_once_on_one_path_the_second_is_refused(place, tmp_path, tools_in, monkeypatch):
    place.fill(50)
    out, contents = tmp_path / "deals.dump", create.contents

    def meanwhile(*arguments):
        with pytest.raises(BackupError, match="is there already, and is being written: a backup is never overwritten"):
            create.create(place.database, out, [], tools_in=tools_in)
        return contents(*arguments)

    monkeypatch.setattr(create, "contents", meanwhile)
    made = create.create(place.database, out, [DEALS], tools_in=tools_in)
    assert manifest.verify(out).contents == made.contents
    manifest.place(out).unlink()
    with pytest.raises(BackupError, match="so it was cut off and can be removed"):
        create.create(place.database, out, [], tools_in=tools_in)


@pytest.mark.parametrize("made_as", [SQLITE, WHEEL], ids="-".join)
def test_a_backup_that_took_the_place_of_another_is_not_touched_by_that_one(place, tmp_path, tools_in, monkeypatch):
    place.fill(50)
    out, contents = tmp_path / "deals.dump", create.contents

    def meanwhile(*arguments):
        monkeypatch.setattr(create, "contents", contents)
        out.unlink()
        create.create(place.database, out, [DEALS], tools_in=tools_in)
        return contents(*arguments)

    monkeypatch.setattr(create, "contents", meanwhile)
    with pytest.raises(BackupError, match="was taken away meanwhile"):
        create.create(place.database, out, [DEALS], tools_in=tools_in)
    assert manifest.verify(out).targets


@pytest.mark.parametrize("made_as", [SQLITE, WHEEL, POSTGRESQL[-1]])
def test_a_disk_that_is_full_leaves_neither_a_dump_nor_a_manifest(place, tmp_path, tools_in, made_as, environment):
    place.fill(5_000)
    directory = tmp_path / "full"
    directory.mkdir()
    options = ["--database", place.url, *(["--pg-bin", tools_in, "--format", made_as[1]] if tools_in else [])]
    # No file may grow over 8 KiB: to whoever writes it is the same.
    limited = ["sh", "-c", 'ulimit -f 16; exec "$@"', "sh", sys.executable, "-m", "stagenorm"]
    command = [*limited, "backup", "create", directory / "deals.dump", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"stagenorm: .*(File too large|disk).*\n", done.stderr)
    assert not list(directory.iterdir())


@pytest.mark.parametrize("made_as", [WHEEL])
def test_missing_and_older_tools_and_wrong_credentials(dump, place, tmp_path, old_tools, left_behind):
    with pytest.raises(BackupError, match=r"no pg_dump for PostgreSQL \d+ \(.*pg_dump is 9\)"):
        create.create(place.database, tmp_path / "a.dump", [], tools_in=old_tools)
    with pytest.raises(BackupError, match="no pg_dump for PostgreSQL"):
        create.create(place.database, tmp_path / "a.dump", [], tools_in=tmp_path)
    receipt.place(dump).write_text("of an earlier test")
    with pytest.raises(BackupError, match="no pg_restore for PostgreSQL"):
        restore.restore_test(place.database, dump, tools_in=tmp_path)
    assert not left_behind()
    nobody = Database(place.url.replace("postgres@", "nobody:wrong@"))
    with pytest.raises(DatabaseError, match="nobody"):
        create.create(nobody, tmp_path / "a.dump", [])
    with pytest.raises(DatabaseError, match="nobody"):
        restore.restore_test(nobody, dump)
    assert not list(tmp_path.glob("a.dump*"))
    assert receipt.place(dump).exists(), "nothing was found against the dump"


@pytest.mark.parametrize("made_as", [WHEEL])
def test_a_role_that_may_not_read_everything_is_told_of_what(place, tmp_path, tools_in):
    place.fill(20)
    for sql_ in ("DROP ROLE IF EXISTS few", "CREATE ROLE few LOGIN", "GRANT USAGE ON SCHEMA public TO few"):
        place.ask(sql_)
    with pytest.raises(DatabaseError, match="permission denied for table deals"):
        create.create(
            Database(place.url.replace("postgres@", "few@")), tmp_path / "deals.dump", [DEALS], tools_in=tools_in
        )


@pytest.mark.parametrize("made_as", [SQLITE], ids="-".join)
def test_what_a_killed_backup_leaves_the_next_one_removes(place, tmp_path, dump):
    left, held = (tmp_path / f".stagenorm_copy_{name}" for name in ("left", "held"))
    for each in (left, held):
        each.mkdir()
        (each / "snapshot.db").write_text("half")
    lock = os.open(held, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        create.create(place.database, tmp_path / "again.dump", [DEALS])
    finally:
        os.close(lock)
    assert list(tmp_path.glob(".*")) == [held]
