"""Reading CSV with exact texts: property tests against the standard library, and every fault by name."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm import DataFileError
from stagenorm.backfill import csv_records
from stagenorm.backfill.csv_records import read_records, replace_cell

TEXTS = st.text(
    st.one_of(st.sampled_from('",\r\n a+-\u2028\x85轮'), st.characters(codec="utf-8", exclude_characters="\0\ufeff")),
    max_size=8,
)


@st.composite
def cells(draw, content=TEXTS):
    """A cell as a file may hold it, and what it means."""
    value = draw(content)
    needs_quotes = value.startswith('"') or any(ch in value for ch in ",\r\n")
    quoted = '"' + value.replace('"', '""') + '"'
    return (quoted if needs_quotes or draw(st.booleans()) else value), value


@st.composite
def files(draw):
    """A rectangular file in any mixture of quoting and line endings, and the rows that it holds."""
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(cells(), min_size=width, max_size=width), min_size=1, max_size=6))
    texts = [",".join(text for text, _ in row) for row in rows]
    texts = [text or '""' for text in texts]  # an empty line is no row
    endings = [draw(st.sampled_from(["\n", "\r\n", "\r"])) for _ in rows]
    if draw(st.booleans()):
        endings[-1] = ""
    file = "".join(text + ending for text, ending in zip(texts, endings, strict=True))
    return file, [[value for _, value in row] for row in rows]


def read(text):
    return list(read_records(io.BytesIO(text.encode() if isinstance(text, str) else text), "x.csv"))


@given(files())
def test_texts_make_up_the_file_and_cells_are_what_any_reader_reads(file):
    text, rows = file
    records = read(text)
    assert "".join(record.text for record in records) == text
    assert [record.cells for record in records] == rows == list(csv.reader(io.StringIO(text, newline="")))


@given(files(), TEXTS, st.data())
def test_replacing_a_cell_changes_that_cell_and_no_other_character(file, value, data):
    text, _ = file
    record = data.draw(st.sampled_from(read(text)))
    place = data.draw(st.integers(0, len(record.cells) - 1))
    replaced = replace_cell(record.text, place, value or "x")
    (after,) = csv.reader(io.StringIO(replaced, newline=""))
    assert after == [*record.cells[:place], value or "x", *record.cells[place + 1 :]]
    # The other cells keep their quoting: without the cell itself the two texts are the same.
    before, behind = around(record, place)
    assert replaced.startswith(before)
    assert replaced.endswith(behind)


def around(record, place):
    """The text of a record before and behind one cell, found by blanking that cell to a mark that stands nowhere."""
    mark = "\N{SNOWMAN}" * 3
    before, behind = replace_cell(record.text, place, mark).split(mark)
    return before.removesuffix('"'), behind.removeprefix('"')


def test_quotes_stay_where_they_stood():
    assert replace_cell('1,"Seed","a ""b"""\r\n', 1, "seed") == '1,"seed","a ""b"""\r\n'
    assert replace_cell("1,Seed,x\n", 1, "seed") == "1,seed,x\n"
    assert replace_cell("1,Seed,x\n", 1, 'a,"b') == '1,"a,""b",x\n'


def test_lines_are_counted_through_cells_that_span_several():
    records = read('a,b\n1,"two\nlines"\n\n3,4\n')
    assert [(record.line, record.cells) for record in records] == [
        (1, ["a", "b"]),
        (2, ["1", "two\nlines"]),
        (4, []),
        (5, ["3", "4"]),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name_and_stays_in_the_text():
    (record,) = read("\ufeffraw,n\n")
    assert record.cells == ["raw", "n"]
    assert record.text == "\ufeffraw,n\n"
    assert read("raw\n\ufeffseed\n")[1].cells == ["\ufeffseed"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nS\xe9rie\n", r"x\.csv, line 2: byte 0xE9 is not UTF-8: save the file as UTF-8"),
        ("a\nSeed\n".encode("utf-16"), r"x\.csv, line 1: byte 0xFF is not UTF-8"),
        (b"a\n1\n\xed\xa0\x80\n", r"x\.csv, line 3: byte 0xED is not UTF-8"),
        (b"a\nse\0ed\n", r"x\.csv, line 2: holds a NUL byte"),
        (b'a,b\n1,2\n"open,3\n4,5\n', r"x\.csv, line 3: the record that begins here is not CSV .*close every quote"),
        (b'a\n"Seed" A\n', r"x\.csv, line 2: the record that begins here is not CSV"),
        (b"a\n" + b"x" * 200_000 + b"\n", r"x\.csv, line 2: .*field larger than field limit.*131,072 characters"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(content, message):
    with pytest.raises(DataFileError, match=message):
        read(content)


def test_records_before_the_fault_are_still_given():
    records = read_records(io.BytesIO(b"a\n1\n\xff\n"), "x.csv")
    assert [next(records).cells, next(records).cells] == [["a"], ["1"]]
    with pytest.raises(DataFileError):
        next(records)


@pytest.mark.parametrize("content", ["a\n" + "1," * 100 + "\n", "a\n" + '"1\n2",' * 30 + "\n"])
def test_a_record_without_end_is_not_held(monkeypatch, content):
    monkeypatch.setattr(csv_records, "MAX_RECORD", 100)
    with pytest.raises(DataFileError, match=r"line 2: the record that begins here is longer than 100 characters"):
        read(content)


def test_the_longest_record_is_still_read(monkeypatch):
    monkeypatch.setattr(csv_records, "MAX_RECORD", 100)
    assert [len(record.text) for record in read("x" * 99 + "\n" + "y" * 99 + "\n")] == [100, 100]
    with pytest.raises(DataFileError, match="line 2"):
        read("x" * 99 + "\n" + "y" * 100 + "\n")


def test_a_file_that_stops_being_readable_is_named():
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _):
            raise OSError(5, "Input/output error")

    with pytest.raises(DataFileError, match=r"x\.csv cannot be read: Input/output error"):
        list(read_records(io.BufferedReader(Broken()), "x.csv"))
