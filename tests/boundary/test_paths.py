"""Path values, and which paths an endpoint guards: every one that some router would route to it."""

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    ConfigurationError,
    Endpoint,
    FixedModes,
    JsonField,
    Mode,
    ModeState,
    ModeView,
    PathField,
    QueryField,
    Term,
    Vocabulary,
)
from stagenorm.asgi import StageNormMiddleware
from stagenorm.boundary.request import Reject, Request
from stagenorm.testing import Expected, GeneratedRequest
from stagenorm.testing.drivers import driving
from stagenorm.testing.plan import Way

STAGE = (PathField("stage"),)


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        ("/s/Seed/x", "/s/seed/x"),
        ("/s/Series A/x/", "/s/series-a/x/"),
        ("/s/SERIES C+/x\n", "/s/series-c+/x\n"),
        ("/s/\u3000seed\n/x", "/s/seed/x"),
    ],
)
def test_an_alias_is_rewritten_and_all_else_stays(guarded, path, rewritten):
    assert guarded(*STAGE, path="/s/{stage}/x").send(path=path).path == rewritten


@pytest.mark.parametrize("path", ["/s/seed/x", "/s/seed/x/", "/s/series-c+/x", "/s/seed/x\n"])
def test_a_canonical_value_passes(guarded, outcome_of, path):
    assert outcome_of(guarded(*STAGE, path="/s/{stage}/x").send(path=path)) == "pass"


@pytest.mark.parametrize("segment", ["growth", " ", "\n", ".", "..", "seed\x00", "\ufffd", "s\u0435ed", "seed,seed"])
def test_any_other_segment_is_unknown(guarded, problem_of, segment):
    endpoint = guarded(*STAGE, path="/s/{stage}/x")
    (error,) = problem_of(endpoint.send(path=f"/s/{segment}/x"))["errors"]
    assert (error["finding"], error["field"], error["parameter"], error["value"]) == (
        "unknown",
        "stage",
        "stage",
        segment,
    )


def test_several_segments_are_judged_each_by_its_own_vocabulary(guarded, problem_of):
    sides = Vocabulary("sides", [Term("left"), Term("right", aliases=("seed",))])
    endpoint = guarded(PathField("b", vocabulary=sides), PathField("a"), path="/{a}/:b/{c}")
    assert endpoint.send(path="/Seed/seed/Seed").path == "/seed/right/Seed"
    assert [error["field"] for error in problem_of(endpoint.send(path="/left/b/c"))["errors"]] == ["b", "a"]


@pytest.mark.parametrize(
    ("path", "raw", "rewritten"),
    [
        ("/s/Series A/x", b"/s/Series%20A/x", b"/s/series-a/x"),
        ("/s/Seed/x", b"/s/%53eed/x", b"/s/seed/x"),
        ("/s/Seed/x", b"/v1/mount/s/Seed/x", b"/v1/mount/s/seed/x"),
        ("/s/Series C+/x", b"/s/Series%20C+/x", b"/s/series-c%2B/x"),
        ("/s/Seed/x", b"/%73/Seed/%78", b"/%73/seed/%78"),
        ("/s/Seed/x", None, None),
        ("/s/Seed/x", b"/s/Seed", None),
        ("/s/Seed/x", b"x", None),
        ("/s/Seed/x", b"/s%2FSeed/x", None),
        ("/s/Seed/x", b"/s/Other/x", None),
    ],
)
def test_the_raw_path_follows_where_it_splits_alike(guarded, path, raw, rewritten):
    assert guarded(*STAGE, path="/s/{stage}/x").send(path=path, raw_path=raw).raw_path == rewritten


def test_a_value_that_cannot_stand_in_one_segment_is_refused_when_it_is_declared(guarded):
    slashes = Vocabulary("slashes", [Term("a/b")])
    with pytest.raises(ConfigurationError, match=r"endpoint 'e': a value of 'slashes' holds '/'"):
        guarded(PathField("stage", vocabulary=slashes), path="/{stage}")


def boundary(*endpoints):
    return Boundary(INVESTMENT_STAGES, endpoints, FixedModes(ModeView(ModeState(Mode.ENFORCE))))


def is_open(endpoint_path, path, method="GET", declared="GET"):
    return boundary(Endpoint("e", declared, endpoint_path, [QueryField("q")])).open(method, path) is not None


@pytest.mark.parametrize("declared", ["/a/{id}/b", "/a/:id/b", "/a/{id}/b/", "/a/:_x9/b"])
@pytest.mark.parametrize(
    "path",
    [
        "/a/1/b",
        "/a/1/b/",
        "/a/1/b\n",
        "/a/1/b/\n",
        "/a/ /b",
        "/a/\n/b",
        "/a/{id}/b",
        "/a/\u00e9/b",
        "//a/1/b",
        "/a//1/b",
        "/a/1/b//",
        "a/1/b",
    ],
)
def test_these_paths_are_guarded(declared, path):
    assert is_open(declared, path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "/a/1",
        "/a//b",
        "/a/1/b/c",
        "/a/1/B",
        "/a/1/bb",
        "/a/1/b\n\n",
        "/a/1/b\n/",
        "/x/a/1/b",
    ],
)
def test_these_are_not(path):
    assert not is_open("/a/{id}/b", path)


