"""One table of requests over both adapters: what the host sees and what the client gets must be the same."""

import asyncio
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import BytesIO, StringIO
from urllib.parse import unquote, unquote_to_bytes
from wsgiref.validate import WSGIWarning, validator

import pytest

from stagenorm import Boundary, asgi, wsgi

Headers = list[tuple[bytes, bytes]]
HOST_HEADERS = [(b"content-type", b"text/plain"), (b"link", b'</next>; rel="next"')]


@dataclass(frozen=True)
class Request:
    """A request below a mount prefix. One chunk has a declared length, several are chunked, none is no body."""

    path: str
    chunks: tuple[bytes, ...] = ()
    method: str = "POST"
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
    prefix: str = ""

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def sent_headers(self) -> Headers:
        if len(self.chunks) > 1:
            return [*self.headers, (b"transfer-encoding", b"chunked")]
        return [*self.headers, *((b"content-length", b"%d" % len(chunk)) for chunk in self.chunks)]


@dataclass(frozen=True)
class Seen:
    """What the host was given."""

    path: str
    query: bytes
    body: bytes
    length: bytes | None

    @classmethod
    def of(cls, request: Request) -> "Seen":
        length = dict(request.sent_headers).get(b"content-length")
        return cls(unquote(request.path), request.query, request.body, length)


