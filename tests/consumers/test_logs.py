"""Access logs as a whole: counted right whatever is in them, and however they are packed."""

import gzip
import os
import subprocess
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stagenorm import Endpoint, QueryField
from stagenorm.consumers import log_files
from stagenorm.consumers.clock import read_clock
from stagenorm.consumers.json_lines import read_json
from stagenorm.consumers.log_files import read_logs
from stagenorm.consumers.log_scan import Scan
from stagenorm.consumers.networks import Networks
from stagenorm.consumers.requests import Requests
from stagenorm.consumers.tally import Consumer, Tally
from stagenorm.consumers.text_lines import read_text
from stagenorm.errors import DataFileError
from tests.consumers.conftest import ENDPOINTS, line

SAMPLE = Path(__file__).parent / "access-combined.log"
PUBLIC = (
    Endpoint("tags", "GET", "/blog/tags/{tag}", [QueryField("q")]),
    Endpoint("projects", "GET", "/projects/{name}", [QueryField("q")]),
    Endpoint("favicon", "GET", "/favicon.ico", [QueryField("q")]),
)
PATTERNS = {"tags": "^/blog/tags/[^/]+/?$", "projects": "^/projects/[^/]+/?$", "favicon": "^/favicon.ico/?$"}
OTHER = line("/elsewhere", "17/May/2015:09:00:00 +0000", peer="192.0.2.1")


def by_awk(pattern):
    program = (
        r'($6 == "\"GET" || $6 == "\"HEAD") { split($7, p, "?"); if (p[1] ~ pattern) { n++; sub(/\.[0-9]+$/, ".0/24", $1);'
        r" if (!seen[$1]++) c++ } } END { print n, c }"
    )
    done = subprocess.run(
        ["awk", "-v", f"pattern={pattern}", program, str(SAMPLE)], capture_output=True, check=True, text=True
    )
    return tuple(map(int, done.stdout.split()))


def test_a_public_log_is_counted_as_awk_counts_it(audit):
    told = audit(SAMPLE.read_bytes(), endpoints=PUBLIC)
    for name, pattern in PATTERNS.items():
        seen = told.endpoints[name]
        assert (told.requests(name), len({each.consumer.network for each in seen})) == by_awk(pattern)
    assert (told.lines, told.malformed) == (2000, 0)


