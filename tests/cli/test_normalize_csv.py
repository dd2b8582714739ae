"""``stagenorm normalize --csv``: counts, top unknown forms, the file written, and every way it can go wrong."""

import csv
import json
import os
import signal
import time
from importlib.resources import files

import pytest

WRITTEN_FORMS = files("stagenorm.demo") / "written_forms.csv"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "companies.csv"
    path.write_bytes(b'name,stage,n\r\nAda,"Series A",5\r\nBo,seed,1\r\nCy,Angel,3\r\nDi,Seies A,4\r\nEd,Angel,0\r\n')
    return path


def test_the_written_forms_of_public_data_come_out_as_labelled(invoke, tmp_path):
    done = invoke("normalize", "--csv", WRITTEN_FORMS, "--column", "raw", "--out", tmp_path / "out.csv", "--json")
    assert done.exit_code == 1
    with WRITTEN_FORMS.open(newline="", encoding="utf-8") as before:
        rows = list(csv.DictReader(before))
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as after:
        written = [row["raw"] for row in csv.DictReader(after)]
    assert len(rows) == len(written) == 480
    for row, value in zip(rows, written, strict=True):
        due = [row["raw"] if label == "UNKNOWN" else label for label in row["expected"].split("|")]
        assert value in due, row
    counts = json.loads(done.stdout)
    assert counts["rows"] == 480
    assert counts["unknown"] == sum("UNKNOWN" in row["expected"] for row in rows)
    assert counts["matched"] + counts["unknown"] == counts["rows"]


def test_counts_with_weights_for_machines(invoke, file):
    done = invoke("normalize", "--csv", file, "--column", "stage", "--weight", "n", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "file": str(file),
        "column": "stage",
        "weight": "n",
        "out": None,
        "rows": 5,
        "matched": 2,
        "canonical": 1,
        "alias": 1,
        "unknown": 3,
        "weighted": {"total": 13, "matched": 6, "canonical": 1, "alias": 5, "unknown": 7},
        "distinct_unknown": 2,
        "top_unknown_exact": True,
        "top_unknown": [
            {
                "raw": "Seies A",
                "count": 4,
                "at_least": 4,
                "reason": "not-in-vocabulary",
                "explanation": "'Seies A' is not in the vocabulary",
                "suggestions": ["series-a"],
            },
            {
                "raw": "Angel",
                "count": 3,
                "at_least": 3,
                "reason": "not-in-vocabulary",
                "explanation": "'Angel' is not in the vocabulary",
                "suggestions": [],
            },
        ],
    }


def test_without_weights_rows_are_counted(invoke, file):
    counts = json.loads(invoke("normalize", "--csv", file, "--column", "stage", "--json").stdout)
    assert counts["weighted"] is None
    assert [(form["raw"], form["count"]) for form in counts["top_unknown"]] == [("Angel", 2), ("Seies A", 1)]


def test_a_report_for_people(invoke, file):
    lines = invoke("normalize", "--csv", file, "--column", "stage", "--weight", "n").stdout.splitlines()
    assert lines[0] == f"{file}, column stage"
    words = [line.split() for line in lines]
    assert ["unknown", "3", "60.0%", "7", "53.8%"] in words
    assert ["Seies", "A", "4", "not-in-vocabulary", "series-a"] in words


def test_names_of_columns_are_shown_as_they_are(invoke, tmp_path):
    (tmp_path / "x.csv").write_text("[red],\nAngel,3\nSeed,4\n")
    done = invoke("normalize", "--csv", tmp_path / "x.csv", "--column", "[red]", "--weight", "")
    assert "x.csv, column [red]" in done.stdout
    assert ["alias", "1", "50.0%", "4", "57.1%"] in [line.split() for line in done.stdout.splitlines()]
    done = invoke("normalize", "--csv", tmp_path / "x.csv", "--column", "", "--weight", "[red]")
    assert done.exit_code == 1
    assert "the weight 'Angel' is no number" in done.stderr


def test_a_column_of_known_values_exits_0(invoke, tmp_path):
    (tmp_path / "x.csv").write_text("stage\nSeed\nseed\n")
    done = invoke("normalize", "--csv", tmp_path / "x.csv", "--column", "stage")
    assert done.exit_code == 0
    assert "unknown form" not in done.stdout


