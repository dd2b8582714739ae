"""What only ASGI has: messages, scopes, other protocols, and the host's own tasks and context."""

import asyncio
import contextvars
import copy
import json
import tracemalloc
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, FixedModes, JsonField, Mode, ModeState, ModeView
from stagenorm.asgi import StageNormMiddleware

ALIAS = b'{"stageDistribution": [{"stage": "Seed"}]}'
REWRITTEN = b'{"stageDistribution": [{"stage": "seed"}]}'
UNKNOWN = b'{"stageDistribution": [{"stage": "series-z"}]}'
JSON = (b"content-type", b"application/json")
DISCONNECT = {"type": "http.disconnect"}


def scope(path="/api/simulate", method="POST", headers=(JSON,), **changes) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": list(headers),
        "client": ("192.0.2.1", 1),
        **changes,
    }


def enforcing(endpoint: Endpoint) -> Boundary:
    return Boundary(INVESTMENT_STAGES, [endpoint], FixedModes(ModeView(ModeState(Mode.ENFORCE))))


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(body))


class Server:
    """Gives messages out one by one, and keeps what is sent."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.waiting = list(messages)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return self.waiting.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def serve(self, app, connection: dict[str, Any]) -> None:
        asyncio.run(app(connection, self.receive, self.send))

    @property
    def status(self) -> int:
        return self.sent[0]["status"]


class Host:
    """An application that receives as often as it is told, and answers."""

    def __init__(self, receives: int = 0) -> None:
        self.receives = receives
        self.call: tuple[Any, Any, Any] | None = None
        self.received: list[dict[str, Any]] = []

    async def __call__(self, scope, receive, send) -> None:
        self.call = (scope, receive, send)
        for _ in range(self.receives):
            self.received.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize(
    "connection",
    [
        {"type": "websocket", "path": "/api/simulate", "headers": []},
        {"type": "lifespan"},
        {"type": "something.new"},
        scope("/elsewhere"),
        scope(method="OPTIONS"),
    ],
    ids=["websocket", "lifespan", "another protocol", "another path", "another method"],
)
def test_what_is_not_guarded_gets_the_very_same_call(boundary_in, connection):
    async def call(app, host) -> None:
        async def receive():
            raise AssertionError("the middleware must not receive")

        async def send(message):
            pass

        await app(connection, receive, send)
        assert host.call == (connection, receive, send)
        assert host.call[0] is connection

    host = Host()
    asyncio.run(call(StageNormMiddleware(host, boundary_in("enforce")), host))


def test_what_asgi_lets_a_server_leave_out(boundary_in):
    """The specification's defaults: no root_path, raw_path, query or client, and messages without body or more_body."""
    connection = scope()
    for name in ("root_path", "raw_path", "query_string", "client"):
        del connection[name]
    server = Server({"type": "http.request", "more_body": True}, {"type": "http.request", "body": ALIAS})
    host = Host(receives=1)
    server.serve(StageNormMiddleware(host, boundary_in("enforce")), connection)
    assert host.received == [part(REWRITTEN)]
    query = scope("/api/funds/7/companies", "GET")
    del query["query_string"]
    server = Server()
    server.serve(StageNormMiddleware(Host(), boundary_in("enforce")), query)
    assert server.status == 200


def test_after_the_body_the_host_receives_what_the_server_says(boundary_in):
    server = Server(part(ALIAS[:9], more=True), part(b"", more=True), part(ALIAS[9:]), DISCONNECT)
    host = Host(receives=2)
    server.serve(StageNormMiddleware(host, boundary_in("enforce")), scope())
    assert host.received == [part(REWRITTEN), DISCONNECT]
    assert server.waiting == []


@pytest.mark.parametrize("situation", ["off", "enforce"])
def test_the_disconnect_is_the_servers_own(boundary_in, situation):
    """A host that waits for the disconnect, as a streaming response does, must wait as long as the client stays."""

    async def host(_scope, receive, _send):
        await receive()
        waiting = asyncio.ensure_future(receive())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        gone.set()
        assert await waiting == DISCONNECT
        heard.append(True)

    async def receive():
        if messages:
            return messages.pop()
        await gone.wait()
        return DISCONNECT

    messages = [part(ALIAS)]
    gone = asyncio.Event()
    heard = []
    asyncio.run(StageNormMiddleware(host, boundary_in(situation))(scope(), receive, Server().send))
    assert heard


