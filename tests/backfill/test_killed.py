"""Whatever ends a run, the next one goes on where it was: nothing twice, nothing lost."""

import signal
from random import Random

import pytest

from stagenorm.backfill import revert as reverting

INSTANTS = 20
ROWS = 600


def run_command(place):
    options = ["--apply", "--no-receipt", "a test", "--json", "--batch-size", 10, "--largest-batch", 10]
    return ["backfill", "run", "--database", place.url, "--table", "deals", "--column", "stage", *options]


def killed_after(process, lines):
    for _ in range(lines):
        if not process.stdout.readline():
            break
    process.kill()
    process.wait()


@pytest.fixture
def whole(place, apply):
    """What an uninterrupted run leaves."""
    place.fill(ROWS)
    apply(place, size=10)
    told = place.rows(), place.log()
    for table in ("deals", "stage_migration_control", "stage_migration_batch", "stage_normalization_log"):
        place.ask(f"DROP TABLE {table}")
    return told


def test_killed_at_random_instants_it_ends_as_if_nothing_had_been(place, whole, start, apply):
    place.fill(ROWS)
    random = Random(5)
    for _ in range(INSTANTS):
        killed_after(start(*run_command(place)), random.randrange(4))
    seen = place.ask("SELECT run, batches, status FROM stage_migration_control")
    assert len(seen) == 1
    assert 0 < seen[0][1] < ROWS // 10, "the run was to be in the middle"
    ended = apply(place, size=10)
    assert ended.resumed
    assert (place.rows(), place.log()) == whole
    assert place.ask("SELECT sum(rows_seen), sum(rows_changed) FROM stage_migration_batch") == [
        (ROWS, len(place.log()))
    ]


def test_a_killed_revert_goes_on_too(place, start, apply, conduct):
    before = place.fill(ROWS).rows()
    apply(place, size=10)
    command = [
        "backfill",
        "revert",
        "--database",
        place.url,
        "--run",
        1,
        "--json",
        "--batch-size",
        10,
        "--largest-batch",
        10,
    ]
    random = Random(6)
    for _ in range(5):
        killed_after(start(*command), random.randrange(4))
    assert place.rows() != before
    ended = reverting.revert(place.database, 1, conduct())
    assert (place.rows(), ended.kept) == (before, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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


def test_a_server_that_dies_in_the_middle_is_waited_for(start_postgresql, place_on, postgresql, start):
    server = start_postgresql(postgresql.binaries)
    place = place_on(server).fill(3_000)
    process = start(*run_command(place))
    for _ in range(3):
        process.stdout.readline()
        server.kill()
        server.start()
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (1, ""), "1, for there are unknown values"
    assert place.ask("SELECT status, rows_seen FROM stage_migration_control") == [("done", 3_000)]
    changed = sum(1 for number in range(3_000) if number % 9 in {0, 2, 5, 6})
    assert len(place.log()) == changed
