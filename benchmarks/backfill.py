"""What a backfill costs against the same work by hand, on a PostgreSQL server of its own.

    python benchmarks/backfill.py [--json] [--short]

Times are of the wall, of both sides one after the other on the same server. Exit 1 if a value is over twice its bound.
"""

from __future__ import annotations

import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import django
import django.db.models
import psycopg
from django.conf import settings
from postgresql import WHEEL, PostgreSQL
from table import Row, main

from stagenorm import INVESTMENT_STAGES, Normalizer
from stagenorm.backfill import control
from stagenorm.backfill.database import Database
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct
from stagenorm.backups.create import create

_DEALS = Target.parse("deals", "stage")
_CANONICAL = {"Seed": "seed", "Series A": "series-a"}
_LOG = 'INSERT INTO stage_normalization_log (run, key, "table", old, new, at) '
_BY_HAND = (
    "WITH mapping(old, new) AS (VALUES ('Seed', 'seed'), ('Series A', 'series-a')), changed AS ("
    "UPDATE deals SET stage = mapping.new FROM mapping WHERE stage = mapping.old RETURNING id, mapping.old, mapping.new) "
    + _LOG
    + "SELECT 9, json_build_array(id::text)::text, 'public.deals.stage', old, new, now() FROM changed"
)
_FILL = (
    "INSERT INTO deals SELECT n, (ARRAY['Seed', 'Series A', 'seed', 'series-a', 'series-b'])[1 + n % 5], "
    "md5(n::text) || md5((-n)::text) "
    "FROM generate_series(1, {}) n"
)
_PAGE = 5_000


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
            _settle(server)
            yield server
        finally:
            server.stop()


def _settle(server: PostgreSQL) -> None:
    """Give it WAL files to use again, as one has that runs for days: to make and sync a new one stops everybody's commits."""
    with closing(psycopg.connect(server.url(), autocommit=True)) as connection:
        connection.execute("ALTER SYSTEM SET min_wal_size = '1GB'")
        connection.execute("SELECT pg_reload_conf()")
        for _ in range(60):  # of 16 MB each
            connection.execute("SELECT txid_current(), pg_switch_wal()")
        connection.execute("CHECKPOINT")


class Deals:
    """The table that is worked on, of one million rows or fewer, 40% of them to change.

    Args:
        server: where.
        rows: how many.
    """

    def __init__(self, server: PostgreSQL, rows: int) -> None:
        self.server, self.rows, self.url = server, rows, server.url()
        with Database(self.url).connect() as made, made.begin():
            control.create_tables(made)

    def fill(self, rows: int | None = None) -> None:
        """Make it anew, and the log empty."""
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            connection.execute("DROP TABLE IF EXISTS deals")
            connection.execute("CREATE TABLE deals (id bigint PRIMARY KEY, stage text, note text)")
            connection.execute(_FILL.format(rows or self.rows))
            connection.execute("TRUNCATE stage_normalization_log")
            connection.execute("VACUUM ANALYZE deals")
            connection.execute("CHECKPOINT")

    def timed(self, work: Callable[[], object]) -> float:
        """Seconds that some work on it takes."""
        self.fill()
        return self.again(work)

    def again(self, work: Callable[[], object]) -> float:
        """The same on what is there."""
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    def ours(self) -> None:
        """As ``stagenorm backfill run --apply`` does it, at its default settings."""
        run(Database(self.url), _DEALS, Normalizer(INVESTMENT_STAGES), Allowance(no_receipt="a benchmark"), Conduct())

    def by_hand(self) -> None:
        """One UPDATE and INSERT into the same log, in one transaction."""
        with closing(psycopg.connect(self.url)) as connection:
            connection.execute(_BY_HAND)
            connection.commit()

    def by_loop(self) -> None:
        """As a migration of Django's is usually written: iterate, set, bulk_update 5,000 at a time."""
        model, normalize = _django_model(), Normalizer(INVESTMENT_STAGES)
        place = {"HOST": "127.0.0.1", "PORT": self.server.port, "USER": "postgres", "NAME": "postgres"}
        django.db.connection.settings_dict.update(place)
        page = []
        for deal in model.objects.iterator():
            canonical = normalize.canonical(deal.stage)
            if canonical != deal.stage:
                deal.stage = canonical
                page.append(deal)
            if len(page) == _PAGE:
                model.objects.bulk_update(page, ["stage"])
                page = []
        model.objects.bulk_update(page, ["stage"])
        django.db.connection.close()


@cache
def _django_model() -> type[django.db.models.Model]:
    settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql"}}, USE_TZ=True)
    django.setup()

    class Deal(django.db.models.Model):  # noqa: DJ008 - nobody prints it
        id = django.db.models.BigIntegerField(primary_key=True)
        stage = django.db.models.TextField()
        note = django.db.models.TextField()

        class Meta:
            app_label, db_table, managed = "deals", "deals", False

    return Deal


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
    run(Database(url), _DEALS, Normalizer(INVESTMENT_STAGES), Allowance(no_receipt="a benchmark"), Conduct())
    # Not ru_maxrss, which begins with what the parent had when it forked.
    told = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    print(int(told) / 1024)


