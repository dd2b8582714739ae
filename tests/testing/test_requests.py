"""requests_for: what a request is said to expect is what a boundary in enforce makes of it."""

import json
import re
import shlex
import subprocess
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    Endpoint,
    FixedModes,
    FormField,
    JsonField,
    JsonKeys,
    Mode,
    ModeState,
    ModeView,
    PathField,
    QueryField,
    Term,
    Vocabulary,
)
from stagenorm.asgi import StageNormMiddleware
from stagenorm.testing import Expected, GeneratedRequest, requests_for
from stagenorm.testing.drivers import driving
from stagenorm.testing.plan import ANY_BODY, JSON_BODY, Way

OTHER = Vocabulary("sides", [Term("left", "Left hand", aliases=("l",)), Term('r"ght', aliases=("right", "\u53f3"))])
ENDPOINTS = (
    Endpoint("simulate", "POST", "/api/monte-carlo/simulate", [JsonField("$.stageDistribution[*].stage")]),
    Endpoint("strategies", "POST", "/api/portfolio/strategies", [JsonKeys("$.allocations")]),
    Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage")]),
    Endpoint("path", "GET", "/p/{stage}/x y/:side", [PathField("stage"), PathField("side", vocabulary=OTHER)]),
    Endpoint("form", "POST", "/form/{stage}", [PathField("stage"), FormField("s"), FormField("t", required=True)]),
    Endpoint("list", "GET", "/list", [QueryField("stage", repeated=True), QueryField("side", vocabulary=OTHER)]),
    Endpoint("places", "PUT", "/places", [JsonField("$.a[0].b", required=True), JsonKeys("$.a[2]"), QueryField("q")]),
    Endpoint(
        "names", "PUT", "/n", [JsonField("$['x y'].s"), JsonField("$['a\"b']", vocabulary=OTHER), JsonField("$.é")]
    ),
    Endpoint(
        "same", "PUT", "/same", [JsonField("$.a.stage"), JsonField("$.b.stage", vocabulary=OTHER), JsonKeys("$.c")]
    ),
    Endpoint("root", "PUT", "/root", [JsonField("$")]),
    Endpoint("roots", "PUT", "/roots", [JsonKeys("$[*]", required=True)]),
)
one_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)


async def _ok(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


@one_endpoint
def test_a_boundary_in_enforce_agrees(endpoint):
    events = []
    boundary = Boundary(
        INVESTMENT_STAGES,
        [endpoint],
        FixedModes(ModeView(ModeState(Mode.ENFORCE))),
        hooks=[events.append],
        max_body_bytes=300_000,
    )
    outcomes = {Expected.CANONICAL: "pass", Expected.ALIAS: "rewrite", Expected.REFUSED: "reject"}
    with driving(StageNormMiddleware(_ok, boundary)) as send:

        @settings(max_examples=150, suppress_health_check=list(HealthCheck))
        @given(requests_for(endpoint, max_body_bytes=300_000))
        def check(request):
            events.clear()
            answer = send(request)
            assert [event.outcome.value for event in events] == [outcomes[request.expected]], str(request)
            assert (answer.status == 200) == (request.expected is not Expected.REFUSED)
            assert answer.status < 500

        check()


class _FoundError(Exception):
    pass


# The request that is found may be large, and its repr is shown to nobody.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


def _meets(endpoint, is_enough, examples=3000):
    """Whether the requests for an endpoint, kept in order, come to be enough within so many examples."""
    seen = []

    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests_for(endpoint))
    def collect(request):
        seen.append(request)
        if is_enough(seen):
            raise _FoundError

    try:
        collect()
    except _FoundError:
        return True
    return False


_ALWAYS = {Way.CANONICAL, Way.ALIAS, Way.UNKNOWN, Way.HOSTILE, Way.SEALED_ALIAS}
_PARAMETER = {Way.REPEATED, Way.SEMICOLON, Way.RAW_PLUS, Way.RAW_BYTES, Way.BROKEN_UTF8}
_DOCUMENT = {*ANY_BODY, *JSON_BODY, Way.DUPLICATE_KEY, Way.OTHER_SHAPE}


