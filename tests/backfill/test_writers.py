"""Others write while a run or a revert goes on: what they wrote stays."""

import threading
from contextlib import closing
from random import Random

import pytest

from stagenorm.backfill import revert as reverting
from stagenorm.backfill.pace import Pace
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct

ROWS = 2_000


class Writers:
    """Threads with connections of their own, each editing its own share of the rows while a block lasts."""

    def __init__(self, place, values):
        self.place, self.values, self.written, self.failed = place, values, {}, []
        self._stop, self._begun = threading.Event(), threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        self._begun.wait(20)
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        assert not self.failed, self.failed

    def _write(self):
        random = Random(7)
        mark = "?" if self.place.sqlite else "%s"
        try:
            with closing(self.place.connect()) as connection:
                while not self._stop.wait(0.001):  # SQLite lets who asks without a pause go first for ever
                    row = random.randrange(ROWS) * 3
                    value = random.choice(self.values)
                    connection.execute(f"UPDATE deals SET stage = {mark} WHERE id = {mark}", (value, row))
                    self.written[row] = value
                    self._begun.set()
        except Exception as error:  # noqa: BLE001 - told to the test
            self.failed.append(error)
            self._begun.set()


@pytest.mark.parametrize("values", [["theirs", "another of theirs"]])
def test_an_edit_during_a_run_is_never_overwritten(place, apply, values):
    place.fill(ROWS)
    with Writers(place, values) as writers:
        apply(place)
    assert writers.written
    stored = dict(place.rows())
    assert {row: stored[row] for row in writers.written} == writers.written


def test_an_edit_during_a_revert_is_never_overwritten(place, apply, conduct):
    before = dict(place.fill(ROWS).rows())
    apply(place)
    with Writers(place, ["theirs", "seed ", None]) as writers:
        ended = reverting.revert(place.database, 1, conduct())
    assert ended.kept
    assert dict(place.rows()) == before | writers.written


def test_a_canonical_value_that_another_wrote_over_an_alias_is_theirs_and_not_in_the_log(place, apply, conduct):
    place.fill(ROWS, forms=["Seed"])
    with Writers(place, ["series-b"]) as writers:
        apply(place)
    reverting.revert(place.database, 1, conduct())
    expected = {number * 3: "Seed" for number in range(ROWS)} | writers.written
    assert dict(place.rows()) == expected


def test_rows_inserted_during_a_run_are_told(place, apply, conduct):
    place.fill(100)
    ended = apply(place)
    place.ask("INSERT INTO deals VALUES (-1, 'Seed')")
    assert ended.left.changing == 0
    again = apply(place)
    assert (again.at.run, again.at.rows_changed, again.resumed) == (2, 1, False)


def test_a_row_held_by_another_is_waited_for_and_theirs_wins(on_postgresql, apply):
    place = on_postgresql.fill(100, forms=["Seed"])
    with closing(place.connect()) as other, other.transaction():
        other.execute("UPDATE deals SET stage = 'theirs' WHERE id = 30")
        releasing = threading.Timer(0.6, other.execute, ["COMMIT"])
        releasing.start()
        ended = apply(place)
        releasing.join()
    assert ended.at.rows_changed == 99
    assert dict(place.rows())[30] == "theirs"


@pytest.fixture
def running(on_postgresql, normalizer):
    """A run in a thread that waits for locks as long as the server lets it, its end, and what it told of pauses."""
    paused, ended = [], []

    def work():
        pace = Pace(start=20, least=10, most=20, seconds=600)
        conduct = Conduct(pace, tell=lambda progress: progress.pause and paused.append(progress.pause))
        allowed = Allowance(no_receipt="a test")
        ended.append(run(on_postgresql.database, Target.parse("deals", "stage"), normalizer, allowed, conduct))

    return threading.Thread(target=work), ended, paused


WAITS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def test_a_deadlock_with_another_is_tried_again_and_the_other_lost_nothing(on_postgresql, running, until):
    place, (thread, ended, paused) = on_postgresql.fill(100, forms=["Seed"]), running
    place.ask("ALTER DATABASE app SET deadlock_timeout = '2s'")
    try:
        with closing(place.connect()) as other, other.transaction():
            other.execute("SET LOCAL deadlock_timeout = '1h'")  # so it is the run that the server ends
            other.execute("UPDATE deals SET stage = 'theirs' WHERE id = 57")
            thread.start()
            until(lambda: place.ask(WAITS))
            other.execute("UPDATE deals SET stage = 'theirs' WHERE id = 0")
        thread.join()
    finally:
        place.ask("ALTER DATABASE app RESET deadlock_timeout")
    assert paused[0].startswith("trying again after: deadlock detected")
    assert ended[0].at.rows_changed == 98
    assert [row for row, value in place.rows() if value == "theirs"] == [0, 57]


_FAILS_TWICE = """
CREATE SEQUENCE tries;
CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('tries') <= 2 THEN RAISE EXCEPTION 'could not serialize' USING ERRCODE = 'serialization_failure'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER fail_twice BEFORE UPDATE ON deals EXECUTE FUNCTION fail_twice();
"""


def test_a_serialization_failure_halves_the_batch_and_is_tried_again(on_postgresql, running):
    place, (thread, ended, paused) = on_postgresql.fill(100, forms=["Seed"]), running
    place.ask(_FAILS_TWICE)
    thread.start()
    thread.join()
    assert [each.partition(" CONTEXT")[0] for each in paused] == ["trying again after: could not serialize"] * 2
    assert (ended[0].at.rows_changed, len(place.log())) == (100, 100)
    assert place.ask("SELECT rows_seen FROM stage_migration_batch ORDER BY batch LIMIT 1") == [(5,)]
