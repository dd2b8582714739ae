"""Whatever ends a run, the next one goes on where it was: nothing twice, nothing lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import dying
import pytest

import stagenorm
from stagenorm.backfill import revert as reverting
from stagenorm.backfill.control import runs
from stagenorm.backfill.history import history
from stagenorm.backfill.session import Session
from stagenorm.backfill.target import Target

INSTANTS = {"sqlite": 120, "wheel": 40, "debian": 40}  # at which a run is killed: 200 in all
ROWS = 150
MANY = 1_000  # so that most of a run is its batches, and not its beginning and end
FOR_EVER = 3600


class Dying:
    """A process that does runs and reverts of a place in forks of its own, and kills them when it is told."""

    def __init__(self, url):
        path = os.pathsep.join([str(Path(stagenorm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, dying.__file__, url],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, what, seconds):
        self._process.stdin.write(f"{what} {seconds}\n")
        self._process.stdin.flush()

    def ended(self):
        how, took = self._process.stdout.readline().split()
        return how, float(took)

    def do(self, what, seconds=FOR_EVER):
        self.begin(what, seconds)
        how, took = self.ended()
        assert how != "failed"
        return how, took

    def stop(self):
        with self._process:
            self._process.kill()


@pytest.fixture
def in_processes():
    started = []

    def start(place):
        started.append(Dying(place.url))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def left_by(place):
    """All that a run leaves but its times, and whether it is done."""
    batches = "SELECT run, batch, last_id, rows_seen, rows_changed FROM stage_migration_batch ORDER BY run, batch"
    return place.rows(), place.log(), place.ask(batches)


def runs_of(place):
    with place.database.reading() as connection:
        return runs(connection)


def refill(place, rows=ROWS):
    for table in ("deals", "stage_migration_control", "stage_migration_batch", "stage_normalization_log"):
        place.ask(f"DROP TABLE IF EXISTS {table}")
    place.fill(rows)


def test_killed_at_random_instants_it_ends_as_if_nothing_had_been(engine, place, in_processes):
    process, random = in_processes(place), Random(5)
    refill(place, MANY)
    _, whole_takes = process.do("run")
    whole = left_by(place)
    assert len(whole[1]) > MANY / 3
    kills, reached = 0, set()
    refill(place, MANY)
    while kills < INSTANTS[engine]:
        how, _ = process.do("run", random.uniform(0, whole_takes))
        if how == "killed":
            kills += 1
            reached |= {run["batches"] for run in runs_of(place)}
        else:
            assert left_by(place) == whole
            refill(place, MANY)
    assert len(reached) > 2, "they were killed in the middle"
    assert process.do("run")[0] == "done"
    assert left_by(place) == whole
    assert {run["status"] for run in runs_of(place)} == {"done"}, "one that was killed behind its end is done too"


def test_a_run_that_was_killed_is_told_from_one_that_goes_on(place, in_processes, until):
    process = in_processes(place)
    refill(place, MANY)
    seconds = 0.02
    while not runs_of(place):  # longer each time, until it has begun
        seconds += 0.01
        assert process.do("run", seconds)[0] == "killed"
    (killed,) = runs_of(place)
    until(lambda: not history(place.database)[0]["at_work"])  # its server may still be ending the batch
    with Session(place.database, Target.from_json(killed["target"])):
        assert history(place.database)[0]["at_work"]
    assert process.do("run")[0] == "done"
    assert [(run["status"], run["at_work"]) for run in history(place.database)] == [("done", False)]


def test_a_revert_that_is_killed_goes_on_too(place, in_processes, apply):
    before = place.fill(ROWS).rows()
    apply(place, size=10)
    process, killed = in_processes(place), 0
    while ("revert", "done") not in {(run["kind"], run["status"]) for run in runs_of(place)}:  # later each time
        process.do("revert", 0.01 * killed)
        killed += 1
    assert killed > 2
    assert place.rows() == before
    # Whatever its number: one that was killed as it began has taken a number with it.
    taken_back = [(key, new, old) for run, key, _, old, new in place.log() if run != 1]
    assert taken_back == [(key, old, new) for run, key, _, old, new in place.log() if run == 1]


def test_a_server_that_is_killed_is_waited_for(start_postgresql, place_on, postgresql, in_processes):
    server, random = start_postgresql(postgresql.binaries), Random(7)
    place = place_on(server)
    process = in_processes(place)
    refill(place, 1_500)
    process.do("run")
    whole = place.rows(), place.log()
    refill(place, 1_500)
    process.begin("run", FOR_EVER)
    for _ in range(3):
        time.sleep(random.uniform(0.1, 0.6))  # an instant, not a wait for anything
        server.kill()
        server.start()
    while process.ended()[0] == "failed":  # it was not in the walk yet, or behind it: there it does not wait
        process.begin("run", FOR_EVER)
    assert (place.rows(), place.log()) == whole
    # A batch that failed is halved, so there may be more of them.
    assert place.ask("SELECT sum(rows_seen), sum(rows_changed) FROM stage_migration_batch") == [(1_500, len(whole[1]))]
    assert {run["status"] for run in runs_of(place)} == {"done"}


def test_a_run_that_has_ended_outlives_a_crash_of_the_server(start_postgresql, place_on, postgresql, apply):
    server = start_postgresql(postgresql.binaries)
    place = place_on(server)
    refill(place)
    apply(place, size=10)
    server.kill()
    server.start()
    (ended,) = runs_of(place)
    assert (ended["status"], len(place.log())) == ("done", ended["rows_changed"])
    assert not apply(place).at.rows_changed


def run_command(place):
    options = ["--apply", "--no-receipt", "a test", "--json", "--batch-size", 10, "--largest-batch", 10]
    return ["backfill", "run", "--database", place.url, "--table", "deals", "--column", "stage", *options]


@pytest.mark.parametrize(("engine", "number"), [("sqlite", signal.SIGINT), ("wheel", signal.SIGTERM)])
def test_a_signal_ends_it_after_the_batch_and_the_same_command_goes_on(place, start, apply, number):
    place.fill(3_000)
    process = start(*run_command(place))
    process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "")
    assert place.ask("SELECT status FROM stage_migration_control") == [("stopped",)]
    assert apply(place).resumed
    assert place.ask("SELECT status FROM stage_migration_control") == [("done",)]


@pytest.mark.parametrize("engine", ["wheel"])
def test_a_second_signal_ends_it_at_once_and_nothing_of_the_batch_stays(place, start, until):
    place.fill(100)
    with place.connect() as other:
        other.execute("BEGIN")
        other.execute("UPDATE deals SET stage = 'theirs' WHERE id = 0")
        process = start(*run_command(place), "--batch-seconds", FOR_EVER)
        until(lambda: place.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # another one: two of a kind may arrive as one
        process.communicate(timeout=60)
        other.execute("ROLLBACK")
    assert process.returncode != 0
    assert place.ask("SELECT count(*) FROM stage_normalization_log") == [(0,)]
    assert reverting.revert(place.database, 1, dying.CONDUCT).at.rows_changed == 0
