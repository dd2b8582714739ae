"""The drivers hand an app exactly the bytes of a request, and tell what it answered."""

import asyncio
import functools
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette

from stagenorm.testing import Expected, GeneratedRequest
from stagenorm.testing.drivers import driving, is_asgi
from stagenorm.testing.plan import Way


def request(method="POST", path=b"/a%2Fb%FF", query=b"x=+;%zz", headers=((b"x-a", b"1"), (b"x-a", b"2")), body=b"body"):
    return GeneratedRequest(method, path, query, headers, body, Expected.CANONICAL, Way.CANONICAL)


def send_one(app, *parts, **named):
    with driving(app) as send:
        return send(request(*parts, **named))


def test_an_asgi_app_gets_the_raw_request_and_its_body_in_pieces():
    seen = {}

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        seen.update(scope)
        seen["body"] = [await receive(), await receive()]
        await send({"type": "http.response.start", "status": 201, "headers": [(b"X-Y", b"z")]})
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        await send({"type": "http.response.body", "body": b"llo"})
        seen["after"] = await receive()

    answer = send_one(app)
    assert (answer.status, answer.headers, answer.body, answer.error) == (201, ((b"x-y", b"z"),), b"hello", None)
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/a/b\ufffd", b"/a%2Fb%FF", b"x=+;%zz")
    assert seen["headers"] == [(b"x-a", b"1"), (b"x-a", b"2")]
    assert [(message["body"], message["more_body"]) for message in seen["body"]] == [(b"bo", True), (b"dy", False)]
    assert seen["after"] == {"type": "http.disconnect"}


def test_a_wsgi_app_gets_the_raw_request():
    seen = {}

    class Chunks(list):
        def close(self):
            seen["closed"] = True

    def app(environ, start_response):
        seen.update(environ, body=environ["wsgi.input"].read())
        write = start_response("201 Created", [("X-Y", "z")])
        write(b"he")
        return Chunks([b"l", b"lo"])

    headers = ((b"content-length", b"4"), (b"content-type", b"text/plain"), (b"x-a", b"1"), (b"x-a", b"2"))
    answer = send_one(app, headers=headers)
    assert (answer.status, answer.headers, answer.body, answer.error) == (201, ((b"x-y", b"z"),), b"hello", None)
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["body"]) == ("/a/b\xff", "x=+;%zz", b"body")
    assert (seen["CONTENT_LENGTH"], seen["CONTENT_TYPE"], seen["HTTP_X_A"]) == ("4", "text/plain", "1,2")
    assert seen["closed"]


def test_lifespan_runs_around_the_requests_and_shares_its_state():
    told = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                assert await receive() == {"type": f"lifespan.{phase}"}
                told.append(phase)
                scope["state"]["ready"] = True
                await send({"type": f"lifespan.{phase}.complete"})
            return
        told.append(scope["state"])
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    send_one(app)
    assert told == ["startup", {"ready": True}, "shutdown"]


def test_an_app_that_fails_in_its_startup_says_why():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="failed in its startup: no database"):
        send_one(app)


def test_an_asgi_app_without_lifespan_is_served():
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    assert send_one(app, body=b"").status == 204


async def _raising_asgi(scope, receive, send):
    raise LookupError("broken")


async def _silent_asgi(scope, receive, send):
    pass


def _raising_wsgi(environ, start_response):
    raise LookupError("broken")


def _silent_wsgi(environ, start_response):
    return []


@pytest.mark.parametrize("app", [_raising_asgi, _raising_wsgi])
def test_an_app_that_raises_answers_500(app):
    answer = send_one(app)
    assert answer.status == 500
    assert isinstance(answer.error, LookupError)


@pytest.mark.parametrize("app", [_silent_asgi, _silent_wsgi])
def test_an_app_that_answers_nothing_answers_500(app):
    answer = send_one(app)
    assert (answer.status, str(answer.error)) == (500, "the app sent no response")


def test_an_app_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("stagenorm.testing.drivers.PATIENCE", 0.05)

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await asyncio.Event().wait()

    with driving(app) as send, pytest.raises(asyncio.TimeoutError):
        send(request())


def test_a_running_event_loop_is_not_in_the_way():
    async def inside():
        return send_one(_silent_asgi)

    assert asyncio.run(inside()).status == 500


class _CallableAsgi:
    async def __call__(self, scope, receive, send):
        pass


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (_silent_asgi, True),
        (_CallableAsgi(), True),
        (functools.partial(_silent_asgi), True),
        (lambda scope, receive, send: None, True),
        (_silent_wsgi, False),
        (lambda environ, start_response: None, False),
        (dict.fromkeys, False),
    ],
)
def test_an_asgi_app_is_told_from_a_wsgi_app(app, expected):
    assert is_asgi(app) is expected


def test_the_lifespan_ends_when_the_caller_fails():
    ended = []

    @asynccontextmanager
    async def lifespan(_app):
        yield
        ended.append(True)

    with pytest.raises(ZeroDivisionError), driving(Starlette(lifespan=lifespan)):
        raise ZeroDivisionError
    assert ended