@dataclass
class Answer:
    """What the client was given, and what the host saw: None where the host was never called."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    seen: Seen | None = None


def over_asgi(boundary: Boundary, request: Request) -> Answer:
    answer = Answer()
    chunks = list(request.chunks) or [b""]

    async def host(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        assert unquote(scope["raw_path"].decode()) == scope["path"]
        length = dict(scope["headers"]).get(b"content-length")
        answer.seen = Seen(scope["path"].removeprefix(request.prefix), scope["query_string"], body, length)
        await send({"type": "http.response.start", "status": 200, "headers": HOST_HEADERS})
        await send({"type": "http.response.body", "body": b"done"})

    async def receive():
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message):
        answer.status = message.get("status", answer.status)
        answer.headers += message.get("headers", [])
        answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "method": request.method,
        "path": request.prefix + unquote(request.path),
        "raw_path": (request.prefix + request.path).encode(),
        "root_path": request.prefix,
        "query_string": request.query,
        "headers": request.sent_headers,
        "client": ("192.0.2.1", 1),
    }
    asyncio.run(asgi.StageNormMiddleware(host, boundary)(scope, receive, send))
    return answer


def over_wsgi(boundary: Boundary, request: Request) -> Answer:
    answer = Answer()

    def host(environ, start_response):
        length = environ.get("CONTENT_LENGTH")
        body = environ["wsgi.input"].read(int(length) if length else 1 << 20)
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        query = environ["QUERY_STRING"].encode("latin-1")
        answer.seen = Seen(path, query, body, length.encode() if length else None)
        start_response("200 OK", [(name.decode(), value.decode()) for name, value in HOST_HEADERS])
        return [b"done"]

    def start_response(status, headers, exc_info=None):
        answer.status = int(status[:3])
        answer.headers += [(name.encode(), value.encode()) for name, value in headers]
        return answer.body.__add__

    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.prefix,
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": "host.example",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.sent_headers:
        key = name.decode().upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value.decode("latin-1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WSGIWarning)  # it has never heard of a method in lower case
        # The standard library's validator asserts PEP 3333 on both sides of the middleware.
        result = validator(wsgi.StageNormMiddleware(validator(host), boundary))(environ, start_response)
    answer.body = b"".join(result)
    result.close()
    return answer


def simulate(*chunks: str, headers: Headers | None = None, **changes: object) -> Request:
    request = Request("/api/simulate", tuple(chunk.encode() for chunk in chunks), **changes)
    return replace(request, headers=(*request.headers, *(headers or [])))


def stages(*values: str) -> str:
    return '{"n": 1.0e+02, "stageDistribution": [' + ", ".join(f'{{"stage": "{value}"}}' for value in values) + "]}"


def companies(query: bytes, **changes: object) -> Request:
    return replace(Request("/api/funds/7/companies", method="GET", query=query, headers=()), **changes)


def search(body: bytes) -> Request:
    return Request("/api/search", (body,), headers=((b"content-type", b"application/x-www-form-urlencoded"),))


def funds(path: str, **changes: object) -> Request:
    return replace(Request(path, method="GET", headers=()), **changes)


PASS, NOTICE, REWRITE = "pass", "pass with a notice", "rewrite"  # a rewrite has a notice where not enforced


@dataclass(frozen=True)
class Row:
    """What becomes of a request where the mode is warn or the consumer outside the share, and where enforce holds."""

    name: str
    request: Request
    warn: str
    enforce: str | int
    rewritten: Request | None = None


def alias(name: str, request: Request, rewritten: Request) -> Row:
    return Row(name, request, REWRITE, REWRITE, rewritten)


LARGE = stages("Series A") + " " * 1000
TABLE = [
    Row("canonical", simulate(stages("seed", "series-c+")), PASS, PASS),
    alias("alias", simulate(stages("Series A Round", "seed")), simulate(stages("series-a", "seed"))),
    alias("alias of the same length", simulate(stages("SEED")), simulate(stages("seed"))),
    Row("unknown", simulate(stages("series-z")), NOTICE, 400),
    Row("alias and unknown", simulate(stages("Seed", "x")), REWRITE, 400, simulate(stages("seed", "x"))),
    Row("duplicate key", simulate('{"stageDistribution": [], "stageDistribution": []}'), NOTICE, 400),
    Row("no JSON", simulate("{"), NOTICE, 400),
    Row("lone surrogate", simulate(stages("\\ud800")), NOTICE, 400),
    Row("no body", simulate(), PASS, PASS),
    Row("empty body", simulate(""), PASS, PASS),
    alias("in chunks", simulate(stages("Seed")[:20], "", stages("Seed")[20:]), simulate(stages("seed"), "")),
    alias("empty chunks", simulate("", "", stages("Seed"), "", ""), simulate(stages("seed"), "")),
    Row("unknown in chunks", simulate(stages("series-z"), ""), NOTICE, 400),
    Row("nothing in chunks", simulate("", ""), PASS, PASS),
    Row("too large, declared", simulate(LARGE), NOTICE, 413),
    Row("too large, in chunks", simulate(LARGE[:900], LARGE[900:], ""), NOTICE, 413),
    Row("too large, in one chunk", simulate(LARGE, ""), NOTICE, 413),
    alias("as large as may be", simulate(f"{stages('Seed'):1000}"), simulate(f"{stages('seed'):1000}")),
    alias("as large, in chunks", simulate(f"{stages('Seed'):1000}", ""), simulate(f"{stages('seed'):1000}", "")),
    Row("too large by one, in chunks", simulate(f"{stages('seed'):1000}", " "), NOTICE, 413),
    Row("gzip", simulate(stages("seed"), headers=[(b"content-encoding", b"gzip")]), NOTICE, 415),
    Row("text/plain", replace(simulate(stages("seed")), headers=((b"content-type", b"text/plain"),)), NOTICE, 415),
    Row("no type", replace(simulate(stages("seed")), headers=()), NOTICE, 415),
    Row("no type, in chunks", replace(simulate(stages("seed"), ""), headers=()), NOTICE, 415),
    Row("sealed", simulate(stages("Seed"), headers=[(b"content-digest", b"sha-256=:x:")]), NOTICE, 400),
    Row("sealed, canonical", simulate(stages("seed"), headers=[(b"content-digest", b"sha-256=:x:")]), PASS, PASS),
    Row("another method", simulate(stages("series-z"), method="PUT"), PASS, PASS),
    Row("another path", replace(simulate(stages("series-z")), path="/api/simulate/now"), PASS, PASS),
    Row("method in lower case", simulate(stages("series-z"), method="post"), NOTICE, 400),
    Row("trailing slash", replace(simulate(stages("series-z")), path="/api/simulate/"), NOTICE, 400),
    Row("leading slashes", replace(simulate(stages("series-z")), path="//api/simulate"), NOTICE, 400),
    Row("slashes between", replace(simulate(stages("series-z")), path="/api//simulate//"), NOTICE, 400),
    Row("trailing newline", replace(simulate(stages("series-z")), path="/api/simulate%0A"), NOTICE, 400),
    Row("encoded path", replace(simulate(stages("series-z")), path="/%61pi/sim%75late"), NOTICE, 400),
    alias("mounted", simulate(stages("Seed"), prefix="/v1"), simulate(stages("seed"), prefix="/v1")),
    Row("mounted unknown", simulate(stages("series-z"), prefix="/v1"), NOTICE, 400),
    alias(
        "keys",
        Request("/api/strategies", (b'{"allocations": {"Seed": 1, "series-a": 2}}',)),
        Request("/api/strategies", (b'{"allocations": {"seed": 1, "series-a": 2}}',)),
    ),
    Row("keys become one", Request("/api/strategies", (b'{"allocations": {"Seed": 1, "seed": 2}}',)), NOTICE, 400),
    Row("query", companies(b"stage=seed&x=%zz"), PASS, PASS),
    Row("no query", companies(b""), PASS, PASS),
    alias("query alias", companies(b"a=%41&stage=Series+C%2B&b="), companies(b"a=%41&stage=series-c%2B&b=")),
    Row("query unknown", companies(b"stage=series-z"), NOTICE, 400),
    Row("query, twice", companies(b"stage=seed&stage=seed"), NOTICE, 400),
    Row("query, raw plus", companies(b"stage=Series+C+"), NOTICE, 400),
    Row("HEAD", companies(b"stage=series-z", method="HEAD"), NOTICE, 400),
    Row("form", search(b"stage=seed"), PASS, PASS),
    alias("form alias", search(b"q=%20&stage=Seed"), search(b"q=%20&stage=seed")),
    Row("form unknown", search(b"stage=series-z"), NOTICE, 400),
    alias("path alias", funds("/api/stages/Series%20A/funds"), funds("/api/stages/series-a/funds")),
    alias("path alias, raw letters", funds("/api/stages/SEED/funds/"), funds("/api/stages/seed/funds/")),
    alias("path alias, slashes", funds("//api/stages///SEED//funds"), funds("//api/stages///seed//funds")),
    alias("path alias, newline", funds("/api/stages/SEED/funds%0A"), funds("/api/stages/seed/funds%0A")),
    alias(
        "path alias, mounted",
        funds("/api/stages/Series%20C%2B/funds", prefix="/v1"),
        funds("/api/stages/series-c%2B/funds", prefix="/v1"),
    ),
    alias(
        "path and query alias",
        funds("/api/stages/Seed/funds", query=b"stage=SEED"),
        funds("/api/stages/seed/funds", query=b"stage=seed"),
    ),
    Row("path unknown", funds("/api/stages/s%C3%A9ed/funds"), NOTICE, 400),
    Row("path not UTF-8", funds("/api/stages/%C3%28/funds"), NOTICE, 400),
]


@pytest.mark.parametrize("situation", ["off", "warn", "outside", "enforce"])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
@pytest.mark.parametrize("serve", [over_asgi, over_wsgi])
def test_the_table(
    serve: Callable[[Boundary, Request], Answer], row: Row, situation: str, boundary_in: Callable[[str], Boundary]
):
    outcome = {"off": PASS, "enforce": row.enforce}.get(situation, row.warn)
    answer = serve(boundary_in(situation), row.request)
    if isinstance(outcome, int):
        check_problem(answer, row.request, outcome)
        return
    assert (answer.status, answer.body) == (200, b"done")
    if outcome == REWRITE:
        assert answer.seen == Seen.of(row.rewritten)
    else:
        assert answer.seen == Seen.of(row.request)
    expected = [b"stagenorm-notice", b"link"] if outcome != PASS and situation != "enforce" else []
    assert answer.headers[:2] == HOST_HEADERS, "the host's own headers stay, and stay first"
    assert [name for name, _ in answer.headers[2:]] == expected


@pytest.mark.parametrize("serve", [over_asgi, over_wsgi])
def test_the_clients_address_is_the_consumer(serve, boundary_in):
    boundary = boundary_in("enforce")
    boundary.hooks.append(lambda event: consumers.append(event.consumer))
    consumers = []
    serve(boundary, simulate(stages("seed")))
    assert consumers == ["192.0.2.1"]


def check_problem(answer: Answer, request: Request, status: int) -> None:
    assert answer.seen is None, "the host must not be reached"
    assert answer.status == status
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"application/problem+json"
    if request.method == "HEAD":
        assert answer.body == b""
        return
    assert int(headers[b"content-length"]) == len(answer.body)
    assert json.loads(answer.body)["status"] == status
