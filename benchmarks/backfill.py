"""How long a backfill takes against hand-written SQL, and how much memory: ``python benchmarks/backfill.py [--json]``."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from postgresql import WHEEL, PostgreSQL
from table import Row, main

from stagenorm import INVESTMENT_STAGES, Normalizer
from stagenorm.backfill import control
from stagenorm.backfill.database import Database
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct, Progress

_DEALS = Target.parse("deals", "stage")
_LOG = 'INSERT INTO stage_normalization_log (run, key, "table", old, new, at) '
_BY_HAND = (
    "WITH mapping(old, new) AS (VALUES ('Seed', 'seed'), ('Series A', 'series-a')), changed AS ("
    "UPDATE deals SET stage = mapping.new FROM mapping WHERE stage = mapping.old RETURNING id, mapping.old, mapping.new) "
    + _LOG
    + "SELECT 9, json_build_array(id::text)::text, 'public.deals.stage', old, new, now() FROM changed"
)
_FILL = (
    "INSERT INTO deals SELECT n, (ARRAY['Seed', 'Series A', 'seed', 'series-a', 'series-b'])[1 + n % 5], repeat('x', 80) "
    "FROM generate_series(1, {}) n"
)


def _until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.01)


@contextmanager
def _server() -> Iterator[PostgreSQL]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        server = PostgreSQL(WHEEL, Path(directory), port, _until).start()
        try:
            yield server
        finally:
            server.stop()


def _fill(connection: psycopg.Connection, rows: int) -> None:
    connection.execute("DROP TABLE IF EXISTS deals")
    connection.execute("CREATE TABLE deals (id bigint PRIMARY KEY, stage text, note text)")
    connection.execute(_FILL.format(rows))
    connection.execute("VACUUM ANALYZE deals")
    connection.execute("CHECKPOINT")


def _run(url: str, tell: Callable[[Progress], None] = lambda _: None) -> float:
    began = time.perf_counter()
    run(Database(url), _DEALS, Normalizer(INVESTMENT_STAGES), Allowance(no_receipt="a benchmark"), Conduct(tell=tell))
    return time.perf_counter() - began


def _peak(url: str) -> float:
    """Mebibytes that a run takes at most, in a process of its own."""
    program = "import sys; sys.path[:0] = sys.argv[2:]; import backfill; backfill.peak(sys.argv[1])"
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", program, url, here, *sys.path], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def peak(url: str) -> None:
    """Run, and print the most memory that was taken, in mebibytes."""
    _run(url)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(short: bool) -> Iterator[Row]:
    """Every row of the table."""
    rows = 100_000 if short else 1_000_000
    with _server() as server, closing(psycopg.connect(server.url(), autocommit=True)) as connection:
        url = server.url()
        with Database(url).connect() as made, made.begin():
            control.create_tables(made)
        _fill(connection, rows)
        began = time.perf_counter()
        connection.execute(_BY_HAND)
        by_hand = time.perf_counter() - began
        connection.execute("TRUNCATE stage_normalization_log")
        _fill(connection, rows)
        ours = _run(url)
        again = _run(url)
        yield Row(
            f"{rows:,} rows, 40% to change, against one UPDATE and INSERT by hand ({by_hand:.1f} s)",
            ours / by_hand,
            1.3,
        )
        yield Row("run again with nothing to do, against the first run", again / ours, 0.15)
        _fill(connection, 10_000)
        few = _peak(url)
        _fill(connection, rows)
        yield Row(f"peak memory at {rows:,} rows against 10,000 ({few:.0f} MiB)", _peak(url) / few, 1.15)


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", measure))
