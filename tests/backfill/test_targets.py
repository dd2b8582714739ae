"""What may be a target: odd names, keys and types, and what is refused with its reason."""

from threading import Event

import pytest

from stagenorm import Normalizer, Term, Vocabulary
from stagenorm.backfill import revert as reverting
from stagenorm.backfill.control import exist
from stagenorm.backfill.database import Database
from stagenorm.backfill.run import Allowance, plan, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.verify import last_run, verify
from stagenorm.core.conclusion import Conclusion
from stagenorm.errors import BackfillRefusedError, DatabaseError

STAGES = ["Seed", "seed", "Series A", "bogus", None]


def run_and_take_back(place, target, normalizer, conduct):
    """A run that must change something, is verified, and whose revert must leave the rows as they were."""
    quoted = ".".join(f'"{part.replace(chr(34), chr(34) * 2)}"' for part in (target.schema, target.table) if part)
    before = sorted(map(str, place.ask(f"SELECT * FROM {quoted}")))
    ended = run(place.database, target, normalizer, Allowance(no_receipt="a test"), conduct(7))
    assert ended.at.rows_changed > 0
    assert ended.left.changing == 0
    assert verify(place.database, ended.at.run, normalizer).conclusion is Conclusion.PASS
    assert reverting.revert(place.database, ended.at.run, conduct(7)).kept == 0
    assert sorted(map(str, place.ask(f"SELECT * FROM {quoted}"))) == before


@pytest.mark.parametrize(
    "condition", ["", "a % 2 = 0", "b <> 'k1' -- and a comment", "stage LIKE '%e%' OR stage = ':x'"]
)
def test_a_composite_key_with_gaps(place, normalizer, conduct, condition):
    place.ask("CREATE TABLE deals (a integer NOT NULL, b text NOT NULL, stage text, PRIMARY KEY (a, b))")
    for number in range(60):
        place.ask("INSERT INTO deals VALUES (%s, %s, %s)", number // 7 * 5, f"k{number % 7}", STAGES[number % 5])
    run_and_take_back(place, Target.parse("deals", "stage", ("a", "b"), condition=condition), normalizer, conduct)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("uuid", "md5(n::text)::uuid"),
        ("text", "repeat(chr(200 + n), 3) || '''\"\\'"),
        ('text COLLATE "C"', "md5(n::text)"),
        ("numeric(20, 5)", "n * 1.5 - 20"),
        ("timestamptz", "now() + n * interval '1.000001 second'"),
        ("date", "date '2020-01-01' + n"),
        ("bytea", "sha256(n::text::bytea)"),
        ("double precision", "n / 3.0"),
        ("char(9)", "'k' || n"),
        ("smallint", "n - 30"),
    ],
)
def test_keys_of_every_type_on_postgresql(on_postgresql, normalizer, conduct, type_, value):
    on_postgresql.ask(f"CREATE TABLE deals (id {type_} PRIMARY KEY, stage varchar(20))")
    on_postgresql.ask(
        f"INSERT INTO deals SELECT {value}, (ARRAY['Seed', 'seed', 'SERIES_A', 'bogus', NULL])[1 + n % 5] FROM generate_series(1, 60) n"
    )
    run_and_take_back(on_postgresql, Target.parse("deals", "stage"), normalizer, conduct)


def test_keys_that_only_their_index_tells_apart_are_told_apart_on_sqlite(on_sqlite, normalizer, conduct):
    on_sqlite.ask("CREATE TABLE deals (id text COLLATE NOCASE NOT NULL, stage text)")
    on_sqlite.ask("CREATE UNIQUE INDEX whole ON deals (id COLLATE BINARY)")
    for number in range(20):
        on_sqlite.ask("INSERT INTO deals VALUES (?, 'Seed'), (?, 'seed')", f"k{number}", f"K{number}")
    run_and_take_back(on_sqlite, Target.parse("deals", "stage", ["id"]), normalizer, conduct)


def test_a_partitioned_table(on_postgresql, normalizer, conduct):
    place = on_postgresql
    place.ask("CREATE TABLE deals (id int, of int, stage text, PRIMARY KEY (id, of)) PARTITION BY RANGE (of)")
    place.ask("CREATE TABLE early PARTITION OF deals FOR VALUES FROM (0) TO (30)")
    place.ask("CREATE TABLE late PARTITION OF deals DEFAULT")
    place.ask("INSERT INTO deals SELECT n, n, 'Seed' FROM generate_series(1, 60) n")
    run_and_take_back(place, Target.parse("deals", "stage"), normalizer, conduct)