@pytest.mark.parametrize(
    ("endpoint", "ways"),
    [
        (Endpoint("e", "POST", "/", [JsonField("$.a[*].s")]), _ALWAYS | _DOCUMENT),
        (Endpoint("e", "POST", "/", [JsonField("$.s", required=True)]), _ALWAYS | _DOCUMENT | {Way.ABSENT}),
        (Endpoint("e", "POST", "/", [JsonField("$")]), _ALWAYS | _DOCUMENT - {Way.DUPLICATE_KEY, Way.OTHER_SHAPE}),
        (Endpoint("e", "POST", "/", [JsonField("$[*]")]), _ALWAYS | _DOCUMENT - {Way.DUPLICATE_KEY}),
        (Endpoint("e", "POST", "/", [JsonKeys("$")]), _ALWAYS | _DOCUMENT | {Way.TWO_KEYS_ONE_VALUE}),
        (Endpoint("e", "GET", "/", [QueryField("s")]), _ALWAYS | _PARAMETER),
        (Endpoint("e", "GET", "/", [QueryField("s", repeated=True)]), _ALWAYS | _PARAMETER - {Way.REPEATED}),
        (Endpoint("e", "POST", "/", [FormField("s", required=True)]), {*_ALWAYS, *_PARAMETER, *ANY_BODY, Way.ABSENT}),
        (Endpoint("e", "GET", "/{s}", [PathField("s")]), _ALWAYS),
    ],
    ids=lambda value: value.fields[0].label if isinstance(value, Endpoint) else "",
)
def test_every_way_that_a_field_can_be_refused_is_generated(endpoint, ways):
    seen = set()

    def is_enough(requests):
        seen.add(requests[-1].way)
        return seen == ways

    assert _meets(endpoint, is_enough), ways ^ seen


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        (ENDPOINTS[0], lambda request: request.way is Way.DUPLICATE_KEY and b"\\u00" in request.body),
        (ENDPOINTS[0], lambda request: request.way is Way.DUPLICATE_KEY and request.body.count(b'"stage"') == 2),
        (ENDPOINTS[1], lambda request: request.way is Way.DUPLICATE_KEY and b"\\u00" in request.body),
        (ENDPOINTS[2], lambda request: request.method == "HEAD"),
        (ENDPOINTS[2], lambda request: b"%7" in request.query and request.expected is Expected.CANONICAL),
        (ENDPOINTS[2], lambda request: re.search(rb"stage=\w+\+\w+(&|$)", request.query)),
        (ENDPOINTS[3], lambda request: b"%" in request.path and request.expected is Expected.CANONICAL),
        (ENDPOINTS[0], lambda request: not request.body and request.expected is Expected.CANONICAL),
    ],
)
def test_the_odd_spellings_are_generated(endpoint, wanted):
    assert _meets(endpoint, lambda requests: wanted(requests[-1]))


def test_the_simplest_refused_request_is_readable():
    found = find(requests_for(ENDPOINTS[0]), lambda request: request.expected is Expected.REFUSED)
    assert str(found) == (
        "curl -i --path-as-is -X POST 'http://localhost/api/monte-carlo/simulate' "
        '-H \'content-type: application/json\' --data-binary \'{"stageDistribution":[{"stage":"growth"}]}\''
    )


def test_a_request_prints_as_a_command_that_a_shell_reads_back():
    body = b"it's \\ \xff\n"
    request = GeneratedRequest(
        "POST", b"/a%20b", b"x='1'", ((b"content-length", b"9"), (b"x-y", b"z")), body, Expected.REFUSED, Way.NOT_UTF8
    )
    arguments = subprocess.run(
        ["bash", "-c", str(request).replace("curl", "printf '%s\\0'", 1)], capture_output=True, check=True
    ).stdout.split(b"\0")
    assert arguments == [
        *(b"-i", b"--path-as-is", b"-X", b"POST", b"http://localhost/a%20b?x='1'", b"-H", b"x-y: z"),
        *(b"-H", b"content-type:", b"--data-binary", body, b""),
    ]


def test_a_long_body_is_cut_where_it_is_printed():
    request = GeneratedRequest("POST", b"/", b"", (), b"x" * 10_000, Expected.REFUSED, Way.TOO_LARGE)
    assert len(str(request)) < 600
    assert str(request).endswith("# ... 10000 bytes in all")


def test_a_body_comes_with_its_length_and_the_limit_is_passed_by_one_byte():
    found = find(requests_for(ENDPOINTS[0], max_body_bytes=2000), lambda request: request.way is Way.TOO_LARGE)
    assert len(found.body) == 2001
    assert dict(found.headers)[b"content-length"] == b"2001"
    json.loads(found.body)


def test_paths_decode_to_what_the_endpoint_declares():
    found = find(requests_for(ENDPOINTS[3]), lambda request: request.expected is Expected.CANONICAL)
    assert unquote_to_bytes(found.path) == b"/p/pre-seed/x y/left"
    assert shlex.split(str(found))[-1] == "http://localhost/p/pre-seed/x%20y/left"
