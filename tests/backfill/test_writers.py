"""Others write while a run or a revert goes on: what they wrote stays."""

import threading
from contextlib import closing
from random import Random

import pytest

from stagenorm.backfill import revert as reverting

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