def test_what_a_trigger_makes_of_a_row_is_what_is_logged_and_taken_back(on_postgresql, apply, conduct):
    place = on_postgresql.fill(60, forms=["Seed"])
    before = place.rows()
    place.ask(
        "CREATE FUNCTION other_word() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; NEW.stage = replace(NEW.stage, 'seed', 'sown'); RETURN NEW; END $$"
    )
    place.ask("CREATE TRIGGER word BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION other_word()")
    ended = apply(place)
    assert (ended.at.rows_changed, ended.left.changing) == (30, 30)
    assert {(old, new) for *_, old, new in place.log()} == {("Seed", "sown")}
    assert reverting.revert(place.database, 1, conduct()).kept == 0
    assert place.rows() == before


def test_a_trigger_that_keeps_rows_from_changing_stops_the_run_on_sqlite(on_sqlite, apply):
    on_sqlite.fill(20, forms=["Seed"])
    on_sqlite.ask("CREATE TRIGGER no BEFORE UPDATE ON deals WHEN NEW.id = 9 BEGIN SELECT RAISE(IGNORE); END")
    with pytest.raises(DatabaseError, match="a trigger keeps rows of"):
        apply(on_sqlite)
    assert on_sqlite.log() == []
    ((status, error),) = on_sqlite.ask("SELECT status, error FROM stage_migration_control")
    assert (status, error[:22]) == ("failed", "a trigger keeps rows o")
    on_sqlite.ask("DROP TRIGGER no")
    assert apply(on_sqlite).resumed