def test_out_writes_the_column_normalized_and_all_else_as_it_was(invoke, file, tmp_path):
    done = invoke("normalize", "--csv", file, "--column", "stage", "--out", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == file.read_bytes().replace(b"Series A", b"series-a")
    assert done.stdout.splitlines()[-1] == f"written: {tmp_path}/out.csv"


def test_a_terminal_sees_how_far_the_file_has_been_read(on_a_terminal, file):
    seen = on_a_terminal("normalize", "--csv", file, "--column", "stage")
    size = file.stat().st_size
    assert f"{size}/{size} bytes" in seen
    assert seen.index("bytes") < seen.index("unknown form")


def test_many_unknown_forms_are_said_to_be_more_than_are_shown(invoke, tmp_path):
    (tmp_path / "x.csv").write_text("stage\n" + "".join(f"form {number}\n" for number in range(30)))
    done = invoke("normalize", "--csv", tmp_path / "x.csv", "--column", "stage")
    assert "These are the most frequent 20 of 30 distinct unknown forms." in done.stdout


def test_more_unknown_forms_than_can_be_told_apart_are_said_to_be_bounds(invoke, tmp_path):
    (tmp_path / "x.csv").write_text("stage\n" + "".join(f"form {number}\n" for number in range(10_001)))
    done = invoke("normalize", "--csv", tmp_path / "x.csv", "--column", "stage")
    assert "There are more than 10,000 distinct unknown forms" in done.stdout
    assert "<= 2" in done.stdout
    counts = json.loads(invoke("normalize", "--csv", tmp_path / "x.csv", "--column", "stage", "--json").stdout)
    assert counts["unknown"] == 10_001
    assert not counts["top_unknown_exact"]


@pytest.mark.parametrize("alias", ["companies.csv", "./companies.csv", "link.csv", "hard.csv"])
def test_the_input_is_never_written(invoke, file, tmp_path, monkeypatch, alias):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.csv").symlink_to(file)
    (tmp_path / "hard.csv").hardlink_to(file)
    before = file.read_bytes()
    done = invoke("normalize", "--csv", file, "--column", "stage", "--out", alias)
    assert done.exit_code == 1
    assert "is the file that is read: write to another" in done.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "line 1 is no header"),
        (b"name\nAda\n", "no column named 'stage': name one of 'name'"),
        (b"stage\nS\xe9\n", "line 2: byte 0xE9 is not UTF-8"),
        (b"stage,n\nSeed\n", "line 2: 1 cells under 2 columns"),
        (b"stage\nse\0ed\n", "line 2: holds a NUL byte"),
    ],
)
def test_a_file_that_cannot_be_read_exits_1_in_one_line_and_leaves_the_old_output(invoke, tmp_path, content, message):
    path, out = tmp_path / "x.csv", tmp_path / "out.csv"
    out.write_text("old")
    if content is not None:
        path.write_bytes(content)
    done = invoke("normalize", "--csv", path, "--column", "stage", "--out", out)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"stagenorm: {path}")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert out.read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} <= {"x.csv", "out.csv"}


def test_an_output_that_cannot_be_written_exits_1_and_says_so(invoke, file, tmp_path):
    done = invoke("normalize", "--csv", file, "--column", "stage", "--out", tmp_path / "absent" / "out.csv")
    assert done.exit_code == 1
    assert "absent/out.csv cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize(("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_no_part_of_a_file(start, tmp_path, signal_, code):
    # A pipe that never ends: the command is in the middle of it for as long as the test wants.
    pipe = tmp_path / "endless.csv"
    os.mkfifo(pipe)
    (tmp_path / "out.csv").write_text("old")
    process = start("normalize", "--csv", pipe, "--column", "stage", "--out", "out.csv")
    with pipe.open("w") as feed:
        feed.write("stage\n" + "Series A\n" * 10_000)
        feed.flush()
        until(lambda: [part for part in tmp_path.glob(".out.csv.*.part") if part.stat().st_size])
        process.send_signal(signal_)
        assert process.wait(timeout=60) == code
    assert process.stderr.read() == ""
    assert (tmp_path / "out.csv").read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"endless.csv", "out.csv"}


def until(seen, seconds=30):
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)
