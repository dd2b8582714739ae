"""In enforce a handler reads canonical values or is not reached, however a request is built, in every framework."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagenorm import INVESTMENT_STAGES
from stagenorm.testing import assert_boundary_holds
from stagenorm.testing.drivers import driving
from stagenorm.testing.requests import Expected, GeneratedRequest, Way

FORMS = [
    "series-a",
    "series-c+",
    "Series A",
    "Series C+",
    "SEED",
    "angel",
    "",
    " seed ",
    "s\u0435ed",
    "null",
    "a" * 300,
]

# Bodies, from fragments that are nearly JSON: duplicate and escaped keys, odd numbers, wrong shapes, white space.
SPACES = st.sampled_from(["", " ", "\n", "\t\r\n ", "\v", "\u00a0"])
KEYS = st.sampled_from(
    ["stageDistribution", "stage", "allocations", "note", "st\\u0061ge", "stageDistributio\\u006e", "alloc\\u0061tions"]
)
SPELLINGS = st.sampled_from([*FORMS, "series\\u002da", "\\u0053eed", "\\ud800", "Series\\tA", "\\/", 'seed\\"', "\\q"])
SCALARS = st.one_of(
    SPELLINGS.map('"{}"'.format),
    st.sampled_from(
        ["null", "true", "1", "-0.0", "1e999", "NaN", "Infinity", "01", "1E+2", "'seed'", "", "[" * 200 + "]" * 200]
    ),
)


def _object(children):
    member = st.builds('{}"{}"{}:{}{}'.format, SPACES, st.one_of(KEYS, SPELLINGS), SPACES, SPACES, children)
    return st.lists(member, max_size=4).map(lambda members: "{" + ",".join(members) + "}")


def _array(children):
    return st.lists(children, max_size=4).map(lambda items: "[" + ",".join(items) + "]")


VALUES = st.recursive(SCALARS, lambda children: st.one_of(_object(children), _array(children)), max_leaves=8)
STAGES = _array(_object(SCALARS)).map('"stageDistribution":{}'.format)
ALLOCATIONS = _object(st.sampled_from(["1", "null", '"seed"'])).map('"allocations":{}'.format)
DOCUMENTS = st.one_of(
    VALUES,
    st.lists(st.one_of(STAGES, ALLOCATIONS, VALUES.map('"note":{}'.format)), max_size=4).map(
        lambda members: "{" + ",".join(members) + "}"
    ),
)
ENCODINGS = st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
TAILS = st.sampled_from([b""] * 6 + [b" ", b"\n", b"{}", b"\x00", b"\xff", b",", b"//"])
TYPES = st.sampled_from(
    [b"application/json"] * 8
    + [
        b"application/vnd.api+json",
        b"application/json; charset=utf-16",
        b"text/plain",
        b"application/x-www-form-urlencoded",
    ]
    + [b"", b"APPLICATION/JSON;charset=UTF8", b"application/json, text/plain", b"multipart/form-data; boundary=x"]
)
BODIES = st.builds(lambda text, encoding, tail: text.encode(encoding, "replace") + tail, DOCUMENTS, ENCODINGS, TAILS)

# Query strings, from fragments that readers split and decode in different ways.
NAMES = st.sampled_from(
    [b"stage"] * 5 + [b"%73tage", b"st%61ge", b"stage+", b"+stage", b"STAGE", b"stage%00", b"x", b""]
)
RAW_VALUES = st.sampled_from(
    [
        b"series-a",
        b"series-c%2B",
        b"series-c+",
        b"Series+A",
        b"Series+C+",
        b"Series%20C%2B",
        b"Series+C++round",
        b"seed",
        b"angel",
        b"",
        b"%",
        b"%zz",
        b"%C3%28",
        b"s\xc3\xa9ed",
        b"%FF",
        b"seed%00",
        b"seed#x",
        b"seed=seed",
        b"%2573eed",
        b"\xef\xbb\xbfseed",
    ]
)
PIECES = st.builds(
    lambda name, sign, value: name + sign + value, NAMES, st.sampled_from([b"="] * 5 + [b"", b"=="]), RAW_VALUES
)
QUERIES = st.lists(st.tuples(st.sampled_from([b"&"] * 4 + [b";", b"&&", b"?", b"&;"]), PIECES), max_size=4).map(
    lambda pieces: b"".join(separator + piece for separator, piece in pieces).removeprefix(b"&")
)

everywhere = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="session")
def send(example):
    """Sends a request to an example and returns what its handler read, or None if it gave no such answer."""
    with driving(example.app) as drive:

        def send(method, path, query=b"", body=b"", headers=()):
            answer = drive(GeneratedRequest(method, path, query, tuple(headers), body, Expected.REFUSED, Way.UNKNOWN))
            return json.loads(answer.body)["stages"] if answer.status == 200 else None

        yield send


def assert_canonical(read):
    assert read is None or all(value in INVESTMENT_STAGES for value in read), read


@everywhere
@given(path=st.sampled_from([b"/api/monte-carlo/simulate", b"/api/portfolio/strategies"]), body=BODIES, media=TYPES)
def test_whatever_the_body(send, path, body, media):
    headers = [(b"content-type", media), (b"content-length", b"%d" % len(body))]
    assert_canonical(send("POST", path, body=body, headers=headers))


@everywhere
@given(
    query=QUERIES,
    media=st.sampled_from([None] * 5 + [b"text/plain; charset=utf-16", b"application/json;charset=utf-7"]),
)
def test_whatever_the_query(send, query, media):
    headers = [(b"content-type", media)] if media else []
    assert_canonical(send("GET", b"/api/funds/7/companies", query, headers=headers))


def test_canonical_values_and_aliases_reach_the_handler(send):
    """The two tests above would also pass if nothing reached a handler."""
    body = b'{"allocations":{"Series A":1}}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    assert send("POST", b"/api/portfolio/strategies", body=body, headers=headers) == ["series-a"]
    assert send("GET", b"/api/funds/7/companies", b"stage=Series%20C%2B") == ["series-c+"]


def test_the_boundary_holds(example):
    assert_boundary_holds(example.app, example.boundary)


def test_the_hole_is_found_without_the_middleware(example):
    with pytest.raises(AssertionError, match="does not hold"):
        assert_boundary_holds(example.unguarded, example.boundary)