@contextmanager
def _meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _longest_lock(deals: Deals) -> float:
    """Milliseconds that a batch holds row locks at most, as the server tells of its transaction every few of them."""
    longest = [0.0]
    asked = (
        "SELECT COALESCE(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity "
        "WHERE application_name = 'stagenorm' AND backend_xid IS NOT NULL"
    )

    def watch(stop: threading.Event) -> None:
        with closing(psycopg.connect(deals.url, autocommit=True)) as connection:
            while not stop.wait(0.002):
                longest[0] = max(longest[0], float(connection.execute(asked).fetchone()[0]))

    deals.fill()
    with _meanwhile(watch):
        deals.ours()
    return longest[0] * 1000


def _p99_of_updates(deals: Deals, work: Callable[[], object]) -> float:
    """Milliseconds that single-row updates take at most, 99 of 100, while some work goes on. They come every 2 ms."""
    program = "import sys; sys.path[:0] = sys.argv[3:]; import backfill; backfill.update(sys.argv[1], int(sys.argv[2]))"
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", program, deals.url, str(deals.rows), here, *sys.path]
    deals.fill()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()  # it has begun
        work()
        told, _ = process.communicate("stop\n")
    return float(told)


def _spin(seconds: float) -> None:
    """Keep a processor busy: what that alone does to updates is the machine's, not the backfill's."""
    program = "import sys, time; end = time.time() + float(sys.argv[1])\nwhile time.time() < end: pass"
    subprocess.run([sys.executable, "-c", program, str(seconds)], check=True)


def update(url: str, rows: int) -> None:
    """Update the note of random rows until told to stop, and print the 99th percentile in milliseconds."""
    taken, stop, random = [], threading.Event(), Random(1)
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        print("began", flush=True)
        while not stop.wait(0.002):
            began = time.perf_counter()
            connection.execute("UPDATE deals SET note = 'y' WHERE id = %s", [random.randrange(rows) + 1])
            taken.append(time.perf_counter() - began)
    print(sorted(taken)[math.ceil(0.99 * len(taken)) - 1] * 1000)


def _felt_by_updates(deals: Deals, rounds: int) -> tuple[float, str]:
    seconds = deals.timed(deals.ours)
    idle, busy = [_p99_of_updates(deals, lambda: time.sleep(seconds))], []
    for _ in range(rounds):
        busy.append(_p99_of_updates(deals, deals.ours))
        idle.append(_p99_of_updates(deals, lambda: time.sleep(seconds)))
    around = map(statistics.mean, pairwise(idle))
    ratio = statistics.median(during / without for during, without in zip(busy, around, strict=True))
    spinning = _p99_of_updates(deals, lambda: _spin(seconds))
    told = f"{statistics.median(busy):.1f} ms against {statistics.median(idle):.1f} ms"
    return ratio, f"{told}; beside a loop that only spins {spinning:.1f} ms"


def _backup_against_pg_dump(deals: Deals, rounds: int) -> float:
    deals.fill()
    ratios = []
    command = [WHEEL / "pg_dump", "--format=custom", "--no-password", f"--dbname={deals.url}"]
    with tempfile.TemporaryDirectory() as directory:
        for each in range(rounds):
            plain, dump = Path(directory, f"{each}.plain"), Path(directory, f"{each}.dump")

            def by_itself(plain: Path = plain) -> None:
                with plain.open("wb") as file:
                    subprocess.run(list(map(str, command)), check=True, stdout=file)
                    os.fsync(file.fileno())

            by_pg_dump = deals.again(by_itself)
            made = deals.again(lambda dump=dump: create(Database(deals.url), dump, [_DEALS], tools_in=WHEEL))
            ratios.append(made / by_pg_dump)
    return statistics.median(ratios)


def measure(short: bool) -> Iterator[Row]:
    """Every row of the table."""
    rows = 200_000 if short else 1_000_000
    rounds = 3 if short else 9
    with _server() as server:
        deals = Deals(server, rows)
        sides = [(deals.timed(deals.by_hand), deals.timed(deals.ours), deals.again(deals.ours)) for _ in range(rounds)]
        by_hand, ours, again = (statistics.median(side) for side in zip(*sides, strict=True))
        ratio = statistics.median(mine / hand for hand, mine, _ in sides)
        told = f"{ours:.1f} s against {by_hand:.1f} s"
        yield Row(f"{rows:,} rows, 40% to change, against one UPDATE and INSERT ({told})", ratio, 1.3)
        fewer = Deals(server, 50_000) if short else deals
        by_loop = fewer.timed(fewer.by_loop)
        mine = fewer.timed(fewer.ours) if short else ours
        yield Row(f"against Django: iterate, set, bulk_update 5,000 ({by_loop:.1f} s)", mine / by_loop, 0.2)
        yield Row("longest time that a batch holds a row lock", _longest_lock(deals), 250, "ms")
        felt, told = _felt_by_updates(Deals(server, max(rows, 500_000)), rounds)  # of fewer, 99 of 100 tell nothing
        yield Row(f"p99 of single-row updates during it ({told})", felt, 2.0)
        yield Row("run again with nothing to do, against the first run", again / ours, 0.15)
        deals.fill(10_000)
        few = _peak(deals.url)
        deals.fill()
        yield Row(f"peak memory at {rows:,} rows against 10,000 ({few:.0f} MiB)", _peak(deals.url) / few, 1.15)
        yield Row("backup create against plain pg_dump", _backup_against_pg_dump(deals, rounds), 1.1)


if __name__ == "__main__":
    sys.exit(main((__doc__ or "").splitlines()[0], measure))
