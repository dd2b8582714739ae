"""One column of a CSV file: counted, and written normalized with every other byte as it was."""

import csv
import io
import tracemalloc

import pytest

from stagenorm import INVESTMENT_STAGES, DataFileError, Normalizer
from stagenorm.backfill.csv_column import normalize_column
from stagenorm.events import FindingKind
from stagenorm.observe.census import KINDS, Census


def run(content, column="raw", **options):
    census = Census(Normalizer(INVESTMENT_STAGES))
    out = io.BytesIO()
    normalize_column(
        io.BytesIO(content.encode("utf-8", "surrogateescape")), "x.csv", column, census, out=out, **options
    )
    return census, out.getvalue().decode()


def test_aliases_are_replaced_and_all_else_stays_as_it_was():
    content = (
        '\ufeffid,"raw",note\r\n'
        '1,"Series A","said ""Seed"""\n'
        "2,seed,Seed\r\n"
        "\r\n"
        "3, Seed Round ,007\n"
        '4,"two\nlines",x\n'
        "5,Angel,"
    )
    census, out = run(content)
    assert out == content.replace('"Series A"', '"series-a"').replace(" Seed Round ", "seed")
    assert census.seen == {FindingKind.ALIAS: 2, FindingKind.CANONICAL: 1, FindingKind.UNKNOWN: 2}


def test_white_space_in_a_value_is_exact():
    census, out = run('raw\n"seed "\nseed\n')
    assert census.seen == {FindingKind.ALIAS: 1, FindingKind.CANONICAL: 1}
    assert out == 'raw\n"seed"\nseed\n'


def test_weights_count_per_kind():
    census, _ = run("n,raw\n5,Seed\n0.5,seed\n1e2,Angel\n0,Angel\n", weight="n")
    assert census.weights == {FindingKind.CANONICAL: 0.5, FindingKind.ALIAS: 5, FindingKind.UNKNOWN: 100}


def test_whole_weights_stay_exact_however_large():
    assert run("n,raw\n9007199254740993,Seed\n", weight="n")[0].weights[FindingKind.ALIAS] == 9007199254740993


def test_without_a_weight_each_row_counts_once():
    census, _ = run("raw\nSeed\nSEED\nseed\n")
    assert census.weights == {**dict.fromkeys(KINDS, 0), **census.seen}


def test_the_result_is_normal_already():
    once = run('id,raw\n1,"Series A"\n2,Angel\n3,SEED\n')[1]
    assert run(once)[1] == once


def test_a_header_alone_holds_nothing():
    census, out = run("raw\n")
    assert not census.seen
    assert out == "raw\n"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, r"x\.csv: line 1 is no header"),
        ("\nraw\n", {}, r"x\.csv: line 1 is no header"),
        ("id,Stage\n", {}, r"x\.csv: no column named 'raw': name one of 'id', 'Stage'"),
        ("raw\nS\udce9rie\n", {}, r"x\.csv, line 2: byte 0xE9 is not UTF-8"),
        ("raw,raw\n", {}, r"x\.csv: several columns named 'raw'"),
        ("raw\n", {"weight": "n"}, r"x\.csv: no column named 'n': name one of 'raw'"),
        ("a,raw\n1,2\n1\n", {}, r"x\.csv, line 3: 1 cells under 2 columns"),
        ("a,raw\n1,Seed,2\n", {}, r"x\.csv, line 2: 3 cells under 2 columns"),
        ("raw,n\nSeed,many\n", {"weight": "n"}, r"x\.csv, line 2: the weight 'many' is no number from 0 up"),
        ("raw,n\nSeed,\n", {"weight": "n"}, r"the weight '' is no number"),
        ("raw,n\nSeed,-1\n", {"weight": "n"}, r"the weight '-1' is no number"),
        ("raw,n\nSeed,nan\n", {"weight": "n"}, r"the weight 'nan' is no number"),
        ("raw,n\nSeed,1e999\n", {"weight": "n"}, r"the weight '1e999' is no number"),
        ("raw,n\nSeed," + "9" * 5000 + "\n", {"weight": "n"}, r"the weight '9{64}' is no number"),
    ],
)
def test_what_cannot_be_counted_is_named_with_its_place(content, options, message):
    with pytest.raises(DataFileError, match=message):
        run(content, **options)


def test_a_file_far_larger_than_the_memory_it_takes(tmp_path):
    row = b'"Series A","' + b"x" * 1000 + b'"\n'
    path = tmp_path / "large.csv"
    path.write_bytes(b"raw,note\n" + row * 20_000)
    tracemalloc.start()
    with path.open("rb") as source, (tmp_path / "out.csv").open("wb") as out:
        normalize_column(source, "large.csv", "raw", Census(Normalizer(INVESTMENT_STAGES)), out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000 < path.stat().st_size / 10
    with (tmp_path / "out.csv").open(newline="") as out:
        assert {row["raw"] for row in csv.DictReader(out)} == {"series-a"}
