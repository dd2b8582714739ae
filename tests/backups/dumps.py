"""Dumps of every kind that these tests make, and what proves them."""

import os
import tempfile
from pathlib import Path

import pytest

import stagenorm
from stagenorm.backfill.columns import resolved
from stagenorm.backfill.target import Target
from stagenorm.backups import create, restore

DEALS = Target.parse("deals", "stage")
KEY = {"STAGENORM_RECEIPT_KEY": "0123456789abcdef01234567"}
PATH = os.pathsep.join([str(Path(stagenorm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
SQLITE = ("sqlite", "its own")
WHEEL = ("wheel", "custom")
POSTGRESQL = [WHEEL, ("wheel", "plain"), ("debian", "custom"), ("debian", "plain")]


@pytest.fixture(params=[SQLITE, *POSTGRESQL], ids="-".join)
def made_as(request):
    """An engine and a format of its dumps."""
    return request.param


@pytest.fixture
def engine(made_as):
    return made_as[0]


@pytest.fixture
def tools_in(place):
    return None if place.sqlite else place.server.binaries


@pytest.fixture
def table(place):
    with place.database.reading() as connection:
        return resolved(place.database, connection, DEALS)


@pytest.fixture
def dump(made_as, place, tmp_path, tools_in):
    place.fill(50)
    made = tmp_path / "deals.dump"
    create.create(place.database, made, [DEALS], format_=made_as[1], tools_in=tools_in)
    return made


@pytest.fixture
def old_tools(tmp_path_factory):
    """A directory whose pg_dump is of an older server."""
    made = tmp_path_factory.mktemp("old") / "pg_dump"
    made.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    made.chmod(0o755)
    return made.parent


@pytest.fixture
def environment():
    return {**os.environ, **KEY, "PYTHONPATH": PATH}


@pytest.fixture
def left_behind(place, tmp_path, monkeypatch):
    """The temporary databases that are there."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def left_behind():
        if place.sqlite:
            return list(temporary.glob(".stagenorm_copy_*"))
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
