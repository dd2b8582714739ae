"""assert_boundary_holds finds every hole that can be made around a boundary, and none where there is none."""

import asyncio
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    Endpoint,
    FixedModes,
    JsonField,
    Mode,
    ModeState,
    ModeView,
    QueryField,
    Term,
    Vocabulary,
    asgi,
    wsgi,
)
from stagenorm.testing import assert_boundary_holds

ENDPOINTS = (
    Endpoint("simulate", "POST", "/simulate", [JsonField("$.stages[*]")]),
    Endpoint("companies", "GET", "/funds/{id}/companies", [QueryField("stage")]),
)


def boundary(endpoints=ENDPOINTS, vocabulary=INVESTMENT_STAGES, mode=Mode.WARN):
    return Boundary(vocabulary, endpoints, FixedModes(ModeView(ModeState(mode))))


async def asgi_host(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"read it"})


def wsgi_host(environ, start_response):
    start_response("200 OK", [])
    return [b"read it"]


def guarded(host, mine):
    return (wsgi if host is wsgi_host else asgi).StageNormMiddleware(host, mine)


def mounted(app, prefix):
    """A router that hands what lies below a prefix to an ASGI app, and answers 404 elsewhere."""

    async def router(scope, receive, send):
        if scope["type"] != "http" or scope["path"].startswith(f"{prefix}/"):
            await app({**scope, "root_path": prefix}, receive, send)
            return
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body"})

    return router


hosts = pytest.mark.parametrize("host", [asgi_host, wsgi_host])


@hosts
def test_a_guarded_app_holds(host):
    mine = boundary()
    assert_boundary_holds(guarded(host, mine), mine)


@hosts
def test_an_app_without_the_middleware_is_found(host):
    with pytest.raises(AssertionError) as failure:
        assert_boundary_holds(host, boundary())
    message = str(failure.value)
    assert "endpoint 'simulate'" in message
    assert "This request holds an unknown value" in message
    assert """--data-binary '{"stages":["growth"]}'""" in message
    assert "This boundary never judged it; it was answered with status 200" in message
    assert "Wrap the application in StageNormMiddleware with this very boundary" in message


@hosts
def test_a_middleware_with_another_boundary_is_found_even_if_it_enforces(host):
    with pytest.raises(AssertionError, match="never judged it; it was answered with another boundary's problem"):
        assert_boundary_holds(guarded(host, boundary(mode=Mode.ENFORCE)), boundary())


def test_a_middleware_under_another_prefix_is_found_and_the_right_one_holds():
    mine = boundary()
    app = mounted(guarded(asgi_host, mine), "/v1")
    assert_boundary_holds(app, mine, prefix="/v1/", examples=20)
    with pytest.raises(AssertionError, match="without a prefix"):
        assert_boundary_holds(app, mine)
    with pytest.raises(AssertionError, match="below the prefix '/v2'"):
        assert_boundary_holds(app, mine, prefix="/v2")


def test_an_app_that_guards_one_endpoint_of_two_is_found():
    mine = boundary()
    inner = guarded(asgi_host, mine)

    async def half(scope, receive, send):
        await (inner if scope.get("path") == "/simulate" else asgi_host)(scope, receive, send)

    with pytest.raises(AssertionError, match="endpoint 'companies'"):
        assert_boundary_holds(half, mine)


@pytest.mark.parametrize("changed", [{"status": 200}, {"status": 500}, {"headers": []}])
def test_an_answer_that_hides_the_problem_is_found(changed):
    mine = boundary()
    inner = guarded(asgi_host, mine)

    async def outer(scope, receive, send):
        async def hide(message):
            await send({**message, **changed} if "status" in message else message)

        await inner(scope, receive, hide)

    with pytest.raises(AssertionError, match="must be refused with a stagenorm problem and a 4xx status"):
        assert_boundary_holds(outer, mine)


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"type": "about:blank"}'])
def test_a_problem_of_somebody_elses_is_told_apart(body):
    mine = boundary(mode=Mode.WARN)

    async def host(scope, receive, send):
        await send(
            {"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"application/problem+json")]}
        )
        await send({"type": "http.response.body", "body": body})

    assert_boundary_holds(guarded(host, mine), mine, examples=200)  # HEAD among them


def test_a_handler_that_is_refused_what_must_pass_is_found():
    mine = boundary(vocabulary=Vocabulary("wide", [Term("seed"), Term("growth")]))
    strict = boundary(mode=Mode.ENFORCE)
    app = guarded(guarded(asgi_host, strict), mine)

    with pytest.raises(AssertionError, match=r"It must pass, and was refused with status 400: .*'growth' is not in"):
        assert_boundary_holds(app, mine)


@hosts
def test_modes_and_hooks_are_as_before_whatever_happens(host):
    mine = boundary()
    modes, hooks = mine.modes, list(mine.hooks)
    assert_boundary_holds(guarded(host, mine), mine, examples=5)
    assert (mine.modes, mine.hooks) == (modes, hooks)
    with pytest.raises(AssertionError):
        assert_boundary_holds(host, mine)
    assert (mine.modes, mine.hooks) == (modes, hooks)


def test_what_an_app_raised_is_told():
    async def app(scope, receive, send):
        raise LookupError("no database")

    with pytest.raises(AssertionError, match=r"status 500 \(LookupError\('no database'\)\)") as failure:
        assert_boundary_holds(app, boundary())
    assert isinstance(failure.value.__cause__, LookupError)


async def answers(status, send):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "every one was answered 404. Is the path right?"),
        (405, "every one was answered 405. Is the method right?"),
        (503, "every one was answered 503. Does the handler read the very fields"),
    ],
)
def test_an_endpoint_that_no_canonical_request_reaches_is_found(status, said):
    mine = boundary()

    async def host(scope, receive, send):
        await answers(200 if scope["path"] == "/simulate" else status, send)

    with pytest.raises(AssertionError) as failure:
        assert_boundary_holds(guarded(host, mine), mine, examples=30)
    assert str(failure.value).startswith("no canonical request reached a handler of 'companies': ")
    assert said in str(failure.value)
    assert "Does the app know 1 and 42, which stand for {id}?" in str(failure.value)