@pytest.mark.parametrize("path", ["", "/", "\n", "/\n"])
def test_the_root_is_guarded_however_it_is_written(path):
    assert is_open("/", path)


@pytest.mark.parametrize("literal", ["a.b", "a+b", "a|b", "(a)", "a*", "\u00e9 \u4e00", "$", "a:b", "a\\d"])
def test_literal_text_means_itself(literal):
    assert is_open(f"/{literal}", f"/{literal}")
    assert not is_open(f"/{literal}", "/axb")


@pytest.mark.parametrize(
    ("declared", "method", "guarded"),
    [
        *(("GET", "GET", True), ("GET", "get", True), ("GET", "HEAD", True), ("GET", "head", True)),
        *(("POST", "POST", True), ("POST", "Post", True), ("POST", "HEAD", False), ("POST", "GET", False)),
        *(("GET", "POST", False), ("GET", "", False), ("PATCH", "PUT", False)),
    ],
)
def test_methods(declared, method, guarded):
    assert is_open("/a", "/a", method, declared) is guarded


def test_the_right_one_of_many_endpoints_is_found():
    paths = ["/", "/a", "/a/{x}", "/a/{x}/b", "/a/{x}/{y}/c", "/b/:z"]
    made = boundary(
        *(Endpoint(f"get{n}", "GET", path, [QueryField("q")]) for n, path in enumerate(paths)),
        *(Endpoint(f"put{n}", "PUT", path, [JsonField("$")]) for n, path in enumerate(paths)),
    )
    for n, path in enumerate(["/", "/a", "/a/1", "/a/1/b", "/a/1/2/c", "/b/a"]):
        assert made.open("GET", path).endpoint.name == f"get{n}"
        assert made.open("PUT", path).endpoint.name == f"put{n}"
    assert made.open("PUT", "/a/1/2") is None


def test_paths_known_to_be_elsewhere_are_few_and_never_guarded():
    made = boundary(Endpoint("e", "POST", "/a", [QueryField("q")]))
    for path in ["/x", "/a", "/" + "y" * 5000, *(f"/{n}" for n in range(3000))]:
        made.open("GET", path)
    assert "/x" in made.elsewhere
    assert "/a" not in made.elsewhere, "another method is guarded"
    assert len(made.elsewhere) <= 1024
    assert max(map(len, made.elsewhere)) <= 1024
    assert made.open("POST", "/a") is not None


def sent(path, query=b""):
    return GeneratedRequest("GET", path, query, (), b"", Expected.REFUSED, Way.UNKNOWN)


def test_a_line_break_behind_a_slash_leads_to_no_handler_unjudged():
    # To Starlette "/funds/\n" is "/funds/", and to any router it is a fund named "\n".
    async def read(request):
        return JSONResponse({"read": [*request.path_params.values(), *request.query_params.getlist("stage")]})

    app = Starlette(routes=[Route("/funds/", read), Route("/funds/{id}", read), Route("/stages/{stage}", read)])
    app.add_middleware(
        StageNormMiddleware,
        boundary=boundary(
            Endpoint("fund", "GET", "/funds/{id}", [QueryField("other")]),
            Endpoint("funds", "GET", "/funds", [QueryField("stage")]),
            Endpoint("stage", "GET", "/stages/{stage}", STAGE),
        ),
    )
    with driving(app) as send:
        for path, query in ((b"/funds/%0A", b"stage=evil"), (b"/stages/%0A", b""), (b"/stages/%0A/", b"")):
            answer = send(sent(path, query))
            assert (answer.status, b"urn:stagenorm:problem" in answer.body) == (400, True), (path, answer.body)


def test_the_same_holds_where_a_body_alone_is_judged():
    made = boundary(Endpoint("e", "POST", "/funds/{id}", [JsonField("$")]))
    made.hooks.clear()
    guard = made.open("POST", "/funds/\n")
    headers = [(b"content-type", b"application/json"), (b"content-length", b"6")]
    announced = guard.announced(headers)
    assert announced.is_wanted
    assert made.lets_pass(guard, announced, "/funds/7", b'"seed"', headers, None)
    assert not made.lets_pass(guard, announced, "/funds/\n", b'"seed"', headers, None)
    request = Request(guard, "POST", "/funds/\n", None, b"", headers, None, b'"seed"')
    assert isinstance(made.inspect(request), Reject)