def content(tmp_path, data, name="access.log"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


PACKED = {
    "gzip": gzip.compress,
    "two gzips": lambda data: gzip.compress(data[:5000]) + gzip.compress(data[5000:]),
    "zstd": zstandard.compress,
    "two frames": lambda data: zstandard.compress(data[:5000]) + zstandard.compress(data[5000:]),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_logs_say_the_same(audit, name):
    plain = audit(SAMPLE.read_bytes(), endpoints=PUBLIC)
    assert audit(PACKED[name](SAMPLE.read_bytes()), endpoints=PUBLIC) == plain


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_log_that_ends_early_is_an_error(tmp_path, pack):
    packed = content(tmp_path, pack(SAMPLE.read_bytes())[:-500])
    with pytest.raises(DataFileError, match="ends early or is damaged"):
        read_logs([packed], PUBLIC, Networks.parse(), 60)


def test_a_pipe_is_read_once(tmp_path):
    """As a shell's <(...) hands it over, beside a file."""
    pipe, plain = tmp_path / "pipe", content(tmp_path, line() * 2)
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", 'exec cat "$0" > "$1"', str(SAMPLE), str(pipe)]) as writer:
        found = read_logs([pipe, plain], PUBLIC, Networks.parse(), 60)
        assert writer.wait(20) == 0
    assert [each.lines for each in found.values()] == [2000, 2]


@pytest.mark.parametrize("part", [1000, 4096, 100_000])
def test_parts_of_a_log_add_up(audit, monkeypatch, part):
    """Read by two processes, and begun amid lines, it says what it says as a whole; line numbers included."""
    data = SAMPLE.read_bytes() + b"nonsense\n"
    whole = audit(data, endpoints=PUBLIC)
    monkeypatch.setattr(log_files, "_PART", part)
    monkeypatch.setattr(log_files, "_BLOCK", 700)
    assert audit(data, endpoints=PUBLIC) == whole
    assert whole.samples == (("access0.log", 2001, "nonsense"),)


def test_malformed_lines_are_counted_and_shown(audit):
    odd = [b"nonsense", b"\0" * 20, b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /api/funds/7/companies', b"\xff\xfe\x1b[2J", line(moment="31/Feb/2015:10:00:00 +0000").strip()]  # fmt: skip
    told = audit(b"".join([line() * 10, *(each + b"\n" for each in odd), b"\n", line() * 10, line().rstrip(b"\n")]))
    assert (told.requests("companies"), told.malformed) == (21, 4)
    assert [number for _, number, _ in told.samples] == [11, 13, 14, 15]


def test_a_log_of_lines_that_are_all_alike_in_another_way(audit):
    """Formats whose lines have other quotes than the combined one."""
    common = b'10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /api/funds/7/companies HTTP/1.1" 200 5\n'
    hosted = b'10.0.0.1 - - [17/May/2015:10:05:03 +0000] shop.example "GET /api/funds/7/companies HTTP/1.1" 200 5 "-" "x/1"\n'
    nginx = line().rstrip(b"\n") + b' "198.51.100.7"\n'
    for each in (common, hosted, nginx, b"\r\n".join([line().strip()] * 2) + b"\r\n"):
        told = audit(each * 20)
        assert told.requests("companies") == told.lines
        assert told.malformed == 0
    assert audit(common * 3 + nginx * 5 + hosted * 4 + line() * 2).requests("companies") == 14


def test_a_line_of_a_megabyte_breaks_nothing(audit, monkeypatch):
    monkeypatch.setattr(log_files, "_LONGEST_LINE", 2 << 20)
    long = line("/api/funds/7/companies?" + "x" * (1 << 20))
    told = audit(line() + long + b"y" * (7 << 20) + b"\n" + line())
    assert (told.lines, told.requests("companies"), told.malformed) == (4, 3, 1)


@pytest.mark.parametrize("target", [
    "/api/funds/7/companies", "/api/funds/7/companies/", "//api//funds/7/companies?stage=x", "/api/funds/a%2Fb/companies",
    "/%61pi/funds/7/companies", "http://shop.example/api/funds/7/companies?x", "/api/funds/7/compani%65s",
])  # fmt: skip
def test_a_path_counts_however_it_is_written(audit, target):
    expected = 0 if "%2F" in target else 2  # a slash that is written so divides segments where the host decodes first
    told = audit(line(target) * 2 + OTHER)
    assert told.requests("companies") == expected


def test_what_is_no_request_to_an_endpoint_does_not_count(audit):
    others = [
        "/api/funds/companies",
        "/api/funds/7/companies/9",
        "/xapi/funds/7/companies",
        "/api/funds/7/companiesx",
        "/",
    ]
    told = audit(
        b"".join([*map(line, others), line(method="POST"), line(agent="/api/funds/7/companies")[:-2] + b'"\n'])
    )
    assert told.requests("companies") == 1  # the last
    assert audit(line(method="HEAD") + line(method="get")).requests("companies") == 2


@given(st.text(alphabet="/abp%6125fund7scomie?x.", max_size=40))
def test_no_request_line_escapes_the_quick_look(path):
    """Whatever the whole path is, a request to an endpoint is a candidate."""
    requests = Requests(ENDPOINTS)
    for target in (f"/{path}", f"/api/funds/{path}/companies", f"/api/{path}"):
        if requests.endpoint(b"GET", target.encode()):
            assert requests.candidate.search(line(target))


def test_the_window_is_by_the_logs_own_clock(audit):
    days = b"".join(line(moment=f"{day:02}/May/2015:12:00:00 +0000") for day in range(1, 21))
    assert audit(days).requests("companies") == 8  # both ends of seven days
    assert audit(days, days=2).requests("companies") == 3
    assert audit(days[: len(days) // 2], days[len(days) // 2 :]).requests("companies") == 8
    edge = line(moment="13/May/2015:11:59:59 +0000") + line(moment="20/May/2015:12:00:00 +0000")
    assert audit(edge).requests("companies") == 1


def test_the_newest_line_may_stand_anywhere_and_call_nothing(audit):
    told = audit(line(moment="10/May/2015:10:00:00 +0000") + line("/x", "17/May/2015:10:00:01 +0000") + line() * 3)
    assert told.end == 1431857103
    told = audit(line("/x", "18/May/2015:10:59:58 +0000") + line(moment="11/May/2015:10:59:57 +0000") * 4 + line())
    assert told.requests("companies") == 1


def test_a_clock_that_jumps_is_passed_over(audit):
    future = line("/x", "01/Jan/2038:00:00:00 +0000")
    told = audit(line() * 150 + future + line() * 150)
    assert (told.requests("companies"), told.jumped) == (300, 1)
    edge = line(moment="10/May/2015:10:05:03 +0000") + line(moment="10/May/2015:10:05:02 +0000")
    assert audit(edge + line() * 300 + future).requests("companies") == 301
    past = line(moment="01/Jan/1970:00:00:00 +0000")
    assert audit(line() * 5 + past).requests("companies") == 5
    assert audit(line() * 5 + future).requests("companies") == 0  # one line in six is no accident


def test_a_clock_that_is_wrong_at_the_end_of_a_large_file_hides_nothing(audit, monkeypatch):
    """What is older than the end of a file is passed over, and read again where that end was wrong."""
    monkeypatch.setattr(log_files, "_PART", 2000)
    monkeypatch.setattr(log_files, "_BLOCK", 500)
    old = line(moment="01/May/2015:12:00:00 +0000") * 150
    assert audit(old + line() * 150).requests("companies") == 150
    told = audit(old + line() * 150 + line("/x", "01/Jan/2038:00:00:00 +0000"))
    assert (told.requests("companies"), told.jumped) == (150, 1)


def test_a_clock_needs_an_hour():
    assert read_clock({}, {}, 60) is None


def test_zones_are_honoured(audit):
    told = audit(line(moment="17/May/2015:00:30:00 +0530") + line(moment="16/May/2015:14:00:00 -0500"))
    [seen] = told.endpoints["companies"]
    assert (seen.first, seen.last) == (1431802800, 1431802800)


def test_who_called(audit):
    told = audit(
        line(peer="10.1.2.3", agent="nightly-import/2.0") * 3
        + line(peer="203.0.113.8", agent="python-requests/2.31")
        + line(peer="203.0.113.200", agent="python-requests/2.28")
        + line(
            peer="2001:db8:1:2::3",
            agent="Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
        )
        + line(peer="crawler.example", agent="-")
    )
    assert [(*each.consumer[1:], each.requests) for each in told.endpoints["companies"]] == [
        ("10.1.2.0/24", True, "nightly-import", 3),
        ("203.0.113.0/24", False, "Python Requests", 2),
        ("2001:db8:1::/48", False, "Chrome", 1),
        ("crawler.example", False, "unknown", 1),
    ]


def test_what_was_forwarded_is_believed_of_trusted_proxies_alone(audit):
    behind = line(peer="10.9.0.1").rstrip(b"\n") + b' "198.51.100.7, 10.9.0.2"\n'
    spoofed = line(peer="203.0.113.9").rstrip(b"\n") + b' "10.0.0.1"\n'
    told = audit(behind * 3 + spoofed, trusted=["10.9.0.0/16"])
    assert [(each.consumer.network, each.consumer.internal) for each in told.endpoints["companies"]] == [
        ("198.51.100.0/24", False),
        ("203.0.113.0/24", False),
    ]


def test_memory_is_bounded_and_counts_stay_right(audit, monkeypatch):
    monkeypatch.setattr("stagenorm.consumers.tally._EXACT", 50)
    monkeypatch.setattr("stagenorm.consumers.tally._CONSUMERS", 4)
    told = audit(b"".join(line(peer=f"198.51.{number}.1") for number in range(200)))
    assert told.requests("companies") == 200
    assert len(told.endpoints["companies"]) == 5


def test_beyond_many_moments_are_kept_to_the_hour(monkeypatch):
    monkeypatch.setattr("stagenorm.consumers.tally._EXACT", 2)
    tally, consumer = Tally(), Consumer("companies", "198.51.0.0/24", False, "curl")
    tally.add(consumer, [7201, 7202])
    assert [(seen.first, seen.last) for seen in tally.since(0, 7202)] == [(7201, 7202)]
    tally.add(consumer, [7203])
    assert tally.held == 0
    [seen] = tally.since(7203, 9999)
    assert (seen.requests, seen.first, seen.last, seen.days) == (3, 7200, 7200, {0: 3})


KINDS = (
    line(),
    line("/elsewhere", "17/May/2015:11:59:59 +0000"),
    line(method="HEAD", agent="job/2"),
    line(moment="18/May/2015:00:05:03 +0200"),
    line(moment="99/May/2015:10:05:03 +0000"),
    line().replace(b"/May/", b"/Foo/"),
    line(agent='a \\"quoted\\" one'),
    line().rstrip(b"\n") + b' "198.51.100.7"\n',
    line().rstrip(b"\n") + b" 0.003\r\n",
    b"shop.example " + line(),
    b"\0\0\0" + line(),
    line().partition(b' "-"')[0] + b"\n",
    line()[:-3] + b"\n",
    b'{"time": "2015-05-17T10:05:03Z", "method": "GET", "path": "/api/funds/7/companies", "ip": "203.0.113.9"}\n',
    b"{\n",
    b"\xff\xfe\n",
    b"\n",
)


@given(st.lists(st.sampled_from(KINDS), max_size=40), st.integers(1, 5))
def test_a_block_says_what_its_lines_say_one_by_one(lines, size):
    scan, expected, malformed = Scan(Requests(ENDPOINTS), Networks.parse()), 0, 0
    for place in range(0, len(lines), size):
        scan.read(b"".join(lines[place : place + size]))
    for each in lines:
        text = each.strip(b"\0\r\n")
        record = read_json(text) if text.startswith(b"{") else read_text(text)
        malformed += bool(text) and record is None
        expected += record is not None and Requests(ENDPOINTS).endpoint(record.method, record.target) is not None
    found = scan.found()
    assert (found.lines, found.malformed) == (len(lines), malformed)
    assert sum(map(len, found.tally.exact.values())) == expected


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_whatever_is_in_a_log_breaks_nothing(blocks):
    scan = Scan(Requests(ENDPOINTS), Networks.parse())
    for block in blocks:
        scan.read(block + b"\n" + line() + block)
    assert scan.found().lines >= 2 * len(blocks)