def test_a_handler_that_raises_on_every_canonical_body_is_found_with_what_it_raised():
    mine = boundary(ENDPOINTS[:1])

    async def host(scope, receive, send):
        raise KeyError("stage")

    with pytest.raises(AssertionError, match=r"every one was answered 500 \(KeyError\('stage'\)\)") as failure:
        assert_boundary_holds(guarded(host, mine), mine, examples=30)
    assert isinstance(failure.value.__cause__, KeyError)


@pytest.mark.parametrize("status", [204, 302, 400, 401, 409, 422])
def test_a_handler_that_answers_some_canonical_request_is_reached(status):
    mine = boundary()
    seen = iter([404, 500, status])

    async def host(scope, receive, send):
        await answers(next(seen, status), send)

    assert_boundary_holds(guarded(host, mine), mine, examples=40)


def test_headers_reach_what_stands_in_front():
    mine = boundary()
    inner = guarded(wsgi_host, mine)

    def door(environ, start_response):
        if environ.get("HTTP_AUTHORIZATION") == "Bearer key":
            return inner(environ, start_response)
        start_response("401 Unauthorized", [])
        return [b""]

    assert_boundary_holds(door, mine, headers={"Authorization": "Bearer key"}, examples=20)
    with pytest.raises(AssertionError, match="answered with status 401"):
        assert_boundary_holds(door, mine)


def test_the_limit_of_the_boundary_is_kept():
    mine = Boundary(INVESTMENT_STAGES, ENDPOINTS, max_body_bytes=200)
    assert_boundary_holds(guarded(wsgi_host, mine), mine, examples=200)


def test_it_finds_the_same_every_time_and_says_nothing_else(capfd):
    messages = set()
    for _ in range(2):
        with pytest.raises(AssertionError) as failure:
            assert_boundary_holds(wsgi_host, boundary(), examples=30)
        messages.add(str(failure.value))
        assert not hasattr(failure.value, "__notes__")
    assert len(messages) == 1
    assert capfd.readouterr() == ("", "")


def test_it_sends_as_many_requests_as_it_was_told():
    mine = boundary(ENDPOINTS[:1])
    count = 0

    def counting(environ, start_response):
        nonlocal count
        count += 1
        return guarded(wsgi_host, mine)(environ, start_response)

    assert_boundary_holds(counting, mine, examples=25)
    assert count == 25


def test_it_works_inside_a_running_loop_and_inside_a_property_test():
    mine = boundary()

    async def inside():
        assert_boundary_holds(guarded(asgi_host, mine), mine, examples=5)

    asyncio.run(inside())

    @settings(max_examples=2, suppress_health_check=[HealthCheck.nested_given])
    @given(st.just(mine))
    def nested(drawn):
        assert_boundary_holds(guarded(wsgi_host, drawn), drawn, examples=5)

    nested()


def test_it_works_from_a_plain_script():
    script = """
from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, QueryField
from stagenorm.testing import assert_boundary_holds
from stagenorm.wsgi import StageNormMiddleware

def host(environ, start_response):
    start_response("200 OK", [])
    return [b""]

boundary = Boundary(INVESTMENT_STAGES, [Endpoint("e", "GET", "/", [QueryField("stage")])])
assert_boundary_holds(StageNormMiddleware(host, boundary), boundary, examples=20)
assert_boundary_holds(host, boundary)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "AssertionError: the boundary does not hold on endpoint 'e'" in done.stderr
    assert "'http://localhost/?stage=growth'" in done.stderr


def test_without_hypothesis_the_message_holds_the_install_command():
    script = "import sys; sys.modules['hypothesis'] = None\nimport stagenorm.testing"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MissingExtraError: stagenorm.testing needs" in done.stderr
    assert "pip install 'stagenorm[testing]'" in done.stderr
