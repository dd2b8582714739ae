"""What may be no target, and why: each is refused before anything changes."""

from contextlib import suppress

import psycopg
import pytest

from stagenorm.backfill.control import exist
from stagenorm.backfill.database import Database
from stagenorm.backfill.run import Allowance, plan, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.verify import verify
from stagenorm.cli.database_options import DatabaseOptions
from stagenorm.errors import BackfillRefusedError, ConfigurationError, DatabaseError


@pytest.mark.parametrize("value", ["a\0b", b"a", 1.5])
def test_keys_that_a_log_could_not_name_again_are_refused_on_sqlite(on_sqlite, normalizer, value):
    on_sqlite.ask("CREATE TABLE deals (id PRIMARY KEY NOT NULL, stage text)")
    on_sqlite.ask("INSERT INTO deals VALUES (?, 'Seed')", value)
    with pytest.raises(BackfillRefusedError, match="id holds BLOBs, REALs or NULs"):
        plan(on_sqlite.database, Target.parse("deals", "stage"), normalizer)


@pytest.mark.parametrize(
    "condition",
    [
        "1 = 1) OR (1 = 1",
        "id < 3) OR id > 1 OR (id = 2",
        "id = 1) OR (id = 99999",
        "id = 1))) OR (((1 = 0",
        "id = NUL",
        "id > 0 ORDER BY id",
        "id > 0 UNION SELECT 1",
    ],
)
def test_a_filter_that_gets_out_of_its_brackets_is_refused(place, normalizer, condition):
    place.fill(20, forms=["Seed"])
    with pytest.raises(BackfillRefusedError, match=r"is no condition: .*: correct it, and close all of its brackets"):
        plan(place.database, Target.parse("deals", "stage", condition=condition), normalizer)


@pytest.mark.parametrize(
    ("table", "column", "key", "why"),
    [
        ("absent", "stage", "", "has no table absent: check"),
        ("deals", "absent", "", "has no column 'absent'"),
        ("deals", "stage", "absent", "has no column 'absent'"),
        ("deals", "stage", "note", r"\(note\) is not unique"),
        ("loose", "stage", "", "has no primary key"),
        ("loose", "stage", "id", "is NULL in some rows"),
        ("deals", "id", "", "is part of the key|only a column of text"),
        ("deals; DROP TABLE deals", "stage", "", "has no table"),
    ],
)
def test_what_cannot_be_worked_with_is_refused_and_nothing_changes(place, normalizer, table, column, key, why):
    place.ask("CREATE TABLE deals (id integer PRIMARY KEY, stage text, note text)")
    place.ask("CREATE TABLE loose (id integer UNIQUE, stage text)")
    place.ask("INSERT INTO loose VALUES (NULL, 'Seed')")
    with pytest.raises(BackfillRefusedError, match=why):
        run(
            place.database,
            Target.parse(table, column, [key] if key else ()),
            normalizer,
            Allowance(no_receipt="a test"),
            None,
        )
    with place.database.reading() as connection:
        assert not exist(connection)


@pytest.mark.parametrize(
    ("made", "key", "why"),
    [
        (["CREATE TABLE heir () INHERITS (deals)"], (), "tables inherit from it"),
        (["ALTER TABLE deals ADD COLUMN stagenorm_run int"], (), "has a column 'stagenorm_run'"),
        (
            [
                "ALTER TABLE deals ADD COLUMN code int DEFAULT 1",
                "CREATE UNIQUE INDEX CONCURRENTLY broken ON deals (code)",  # fails, and leaves it
            ],
            ("code",),
            r"\(code\) is not unique",
        ),
        (
            [
                "ALTER TABLE deals ADD COLUMN code text COLLATE loose",
                'CREATE UNIQUE INDEX strict ON deals (code COLLATE "C")',
            ],
            ("code",),
            r"\(code\) is not unique",
        ),
    ],
    ids=["inherited", "named as a parameter", "invalid index", "index of another collation"],
)
def test_rows_that_a_key_does_not_tell_apart_are_refused_on_postgresql(on_postgresql, normalizer, made, key, why):
    place = on_postgresql.fill(20, forms=["Seed"])
    if "loose" in made[0]:
        try:
            place.ask("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
        except psycopg.errors.FeatureNotSupported:  # a server without ICU has no such collations
            return
    for sql in made:
        with suppress(psycopg.errors.UniqueViolation):
            place.ask(sql)
    with pytest.raises(BackfillRefusedError, match=why):
        plan(place.database, Target.parse("deals", "stage", key), normalizer)


def test_a_filter_is_not_blamed_for_what_a_role_may_not_read(on_postgresql, normalizer):
    on_postgresql.fill(20)
    for sql in ("DROP ROLE IF EXISTS blind", "CREATE ROLE blind LOGIN", "GRANT USAGE ON SCHEMA public TO blind"):
        on_postgresql.ask(sql)
    database = Database(on_postgresql.url.replace("postgres@", "blind@"))
    with pytest.raises(DatabaseError, match="permission denied for table deals"):
        plan(database, Target.parse("deals", "stage", condition="id > 3"), normalizer)


@pytest.mark.parametrize("given", [("\udcff", "stage"), ("deals", "st\udcffge"), ("deals", "stage", ("\udcff",))])
def test_names_that_are_not_utf_8_are_refused(given):
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        Target.parse(*given)
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        Target.parse("deals", "stage", condition="stage = '\udcff'")


def test_the_service_s_database_is_known_by_another_name_of_its_server(on_postgresql, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAGENORM_DATABASE", on_postgresql.url)
    other = on_postgresql.url.replace("127.0.0.1", "localhost")
    assert other != on_postgresql.url
    assert DatabaseOptions(other).is_the_service_s(Database(other))
    monkeypatch.setenv("STAGENORM_DATABASE", other.replace("postgres@", "nobody:wrong@"))
    assert DatabaseOptions(other).is_the_service_s(Database(other)), "whoever may log in"


def test_a_role_that_does_not_see_all_rows_is_refused(on_postgresql, normalizer, apply):
    place = on_postgresql.fill(20, forms=["Seed"])
    apply(place)
    for sql in (
        "ALTER TABLE deals ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY low ON deals USING (id < 9)",
        "DROP ROLE IF EXISTS hidden",
        "CREATE ROLE hidden LOGIN",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO hidden",
        "GRANT USAGE ON SCHEMA public TO hidden",
    ):
        place.ask(sql)
    database = Database(place.url.replace("postgres@", "hidden@"))
    try:
        with pytest.raises(BackfillRefusedError, match="row security may hide rows"):
            plan(database, Target.parse("deals", "stage"), normalizer)
        with pytest.raises(BackfillRefusedError, match="row security may hide rows"):
            verify(database, 1, normalizer)
    finally:
        place.ask("DROP OWNED BY hidden")
        place.ask("DROP ROLE hidden")


@pytest.mark.parametrize("table", ["", "a.b.c", "a.", '"a', ".a"])
def test_a_name_that_is_none(table):
    with pytest.raises(ConfigurationError, match=r"write TABLE or SCHEMA.TABLE"):
        Target.parse(table, "stage")