@pytest.mark.parametrize(
    "body",
    ["NEW.stage = 'seed'; RETURN NEW;", "IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW;"],
    ids=["makes them canonical again", "skips them"],
)
def test_a_trigger_that_keeps_rows_stops_the_revert_and_they_can_be_taken_back_later(
    on_postgresql, apply, conduct, body
):
    place = on_postgresql.fill(60, forms=["Seed"])
    before = place.rows()
    apply(place)
    place.ask(f"CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    place.ask("CREATE TRIGGER keep BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION keep()")
    with pytest.raises(DatabaseError, match="a trigger keeps rows of"):
        reverting.revert(place.database, 1, conduct())
    place.ask("DROP TRIGGER keep ON deals")
    assert reverting.revert(place.database, 1, conduct()).kept == 0
    assert place.rows() == before


def test_a_trigger_that_puts_a_row_back_afterwards_does_not_stop_the_revert(on_postgresql, apply, conduct):
    place = on_postgresql.fill(60, forms=["Seed"])
    apply(place)
    edited, kept = (place.rows()[n][0] for n in (5, 6))
    place.ask("UPDATE deals SET stage = 'theirs' WHERE id = %s", edited)
    place.ask(
        f"CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = {kept} AND NEW.stage <> 'seed' "
        "THEN UPDATE deals SET stage = 'seed' WHERE id = NEW.id; END IF; RETURN NULL; END $$"
    )
    place.ask("CREATE TRIGGER again AFTER UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION again()")
    assert reverting.revert(place.database, 1, conduct()).kept == 1
    assert (dict(place.rows())[edited], dict(place.rows())[kept]) == ("theirs", "seed")


def test_another_search_path_means_no_other_table(on_postgresql, apply, conduct):
    place = on_postgresql.fill(20, forms=["Seed"])
    apply(place)
    place.ask("CREATE SCHEMA shadow")
    place.ask("CREATE TABLE shadow.deals (id bigint PRIMARY KEY, stage text)")
    place.ask("INSERT INTO shadow.deals SELECT id, stage FROM public.deals")
    url = f"{place.url}?options=-csearch_path%3Dshadow,public"
    assert reverting.revert(Database(url), 1, conduct()).kept == 0
    assert place.ask("SELECT DISTINCT d.stage, s.stage FROM public.deals d JOIN shadow.deals s USING (id)") == [
        ("Seed", "seed")
    ]


def test_keys_are_read_as_they_were_written_whatever_the_servers_settings_are_then(on_postgresql, apply, conduct):
    place = on_postgresql
    place.ask("CREATE TABLE deals (id timestamptz PRIMARY KEY, stage text)")
    place.ask(
        "INSERT INTO deals SELECT '2020-02-01'::date + n * interval '1 day', 'Seed' FROM generate_series(1, 40) n"
    )
    name = place.url.rpartition("/")[2]
    try:
        place.ask(f"ALTER DATABASE {name} SET datestyle TO 'SQL, DMY'")
        place.ask(f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'")
        apply(place)
        place.ask(f"ALTER DATABASE {name} SET timezone TO 'America/New_York'")
        place.ask(f"ALTER DATABASE {name} SET datestyle TO 'SQL, MDY'")
        assert reverting.revert(place.database, 1, conduct()).kept == 0
    finally:
        place.ask(f"ALTER DATABASE {name} RESET ALL")


def test_names_with_everything_in_them(on_postgresql, normalizer, conduct):
    on_postgresql.ask('CREATE SCHEMA "my.schema; DROP"')
    table = '"my.schema; DROP"."odd ""table"" % :x"'
    on_postgresql.ask(f'CREATE TABLE {table} ("the key%" integer PRIMARY KEY, "stages :of \\ it" text)')
    on_postgresql.ask(f"INSERT INTO {table} SELECT n, 'Seed' FROM generate_series(1, 30) n")
    target = Target.parse(table, "stages :of \\ it", ["the key%"])
    assert target.schema == "my.schema; DROP"
    run_and_take_back(on_postgresql, target, normalizer, conduct)


STATEMENTS_OWN = (
    "run",
    "at",
    "key",
    "old",
    "new",
    "of",
    "behind",
    "after",
    "after_0",
    "last",
    "last_0",
    "passed",
    "size",
)


@pytest.mark.parametrize("key", [None, *STATEMENTS_OWN])
def test_columns_that_are_named_as_a_statement_s_own_parts(place, normalizer, conduct, key):
    others = ", ".join(f'"{name}" text' for name in STATEMENTS_OWN if name != key)
    place.ask(f'CREATE TABLE deals ("{key or "id"}" integer PRIMARY KEY, stage text, {others})')
    for number in range(20):
        place.ask(f'INSERT INTO deals ("{key or "id"}", stage) VALUES (%s, %s)', number, "Seed")
    run_and_take_back(place, Target.parse("deals", "stage"), normalizer, conduct)


@pytest.mark.parametrize("text", ["%(run)s", "%(at)s", "%(after_0)s", "%(last_0)s", ":run", "%s", "?"])
def test_a_filter_may_hold_what_looks_like_a_parameter(place, normalizer, conduct, text):
    place.fill(20, forms=["Seed"])
    target = Target.parse("deals", "stage", condition=f"stage <> '{text}' -- {text}")
    run_and_take_back(place, target, normalizer, conduct)


@pytest.mark.parametrize("type_", ["char(12)", "citext", "stage_domain", "text COLLATE loose"])
def test_columns_that_compare_loosely_are_told_apart_to_the_letter(on_postgresql, normalizer, conduct, type_):
    place = on_postgresql
    place.ask("CREATE DOMAIN stage_domain AS varchar(12)")
    if type_ == "citext" and not place.ask("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"):
        type_ = "stage_domain"
    elif type_ == "citext":
        place.ask("CREATE EXTENSION citext")
    if "loose" in type_:
        try:
            place.ask("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
        except Exception as error:  # noqa: BLE001 - this server was built without ICU
            assert "ICU" in str(error)  # noqa: PT017 - only this may be why
            type_ = "stage_domain"
    place.ask(f"CREATE TABLE deals (id integer PRIMARY KEY, stage {type_})")
    place.ask("INSERT INTO deals SELECT n, (ARRAY['Seed','seed','SEED','x'])[1 + n % 4] FROM generate_series(1, 40) n")
    run_and_take_back(place, Target.parse("deals", "stage"), normalizer, conduct)
    assert len(place.ask("SELECT * FROM stage_normalization_log WHERE run = 1")) == 20


def test_an_enum_is_changed_where_it_has_the_label_and_explained_where_not(on_postgresql, normalizer, conduct):
    place = on_postgresql
    place.ask("CREATE TYPE \"phase %s\" AS ENUM ('Seed', 'seed', 'Series A')")
    place.ask('CREATE TABLE deals (id integer PRIMARY KEY, stage "phase %s")')
    place.ask("INSERT INTO deals VALUES (1, 'Seed'), (2, 'Series A'), (3, NULL)")
    with pytest.raises(BackfillRefusedError, match="enum without the label 'series-a'"):
        run_and_take_back(place, Target.parse("deals", "stage"), normalizer, conduct)
    run_and_take_back(place, Target.parse("deals", "stage", condition="id < 2"), normalizer, conduct)


def test_a_check_that_forbids_stops_the_run_and_says_so(place, normalizer, conduct):
    place.ask("CREATE TABLE deals (id integer PRIMARY KEY, stage text, CONSTRAINT small CHECK (stage <> 'seed'))")
    place.ask("INSERT INTO deals VALUES (1, 'Seed')")
    columns, _ = plan(place.database, Target.parse("deals", "stage"), normalizer)
    assert "seed" in columns.checks[0]
    with pytest.raises(DatabaseError, match="small"):
        run_and_take_back(place, Target.parse("deals", "stage"), normalizer, conduct)
    assert place.ask("SELECT stage FROM deals") == [("Seed",)]
    assert place.ask("SELECT status FROM stage_migration_control") == [("failed",)]
    assert place.log() == []


def test_a_column_too_short_is_an_error_and_never_cut(on_postgresql, normalizer, conduct):
    place = on_postgresql
    place.ask("CREATE TABLE deals (id integer PRIMARY KEY, stage varchar(4))")
    place.ask("INSERT INTO deals VALUES (1, 'A')")
    longer = Normalizer(Vocabulary("letters", [Term("letter-a", "", ("A",))]))
    with pytest.raises(DatabaseError, match="too long"):
        run_and_take_back(place, Target.parse("deals", "stage"), longer, conduct)
    assert place.ask("SELECT stage FROM deals") == [("A",)]


def test_a_plan_changes_nothing_at_all(place, normalizer):
    place.fill(20)
    before = place.rows()
    plan(place.database, Target.parse("deals", "stage"), normalizer)
    assert place.rows() == before
    with place.database.reading() as connection:
        assert not exist(connection)


def test_a_dry_run_never_disturbs_a_runs_checkpoint(place, apply, start, normalizer):
    place.fill(100)
    apply(place)
    place.ask("UPDATE stage_migration_control SET status = 'stopped'")
    before = place.ask("SELECT * FROM stage_migration_control")
    options = ["--database", place.url, "--table", "deals", "--column", "stage"]
    dry = start("backfill", "run", *options)
    assert "unknown" in dry.communicate(timeout=60)[0]
    assert dry.returncode == 1
    assert place.ask("SELECT * FROM stage_migration_control") == before


def test_unknown_values_can_stop_it_before_the_first_change(place, apply):
    before = place.fill(20).rows()
    with pytest.raises(BackfillRefusedError, match="hold values that the vocabulary does not"):
        apply(place, leave_unknown=False)
    assert place.rows() == before


@pytest.mark.parametrize("key", ["30", "[30]"])
def test_a_run_may_begin_behind_a_key(place, apply, key):
    place.fill(20, forms=["Seed"])
    assert apply(place, resume_from=key).at.rows_changed == 9
    assert [stage for _, stage in place.rows()] == ["Seed"] * 11 + ["seed"] * 9


@pytest.mark.parametrize(
    "key", ["x", "", '["\\ud800"]', '["\\u0000"]', "9" * 23, "[" * 3000 + "]" * 3000, "[true]", "[1, 2]"]
)
def test_what_is_no_key_begins_nothing_that_later_runs_would_go_on_with(place, apply, key):
    place.fill(20, forms=["Seed"])
    with pytest.raises(BackfillRefusedError, match=r"is no key of .*deals.stage \(id\)"):
        apply(place, resume_from=key)
    assert apply(place).at.rows_changed == 20


def test_all_in_one_transaction(place, normalizer, conduct):
    place.fill(100)
    target = Target.parse("deals", "stage")
    ended = run(place.database, target, normalizer, Allowance(no_receipt="a test"), conduct(7, transactional=True))
    assert (ended.at.batches, ended.at.rows_seen, ended.left.changing) == (1, 100, 0)


def test_a_second_run_on_the_target_is_refused(place, apply, normalizer, conduct):
    place.fill(100)
    refused = []

    def second(_progress):
        with pytest.raises(BackfillRefusedError, match="another run works on") as caught:
            apply(place)
        refused.append(caught)
        stop.set()

    stop = Event()
    allowance = Allowance(no_receipt="a test")
    run(place.database, Target.parse("deals", "stage"), normalizer, allowance, conduct(tell=second, stop=stop))
    assert refused
    assert apply(place).resumed


def test_the_last_run_that_says_something_is_verified(place, apply, conduct, normalizer):
    """One that found nothing to do hides no other; one that did not end is never passed over."""
    target = Target.parse("deals", "stage")
    place.fill(60)
    first = apply(place).at
    assert apply(place).at.rows_changed == 0
    assert last_run(place.database, target) == first.run
    place.ask("UPDATE deals SET stage = 'Seed'")
    stopped = conduct(7)
    stopped.stop.set()
    ended = run(place.database, target, normalizer, Allowance(no_receipt="a test"), stopped)
    assert last_run(place.database, target) == ended.at.run > first.run
    assert verify(place.database, ended.at.run, normalizer).conclusion is Conclusion.FAIL
