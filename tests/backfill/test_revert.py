"""A run and its revert leave a table as it was, byte for byte, and a revert never tramples."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagenorm.backfill import revert as reverting
from stagenorm.backfill.control import Status
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.target import Target
from stagenorm.errors import BackfillRefusedError

VALUES = st.one_of(
    st.none(),
    st.sampled_from(
        ["Seed", "SEED", "seed ", " seed", "Series A", "series_a round", "Series C+", "\uff33eed", "N/A", ""]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.integers(-5, 5),
    st.binary(max_size=3),
    st.floats(allow_nan=False),
)
KEYS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6))


@settings(max_examples=60)
@given(data=st.dictionaries(KEYS, VALUES, max_size=30), collation=st.sampled_from(["BINARY", "NOCASE", "RTRIM"]))
def test_run_then_revert_is_the_table_byte_for_byte(sqlite_places, apply, conduct, data, collation):
    place = sqlite_places()
    place.ask(f"CREATE TABLE deals (id PRIMARY KEY NOT NULL, stage TEXT COLLATE {collation})")
    for key, value in data.items():
        place.ask("INSERT INTO deals VALUES (?, ?)", key, value)
    told = "SELECT typeof(id), quote(id), typeof(stage), quote(stage), hex(stage) FROM deals ORDER BY rowid"
    before = place.ask(told)
    ended = apply(place)
    assert ended.left.changing == 0
    changed = sum(1 for old, new in zip(before, place.ask(told), strict=True) if old != new)
    assert ended.at.rows_changed == changed == len(place.log())
    assert reverting.revert(place.database, ended.at.run, conduct(7)).kept == 0
    assert place.ask(told) == before


TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["Seed", "SEED", "seed ", " seed", "Series A", "series_a round", "Series C+", "\uff33eed", "N/A", ""]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)


@settings(max_examples=12)
@given(
    data=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6), TEXTS)
)
def test_the_same_on_postgresql(server_of, place_on, apply, conduct, data):
    place = place_on(server_of("wheel"))
    place.ask("CREATE TABLE deals (id text PRIMARY KEY, stage text)")
    place.ask("INSERT INTO deals SELECT * FROM unnest(%s::text[], %s::text[])", list(data), list(data.values()))
    told = "SELECT id, convert_to(stage, 'UTF8') FROM deals ORDER BY id COLLATE \"C\""
    before = place.ask(told)
    ended = apply(place)
    changed = sum(1 for old, new in zip(before, place.ask(told), strict=True) if old != new)
    assert (ended.left.changing, ended.at.rows_changed) == (0, changed)
    assert reverting.revert(place.database, ended.at.run, conduct(7)).kept == 0
    assert place.ask(told) == before


def test_a_revert_is_a_run_of_its_own_with_a_log(place, apply, conduct):
    before = place.fill().rows()
    apply(place)
    made = place.log()
    ended = reverting.revert(place.database, 1, conduct())
    assert place.rows() == before
    assert [row[1:3] + row[:2:-1] for row in place.log() if row[0] == ended.at.run] == [row[1:] for row in made]
    with pytest.raises(BackfillRefusedError, match="run 2 is a revert of run 1"):
        reverting.revert(place.database, 2, conduct())


def test_a_reverted_run_that_had_been_stopped_is_not_resumed(place, apply, conduct):
    place.fill()
    apply(place)
    place.ask("UPDATE stage_migration_control SET status = 'stopped'")
    reverting.revert(place.database, 1, conduct())
    assert not apply(place).resumed


def test_an_older_run_is_not_taken_back_before_a_later_one(place, apply, conduct):
    place.fill(20)
    apply(place)
    place.ask("UPDATE deals SET stage = 'SEED' WHERE id = 0")
    apply(place)
    place.ask("UPDATE deals SET stage = 'SEED' WHERE id = 0")
    apply(place)
    with pytest.raises(BackfillRefusedError, match="was changed since run 1: revert run 3, then run 2 first"):
        reverting.revert(place.database, 1, conduct())
    assert reverting.revert(place.database, 3, conduct()).at.run == 4, "a refused one takes no number"
    reverting.revert(place.database, 2, conduct())
    assert dict(place.rows())[0] == "SEED"
    reverting.revert(place.database, 1, conduct())
    assert dict(place.rows())[0] == "SEED"


def test_nothing_runs_while_a_revert_has_not_ended(place, apply, conduct):
    before = place.fill(60).rows()
    apply(place)
    stopped = conduct(7)
    stopped.stop.set()
    assert reverting.revert(place.database, 1, stopped).status is Status.STOPPED
    assert apply(place).at.rows_changed == 0  # it took nothing back yet
    stopped = conduct(7, tell=lambda progress: progress.at.rows_changed and stopped.stop.set())
    assert reverting.revert(place.database, 1, stopped).at.rows_changed
    with pytest.raises(BackfillRefusedError, match="revert 2 of run 1 did not end: stagenorm backfill revert --run 1"):
        apply(place)
    assert reverting.revert(place.database, 1, conduct()).kept == 0
    assert place.rows() == before
    assert not apply(place).resumed


def test_a_revert_needs_neither_the_filter_s_column_nor_a_key_in_every_new_row(place, normalizer, conduct):
    before = place.fill(60).rows()
    place.ask("ALTER TABLE deals ADD COLUMN flag int")
    place.ask("ALTER TABLE deals ADD COLUMN code int")
    place.ask("UPDATE deals SET flag = 1, code = id")
    place.ask("CREATE UNIQUE INDEX codes ON deals (code)")
    target = Target.parse("deals", "stage", ("code",), condition="flag = 1")
    run(place.database, target, normalizer, Allowance(no_receipt="a test"), conduct())
    place.ask("ALTER TABLE deals DROP COLUMN flag")
    place.ask("INSERT INTO deals (id, stage, code) VALUES (-1, 'Seed', NULL)")
    assert reverting.revert(place.database, 1, conduct()).kept == 0
    assert place.rows() == [(-1, "Seed"), *before]


def test_there_is_no_such_run(place, conduct):
    with pytest.raises(BackfillRefusedError, match="there is no run 7 here"):
        reverting.revert(place.database, 7, conduct())
