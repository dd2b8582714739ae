"""How large a batch is, how long a failure is waited for, and what pauses: decisions, told apart from doing them."""

from contextlib import closing
from datetime import datetime
from pathlib import Path
from threading import Event

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from postgresql import WHEEL

from stagenorm.backfill.pace import Pace
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.throttle import LoadQuery, PauseFile, Window, replica_lag
from stagenorm.errors import ConfigurationError


@given(st.integers(1, 10**6), st.floats(0, 100))
def test_the_next_batch_stays_in_its_bounds(size, took):
    assert 10 <= Pace().next_size(size, took) <= 50_000


def test_a_slow_batch_makes_the_next_smaller_and_a_fast_one_larger():
    pace = Pace(seconds=0.1)
    assert [pace.next_size(1_000, took) for took in (0.1, 0.2, 5, 0.05, 0)] == [1_000, 500, 500, 2_000, 2_000]
    assert [pace.halved(size) for size in (5_000, 1)] == [2_500, 1]


def test_waits_grow_with_jitter_to_half_a_minute():
    assert [Pace.wait(failures, 1) for failures in (1, 2, 3, 50)] == [0.1, 0.2, 0.4, 30]
    assert Pace.wait(1, 0) == 0.05


@pytest.mark.parametrize("bounds", [{"start": 0}, {"start": 5, "least": 6}, {"most": 10}, {"seconds": 0}])
def test_bounds_that_contradict_each_other(bounds):
    with pytest.raises(ConfigurationError, match="each must be positive"):
        Pace(**bounds)


@pytest.mark.parametrize(
    ("window", "hour", "open_"),
    [
        ("22:00-06:00", 23, True),
        ("22:00-06:00", 5, True),
        ("22:00-06:00", 6, False),
        ("01:00-03:00", 2, True),
        ("01:00-03:00", 0, False),
    ],
)
def test_a_window_over_midnight_and_within_a_day(window, hour, open_):
    parsed = Window.parse(window)
    at = Window(parsed.begin, parsed.end, lambda: datetime(2026, 1, 1, hour))  # noqa: DTZ001 - local time
    assert (at.reason(None) is None) == open_


@pytest.mark.parametrize("text", ["", "22:00", "22-06", "25:00-26:00", "a-b-c"])
def test_a_window_that_is_none(text):
    with pytest.raises(ConfigurationError, match="write 22:00-06:00"):
        Window.parse(text)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT 1", None),
        ("SELECT 3", "is at 3, over 2"),
        ("SELECT NULL", "tells nothing"),
        ("SELECT 'nan'", "is at nan"),
        ("SELECT 'much'", "which is no number"),
        ("SELECT * FROM absent", "cannot be read"),
    ],
)
def test_a_load_query_that_is_high_or_cannot_be_read_pauses(place, sql, why):
    with place.database.connect() as connection:
        reason = LoadQuery(sql, 2).reason(connection)
    assert reason is None if why is None else why in reason


def test_a_server_without_replicas_has_no_lag_and_one_that_is_no_server_pauses(place):
    with place.database.connect() as connection:
        reason = replica_lag(1).reason(connection)
    assert ("cannot be read" in reason) if place.sqlite else reason is None


def test_a_replica_that_falls_behind_pauses_until_it_caught_up(start_postgresql, place_on, until):
    place = place_on(start_postgresql(WHEEL)).fill(10)
    replica = start_postgresql(WHEEL, primary=place.server)

    def reason():
        place.ask("UPDATE deals SET stage = stage")  # it is what is written that tells how old the replica's copy is
        with place.database.connect() as connection:
            return replica_lag(0.2).reason(connection)

    with closing(psycopg.connect(replica.url(), autocommit=True)) as connection:
        until(lambda: reason() is None)
        connection.execute("SELECT pg_wal_replay_pause()")
        until(reason)
        assert "replica lag is at" in reason()
        connection.execute("SELECT pg_wal_replay_resume()")
        until(lambda: reason() is None)


def test_a_pause_file_pauses_and_one_that_cannot_be_looked_for_too(tmp_path):
    path = tmp_path / "pause"
    assert PauseFile(path).reason(None) is None
    path.touch()
    assert "is there" in PauseFile(path).reason(None)
    assert "cannot be looked for" in PauseFile(path / Path("below")).reason(None)


def test_a_run_waits_while_it_is_paused_and_says_why(on_sqlite, normalizer, conduct, tmp_path):
    path, stop, told = tmp_path / "pause", Event(), []
    path.touch()

    def tell(progress):
        told.append(progress.pause)
        assert progress.at.rows_seen == 0
        if progress.pause:
            stop.set()

    on_sqlite.fill(50)
    target, allowed = Target.parse("deals", "stage"), Allowance(no_receipt="a test")
    ended = run(
        on_sqlite.database, target, normalizer, allowed, conduct(throttles=[PauseFile(path)], tell=tell, stop=stop)
    )
    assert (ended.status.value, told) == ("stopped", [None, f"{path} is there"])
