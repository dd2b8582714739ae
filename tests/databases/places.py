"""Databases with a table of stages: SQLite in a file, PostgreSQL of the wheel and of Debian."""

import itertools
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from postgresql import DEBIAN, WHEEL, PostgreSQL

import stagenorm
from stagenorm import INVESTMENT_STAGES, Normalizer
from stagenorm.backfill.database import Database
from stagenorm.backfill.pace import Pace
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct

FORMS = ["Seed", "seed", "Series A", "bogus", None, "Pre Seed", "SERIES-B", "series-c+", "Series C +"]
SERVERS = {"wheel": WHEEL, "debian": DEBIAN}
fresh_number = itertools.count().__next__


class Place:
    """A database of a test's own, and a plain connection that looks behind stagenorm's back."""

    def __init__(self, url, connect, server=None):
        self.url = url
        self.connect = connect
        self.server = server
        self.database = Database(url)

    def ask(self, sql, *values):
        with closing(self.connect()) as connection:
            cursor = connection.execute(
                sql if not self.sqlite else sql.replace("%s", "?"), *([values] if values else [])
            )
            return cursor.fetchall() if cursor.description else []

    @property
    def sqlite(self):
        return self.database.kind == "sqlite"

    def fill(self, count=300, forms=FORMS, table="deals"):
        self.ask(f"CREATE TABLE {table} (id bigint PRIMARY KEY, stage text)")
        with closing(self.connect()) as connection:
            mark = "?" if self.sqlite else "%s"
            rows = [(number * 3, forms[number % len(forms)]) for number in range(count)]
            connection.execute("BEGIN")
            connection.cursor().executemany(f"INSERT INTO {table} VALUES ({mark}, {mark})", rows)
            connection.execute("COMMIT")
        return self

    def rows(self, table="deals"):
        return self.ask(f"SELECT id, stage FROM {table} ORDER BY id")

    def log(self):
        return self.ask('SELECT run, key, "table", old, new FROM stage_normalization_log ORDER BY run, key')


@pytest.fixture(scope="session")
def start_postgresql(tmp_path_factory, until, free_port):
    started = []

    def start(binaries, primary=None):
        server = PostgreSQL(binaries, tmp_path_factory.mktemp("postgresql"), free_port(), until, primary)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def server_of(start_postgresql):
    """The one server of an engine, for tests that break nothing."""
    started = {}

    def server_of(engine):
        if engine not in started:
            if SERVERS[engine] is None:
                reason = "no PostgreSQL of the system's here: apt-get install --no-install-recommends postgresql"
                assert os.environ.get("CI") != "true", reason
                pytest.skip(reason)
            started[engine] = start_postgresql(SERVERS[engine])
        return started[engine]

    return server_of


@pytest.fixture(scope="session", params=SERVERS)
def postgresql(request, server_of):
    return server_of(request.param)


_EMPTIED = """
DO $$ DECLARE each name; BEGIN
  FOR each IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', each);
  END LOOP;
  CREATE SCHEMA public;
END $$
"""


def postgresql_place(server, name="app"):
    """One database of a server, emptied: a new one would be some hundred files each time."""
    with closing(psycopg.connect(server.url(), autocommit=True)) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(f"CREATE DATABASE {name}")
    place = Place(server.url(name), lambda: psycopg.connect(server.url(name), autocommit=True), server)
    place.ask(_EMPTIED)
    return place


@pytest.fixture(scope="session")
def place_on():
    """Makes a database on a server."""
    return postgresql_place


def sqlite_place(directory):
    path = directory / f"test{fresh_number()}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    return Place(f"sqlite:///{path}", lambda: sqlite3.connect(path, isolation_level=None, timeout=20))


@pytest.fixture
def on_postgresql(postgresql):
    return postgresql_place(postgresql)


@pytest.fixture
def on_sqlite(tmp_path):
    return sqlite_place(tmp_path)


@pytest.fixture(params=["sqlite", *SERVERS])
def engine(request):
    return request.param


@pytest.fixture
def place(engine, tmp_path, server_of):
    return sqlite_place(tmp_path) if engine == "sqlite" else postgresql_place(server_of(engine))


@pytest.fixture
def other_place(place, tmp_path):
    """Another database of the same kind, on the same server."""
    return sqlite_place(tmp_path) if place.sqlite else postgresql_place(place.server, "other")


@pytest.fixture(scope="session")
def normalizer():
    return Normalizer(INVESTMENT_STAGES)


@pytest.fixture(scope="session")
def conduct():
    """Small batches of one size, so that there are many."""

    def conduct(size=20, **more):
        return Conduct(Pace(start=size, least=min(size, 10), most=size), **more)

    return conduct


@pytest.fixture(scope="session")
def apply(normalizer, conduct):
    """Run on a place."""

    def apply(place, table="deals", size=20, **more):
        target = Target.parse(table, "stage")
        return run(place.database, target, normalizer, Allowance(no_receipt="a test"), conduct(size), **more)

    return apply


@pytest.fixture
def start():
    """Start the command in a process of its own; what still runs at the end is killed."""
    started = []
    path = os.pathsep.join(filter(None, [str(Path(stagenorm.__file__).parents[1]), os.environ.get("PYTHONPATH")]))

    def start(*arguments):
        command = [sys.executable, "-m", "stagenorm", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture(scope="session")
def sqlite_places(tmp_path_factory):
    """Makes databases, for hypothesis: a test of its is many."""
    directory = tmp_path_factory.mktemp("sqlite")
    return lambda: sqlite_place(directory)