@pytest.mark.parametrize("situation", ["off", "warn", "outside"])
def test_a_broken_off_body_reaches_the_host_as_it_came(boundary_in, situation):
    server = Server(part(ALIAS[:9], more=True), part(ALIAS[9:12], more=True), DISCONNECT, DISCONNECT)
    host = Host(receives=3)
    server.serve(StageNormMiddleware(host, boundary_in(situation)), scope())
    assert host.received == [part(ALIAS[:12], more=True), DISCONNECT, DISCONNECT]


def test_a_broken_off_body_is_rejected_in_enforce(boundary_in):
    """However whole it looks."""
    server = Server(part(REWRITTEN, more=True), DISCONNECT)
    host = Host()
    server.serve(StageNormMiddleware(host, boundary_in("enforce")), scope())
    assert (server.status, host.call) == (400, None)


def test_a_server_may_refuse_to_send_to_a_client_that_has_gone(boundary_in):
    class Gone(Server):
        async def send(self, message):
            raise OSError("the client has gone")

    host = Host()
    Gone(DISCONNECT).serve(StageNormMiddleware(host, boundary_in("enforce")), scope())
    assert host.call is None


@pytest.mark.parametrize("situation", ["off", "warn", "outside"])
def test_a_body_of_undeclared_size_streams_through(boundary_in, limit, situation):
    chunks = [part(b"%03d" % number * 200, more=True) for number in range(20)]
    server = Server(*chunks, part(b"end"))
    left_when_called = []

    async def host(_scope, receive, _send):
        left_when_called.append(len(server.waiting))
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        assert body == b"".join(chunk["body"] for chunk in chunks) + b"end"

    server.serve(StageNormMiddleware(host, boundary_in(situation)), scope())
    assert left_when_called == [19], f"held no more than the two chunks that exceed {limit} bytes"


@pytest.mark.parametrize("situation", ["off", "warn", "outside"])
def test_a_body_that_is_declared_too_large_is_not_touched(boundary_in, limit, situation):
    host = Host(receives=1)
    server = Server(part(b"x", more=True))
    connection = scope(headers=[JSON, length(b" " * (limit + 1))])
    server.serve(StageNormMiddleware(host, boundary_in(situation)), connection)
    assert host.call[0] is connection
    assert host.call[1] == server.receive
    assert host.received == [part(b"x", more=True)]


@pytest.mark.parametrize(
    "refused",
    [[JSON, length(b" " * 1001)], [(b"content-type", b"text/plain"), length(b"{}")]],
    ids=["too large", "media type"],
)
def test_what_the_headers_refuse_is_not_read(boundary_in, refused):
    server = Server(part(b"x"))
    server.serve(StageNormMiddleware(Host(), boundary_in("enforce")), scope(headers=refused))
    assert server.status in (413, 415)
    assert server.waiting == [part(b"x")]


def test_reading_stops_at_the_limit(boundary_in):
    server = Server(*[part(b" " * 400, more=True)] * 10)
    server.serve(StageNormMiddleware(Host(), boundary_in("enforce")), scope())
    assert server.status == 413
    assert len(server.waiting) == 7


@pytest.mark.parametrize(
    ("connection", "body", "changed"),
    [
        (
            scope(headers=[JSON, length(b'{"allocations":{"Series A Round":1}}')], path="/api/strategies"),
            b'{"allocations":{"Series A Round":1}}',
            {"headers"},
        ),
        (scope("/api/stages/Seed/funds", "GET", query_string=b"stage=SEED"), b"", {"path", "raw_path", "query_string"}),
    ],
    ids=["body", "path and query"],
)
def test_a_rewrite_leaves_the_callers_scope_alone(boundary_in, connection, body, changed):
    before = copy.deepcopy(connection)
    host = Host()
    Server(part(body)).serve(StageNormMiddleware(host, boundary_in("enforce")), connection)
    assert connection == before
    assert {key for key in before if host.call[0][key] != before[key]} == changed
    assert JSON in host.call[0]["headers"]


def test_a_raw_path_that_does_not_match_is_dropped_with_the_path(boundary_in):
    host = Host()
    connection = scope("/api/stages/Seed/funds", "GET", raw_path=b"/proxied")
    Server(part(b"")).serve(StageNormMiddleware(host, boundary_in("enforce")), connection)
    assert (host.call[0]["path"], host.call[0]["raw_path"]) == ("/api/stages/seed/funds", None)


