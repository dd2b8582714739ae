"""What status says of runs: which of them a process works on, and which its command would go on with."""

import pytest
from places import postgresql_place

from stagenorm.backfill import revert as reverting
from stagenorm.backfill.history import history
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.session import Session
from stagenorm.backfill.target import Target


def as_if_killed(place, number):
    place.ask("UPDATE stage_migration_control SET status = 'running' WHERE run = %s", number)


def told(place, *names):
    return {run["run"]: tuple(run[name] for name in names) for run in history(place.database)}


@pytest.fixture
def stopped(normalizer, conduct):
    """Stop a run before its first batch."""

    def stopped(place, condition="", **more):
        conducted = conduct()
        conducted.stop.set()
        target = Target.parse("deals", "stage", condition=condition)
        return run(place.database, target, normalizer, Allowance(no_receipt="a test"), conducted, **more)

    return stopped


def test_of_two_runs_of_a_column_the_one_that_was_gone_on_with_is_at_work(place, stopped, normalizer, conduct):
    place.fill(60)
    stopped(place)
    stopped(place, "id > 9")
    for number in (1, 2):
        as_if_killed(place, number)
    assert told(place, "at_work", "resumable") == {1: (False, True), 2: (False, True)}
    seen = []
    again = conduct(tell=lambda _: seen.append(told(place, "status", "at_work")))
    run(place.database, Target.parse("deals", "stage"), normalizer, Allowance(no_receipt="why"), again)
    assert seen[0] == {
        1: ("running", True),
        2: ("running", False),
    }  # before its first batch, which may wait for a pause
    assert told(place, "status", "at_work", "resumable") == {1: ("done", False, False), 2: ("running", False, True)}


def test_one_that_a_later_one_took_the_place_of_is_not_gone_on_with(place, stopped, apply, conduct):
    place.fill(60)
    stopped(place)
    stopped(place, resume_from="30")
    for number in (1, 2):
        as_if_killed(place, number)
    assert told(place, "resumable") == {1: (False,), 2: (True,)}
    assert apply(place).at.run == 2
    assert told(place, "resumable") == {1: (False,), 2: (False,)}
    paused = conduct()
    paused.stop.set()
    reverting.revert(place.database, 2, paused)
    assert told(place, "resumable")[3] == (True,)


def test_nobody_goes_on_behind_rows_that_were_taken_back_meanwhile(place, apply, conduct, normalizer):
    place.fill(60)
    apply(place)
    paused = conduct(7)
    paused.stop.set()
    reverting.revert(place.database, 1, paused)
    halfway = conduct(7, tell=lambda progress: progress.at.rows_seen and halfway.stop.set())
    target, allowed = Target.parse("deals", "stage"), Allowance(no_receipt="a test")
    place.ask("UPDATE deals SET stage = 'SEED' WHERE id = (SELECT max(id) FROM deals)")
    assert run(place.database, target, normalizer, allowed, halfway).at.run == 3
    reverting.revert(place.database, 1, paused)
    assert told(place, "resumable")[3] == (True,), "nothing was taken back yet"
    reverting.revert(place.database, 1, conduct())
    assert told(place, "resumable")[3] == (False,)
    assert apply(place).left.changing == 0


def test_no_run_is_said_to_go_on_where_a_revert_must_end_first(place, stopped, apply, conduct):
    place.fill(60)
    apply(place)
    stopped(place, "id > 9")
    halfway = conduct(7, tell=lambda progress: progress.at.rows_changed and halfway.stop.set())
    reverting.revert(place.database, 1, halfway)
    assert told(place, "resumable") == {1: (False,), 2: (False,), 3: (True,)}


@pytest.mark.parametrize(("first", "again"), [("proof", None), (None, "proof"), ("proof", "later")])
def test_the_receipt_that_rows_were_changed_on_is_kept(place, stopped, normalizer, conduct, first, again):
    place.fill(60)
    stopped(place)
    place.ask("UPDATE stage_migration_control SET receipt = %s, error = 'x'", first)
    allowed = Allowance(receipt=again) if again else Allowance(no_receipt="lost")
    run(place.database, Target.parse("deals", "stage"), normalizer, allowed, conduct())
    assert told(place, "receipt", "error") == {1: ("proof", None)}


def test_the_reason_to_go_on_without_a_receipt_is_kept(place, stopped, apply):
    place.fill(60)
    stopped(place)
    apply(place)
    assert told(place, "no_receipt") == {1: ("a test; resumed: a test",)}


def test_a_lock_in_another_database_is_another_one(on_postgresql, stopped):
    other = postgresql_place(on_postgresql.server, "other")
    for place in (on_postgresql, other):
        place.fill(60)
        stopped(place)
        as_if_killed(place, 1)
    (there,) = history(other.database)
    with Session(other.database, Target.from_json(there["target"])):
        assert told(other, "at_work") == {1: (True,)}
        assert told(on_postgresql, "at_work") == {1: (False,)}


def test_whoever_asks_keeps_nobody_from_beginning(on_sqlite, stopped):
    on_sqlite.fill(60)
    stopped(on_sqlite)
    as_if_killed(on_sqlite, 1)
    (there,) = history(on_sqlite.database)
    with Session(on_sqlite.database, Target.from_json(there["target"])):
        assert told(on_sqlite, "at_work") == {1: (True,)}
    with Session(on_sqlite.database, Target.from_json(there["target"])):
        pass