@pytest.mark.parametrize("root", ["", "/", "/v1", "/v1/", "/v", "/v1/api", "v1", "/v1/api/simulate"])
@pytest.mark.parametrize("path", ["/api/simulate", "/v1/api/simulate", "/v1//api/simulate", "/v1api/simulate", "//v1"])
def test_what_starlette_routes_below_a_mount_is_guarded(boundary_in, root, path):
    async def simulate(request):
        return PlainTextResponse(await request.body())

    host = Starlette(routes=[Route("/api/simulate", simulate, methods=["POST"])])
    unguarded, guarded = Server(part(UNKNOWN)), Server(part(UNKNOWN))
    unguarded.serve(host, scope(path, root_path=root))
    guarded.serve(StageNormMiddleware(host, boundary_in("enforce")), scope(path, root_path=root))
    assert (unguarded.status, guarded.status) in [(200, 400), (404, 404), (404, 400)]


@pytest.mark.parametrize("path", ["/v1/x", "/x"])
def test_fastapis_own_root_path_is_a_mount_too(path):
    host = FastAPI()
    host.root_path = "/v1"  # as its deprecated argument does

    @host.post("/x")
    async def read(request: Request):
        return await request.json()

    server = Server(part(b'{"s": "angel"}'))
    guarded = StageNormMiddleware(host, enforcing(Endpoint("x", "POST", "/x", [JsonField("$.s")])))
    server.serve(guarded, scope(path))
    assert server.status == 400


def test_a_body_of_many_messages_takes_no_more_than_its_bytes():
    size = 20_000
    left = iter(range(size))

    async def receive():
        return part(bytes((32, 10)), more=next(left, None) is not None)  # a new object each time

    async def send(_message):
        pass

    guarded = StageNormMiddleware(Host(), enforcing(Endpoint("x", "POST", "/api/simulate", [JsonField("$.s")])))
    tracemalloc.start()
    try:
        asyncio.run(guarded(scope(), receive, send))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * size


def test_notices_are_added_without_touching_the_hosts_message(boundary_in):
    """A host may send one message for every response."""
    start = {"type": "http.response.start", "status": 200, "headers": [(b"link", b"</x>")], "trailers": True}
    kept = copy.deepcopy(start)

    async def host(_scope, _receive, send):
        await send(start)
        await send({"type": "http.response.body", "body": b"x"})
        await send({"type": "http.response.trailers", "headers": [(b"a", b"b")]})

    for _ in range(2):
        server = Server(part(UNKNOWN))
        server.serve(StageNormMiddleware(host, boundary_in("warn")), scope())
        assert [name for name, _ in server.sent[0]["headers"]] == [b"link", b"stagenorm-notice", b"link"]
        assert server.sent[0]["trailers"] is True
        assert server.sent[2]["headers"] == [(b"a", b"b")]
    assert start == kept


def test_a_response_without_headers_gets_the_notices(boundary_in):
    async def host(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 204})

    server = Server(part(UNKNOWN))
    server.serve(StageNormMiddleware(host, boundary_in("warn")), scope())
    assert [name for name, _ in server.sent[0]["headers"]] == [b"stagenorm-notice", b"link"]


@pytest.mark.parametrize("body", [ALIAS, UNKNOWN, b'{"stageDistribution": []}'])
def test_the_context_is_one_through_the_middleware(boundary_in, body):
    outer = contextvars.ContextVar("outer")
    inner = contextvars.ContextVar("inner")

    async def host(_scope, receive, _send):
        assert outer.get() == "set by the server"
        await receive()
        inner.set("set by the host")

    async def serve():
        outer.set("set by the server")
        server = Server(part(body))
        await StageNormMiddleware(host, boundary_in("warn"))(scope(), server.receive, server.send)
        assert inner.get() == "set by the host"

    asyncio.run(serve())


def test_background_work_runs_after_the_response(boundary_in):
    done = []

    async def host(_scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        await asyncio.sleep(0)
        done.append("after the response")

    Server(part(ALIAS)).serve(StageNormMiddleware(host, boundary_in("warn")), scope())
    assert done == ["after the response"]


def test_what_the_host_raises_comes_through(boundary_in):
    async def host(_scope, _receive, _send):
        raise KeyError("the host's own")

    with pytest.raises(KeyError, match="the host's own"):
        Server(part(ALIAS)).serve(StageNormMiddleware(host, boundary_in("warn")), scope())


def test_a_problem_is_one_complete_response(boundary_in):
    server = Server(part(UNKNOWN))
    server.serve(StageNormMiddleware(Host(), boundary_in("enforce")), scope())
    start, body = server.sent
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    assert not body.get("more_body")
    assert json.loads(body["body"])["errors"][0]["pointer"] == "/stageDistribution/0/stage"
