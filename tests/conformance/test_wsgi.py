"""What only WSGI has: input streams and their ends, write(), exc_info, close() and lazy start_response."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, FixedModes, Mode, ModeState, ModeView, PathField
from stagenorm.wsgi import StageNormMiddleware

CANONICAL = b'{"stageDistribution": [{"stage": "seed"}]}'
ALIAS = b'{"stageDistribution": [{"stage": "Seed"}]}'
UNKNOWN = b'{"stageDistribution": [{"stage": "series-z"}]}'
LINES = b"".join(b"line %d\n" % number for number in range(4000)) + b"no end"
TERMINATED = {"wsgi.input_terminated": True}
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}


def environ(body: bytes, stream: Any = None, **changes: object) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/simulate",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.input": stream or io.BytesIO(body),
        **changes,
    }


def undeclared(body: bytes, **changes: object) -> dict[str, Any]:
    changed = environ(body, **changes)
    del changed["CONTENT_LENGTH"]
    return changed


class Client:
    """Calls an application as a server does, and keeps the answer."""

    def __init__(self) -> None:
        self.starts: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []

    def start_response(self, *arguments: Any) -> Callable[[bytes], None]:
        self.starts.append(arguments)
        return self.written.append

    def call(self, app: Any, request: dict[str, Any]) -> bytes:
        return b"".join(app(request, self.start_response))

    @property
    def status(self) -> int:
        return int(self.starts[-1][0][:3])

    @property
    def header_names(self) -> list[str]:
        return [name for name, _ in self.starts[-1][1]]


class Host:
    """An application that keeps its environ and gives back what it reads."""

    def __init__(self, read: Callable[[Any], bytes] = lambda stream: stream.read()) -> None:
        self.read = read
        self.environ: dict[str, Any] | None = None

    def __call__(self, environ, start_response) -> list[bytes]:
        self.environ = environ
        body = self.read(environ["wsgi.input"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]


class Socket(io.RawIOBase):
    """A stream that would block, or break, where its data ends; it gives at most ``step`` bytes at a time."""

    def __init__(self, data: bytes, step: int = 7, failure: Exception | None = None) -> None:
        self.data = data
        self.step = step
        self.failure = failure or AssertionError("read past the end: a socket would block here")

    def read(self, size: int = -1) -> bytes:
        if not self.data:
            raise self.failure
        size = min(size, self.step)
        chunk, self.data = self.data[:size], self.data[size:]
        return chunk


@pytest.mark.parametrize("changes", [{"PATH_INFO": "/elsewhere"}, {"REQUEST_METHOD": "OPTIONS"}])
def test_what_is_not_guarded_gets_the_very_same_call(boundary_in, changes):
    def host(*arguments: Any) -> list[bytes]:
        called.append(arguments)
        return result

    request, start_response = environ(UNKNOWN, **changes), Client().start_response
    before, called, result = dict(request), [], [b"x"]
    assert StageNormMiddleware(host, boundary_in("enforce"))(request, start_response) is result
    assert called == [(request, start_response)]
    assert called[0][0] is request
    assert request == before


def test_exactly_the_declared_bytes_are_read(boundary_in):
    host = Host()
    client = Client()
    assert client.call(StageNormMiddleware(host, boundary_in("enforce")), environ(ALIAS, Socket(ALIAS))) == CANONICAL


@pytest.mark.parametrize("declared", ["42 ", " 42", "\t42", "0042", "0" * 5000 + "42"])
def test_a_length_is_read_as_frameworks_read_it(boundary_in, declared):
    """Some servers leave the white space in that HTTP allows around a value; Django and Werkzeug take it away."""
    assert len(ALIAS) == 42
    client = Client()
    request = environ(ALIAS, Socket(ALIAS), CONTENT_LENGTH=declared)
    assert client.call(StageNormMiddleware(Host(), boundary_in("enforce")), request) == CANONICAL


@pytest.mark.parametrize("more", [{}, TERMINATED, CHUNKED])
@pytest.mark.parametrize("declared", ["+42", "4_2", "-1", "42.0", "42, 42", "\xb2", "x", "0x2a", " "])
def test_a_length_that_is_no_plain_number_is_unreadable(boundary_in, declared, more):
    """int() takes '+42' and '4_2', so Django would read what was never judged."""
    host, client = Host(), Client()
    client.call(StageNormMiddleware(host, boundary_in("enforce")), environ(UNKNOWN, CONTENT_LENGTH=declared, **more))
    assert (client.status, host.environ) == (400, None)


@pytest.mark.parametrize("situation", ["off", "warn"])
def test_such_a_length_passes_untouched_where_nothing_is_enforced(boundary_in, situation):
    request = environ(UNKNOWN, CONTENT_LENGTH="+46")
    stream = request["wsgi.input"]
    assert Client().call(StageNormMiddleware(Host(), boundary_in(situation)), request) == UNKNOWN
    assert request["wsgi.input"] is stream


def test_headers_with_an_underscore_are_not_taken_for_the_length_or_the_type(boundary_in):
    """ "Content_Length: 42" becomes HTTP_CONTENT_LENGTH on some servers."""
    request = undeclared(b"", stream=Socket(b""), HTTP_CONTENT_LENGTH="42", HTTP_CONTENT_TYPE="text/plain")
    assert Client().call(StageNormMiddleware(Host(), boundary_in("enforce")), request) == b""
    request = environ(CANONICAL, HTTP_CONTENT_LENGTH="5000", HTTP_CONTENT_TYPE="text/plain")
    assert Client().call(StageNormMiddleware(Host(), boundary_in("enforce")), request) == CANONICAL


@pytest.mark.parametrize("length", ["", None])
def test_without_a_length_there_is_no_body_and_the_host_reads_none(boundary_in, length):
    request = environ(UNKNOWN, Socket(UNKNOWN), CONTENT_LENGTH=length)
    if length is None:
        del request["CONTENT_LENGTH"]
    client = Client()
    assert client.call(StageNormMiddleware(Host(), boundary_in("enforce")), request) == b""
    assert client.status == 200


def test_what_pep_3333_lets_a_server_leave_out(boundary_in):
    for path, method in [("/api/simulate", "POST"), ("/api/funds/7/companies", "GET")]:
        client = Client()
        request = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO()}
        client.call(StageNormMiddleware(Host(), boundary_in("enforce")), request)
        assert client.status == 200
    request = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()}
    client.call(StageNormMiddleware(Host(), boundary_in("enforce")), request)
    assert client.status == 200


def test_a_rewritten_path_keeps_the_bytes_that_are_no_utf8():
    read = []

    def host(environ, start_response):
        read.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []

    endpoint = Endpoint("e", "GET", "/f/{id}/{stage}", [PathField("stage")])
    boundary = Boundary(INVESTMENT_STAGES, [endpoint], FixedModes(ModeView(ModeState(Mode.ENFORCE))))
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/f/%\xff\xc3\xa9/Seed", "wsgi.input": io.BytesIO()}
    Client().call(StageNormMiddleware(host, boundary), request)
    assert read == ["/f/%\xff\xc3\xa9/seed"]


def test_a_chunked_body_with_a_known_end_is_judged(boundary_in):
    client = Client()
    app = StageNormMiddleware(Host(), boundary_in("enforce"))
    assert client.call(app, undeclared(ALIAS, **TERMINATED, **CHUNKED)) == CANONICAL
    client.call(app, undeclared(UNKNOWN, **TERMINATED, **CHUNKED))
    assert client.status == 400


@pytest.mark.parametrize(("situation", "status"), [("off", 200), ("warn", 200), ("enforce", 400)])
def test_a_chunked_body_without_a_known_end_is_not_touched(boundary_in, situation, status):
    client = Client()
    request = undeclared(UNKNOWN, **CHUNKED)
    body = client.call(StageNormMiddleware(Host(), boundary_in(situation)), request)
    assert client.status == status
    assert status != 200 or body == UNKNOWN


def by_iteration(stream: Any) -> bytes:
    return b"|".join(stream)


def by_lines(stream: Any) -> bytes:
    return b"|".join(iter(stream.readline, b""))


def by_short_lines(stream: Any) -> bytes:
    return b"|".join(iter(lambda: stream.readline(5), b""))


def by_line_list(stream: Any) -> bytes:
    return b"|".join(stream.readlines())


def by_chunks(stream: Any) -> bytes:
    return b"|".join(iter(lambda: stream.read(64), b""))


def by_turns(stream: Any) -> bytes:
    return b"|".join([stream.read(3), stream.readline(), stream.read(995), stream.readline(4), stream.read()])


@pytest.mark.parametrize("request_of", [environ, lambda body: undeclared(body, **TERMINATED)], ids=["plain", "chunked"])
@pytest.mark.parametrize("read", [by_iteration, by_lines, by_short_lines, by_line_list, by_chunks, by_turns])
@pytest.mark.parametrize("limit", [1000, 20_000])
@pytest.mark.parametrize("size", [100, 999, 1000, 1001, 1005, 19_999, 20_001, len(LINES)])
def test_every_way_of_reading_gives_what_the_plain_stream_gives(boundary_in, read, size, request_of):
    """Below the limit the body is held, above it what was held is followed by the rest."""
    body = LINES[:size]
    given = Client().call(StageNormMiddleware(Host(read), boundary_in("warn")), request_of(body))
    assert given == read(io.BytesIO(body))


def test_a_large_body_is_streamed_and_not_held(boundary_in, limit):
    rest = []

    def read(stream: Any) -> bytes:
        rest.append(len(socket.data))
        return stream.read(limit * 9)

    socket = Socket(b" " * limit * 9, step=limit)
    request = undeclared(b"", stream=socket, **TERMINATED)
    assert Client().call(StageNormMiddleware(Host(read), boundary_in("warn")), request) == b" " * limit * 9
    assert rest == [limit * 8 - 1]


@pytest.mark.parametrize("more", [TERMINATED, CHUNKED, {}])
def test_what_is_declared_too_large_is_not_read(boundary_in, limit, more):
    socket = Socket(b" " * 10)
    request = environ(b" " * (limit + 1), socket, **more)
    client = Client()
    client.call(StageNormMiddleware(Host(), boundary_in("enforce")), request)
    assert (client.status, len(socket.data)) == (413, 10)
    StageNormMiddleware(Host(lambda stream: b""), boundary_in("warn"))(request, client.start_response)
    assert request["wsgi.input"] is socket


@pytest.mark.parametrize("request_of", [environ, lambda body, **more: undeclared(body, **TERMINATED, **more)])
@pytest.mark.parametrize("failure", [OSError("reset"), TimeoutError(), ValueError("the server's own chunk error")])
def test_a_stream_that_fails_is_a_body_that_is_not_complete(boundary_in, request_of, failure):
    """The host meets the failure as it would without the middleware, even where the stream then only ends."""

    def request() -> dict[str, Any]:
        return request_of(ALIAS, stream=Socket(ALIAS[:20], failure=failure))

    def read(stream: Any) -> bytes:
        assert stream.read(20) == ALIAS[:20]
        socket.data = b"a failed stream that goes on"
        with pytest.raises(type(failure)) as caught:
            stream.read(1)
        assert caught.value is failure
        return b"met it"

    client = Client()
    complaint = client.call(StageNormMiddleware(Host(), boundary_in("enforce")), request())
    assert client.status == 400
    assert b"did not arrive complete" in complaint
    broken = request()
    socket = broken["wsgi.input"]
    assert client.call(StageNormMiddleware(Host(read), boundary_in("warn")), broken) == b"met it"


@pytest.mark.parametrize(("situation", "status"), [("off", 200), ("warn", 200), ("enforce", 400)])
@pytest.mark.parametrize("given", [b"", CANONICAL[:20], CANONICAL])
def test_a_body_that_ends_early_is_not_complete(boundary_in, given, situation, status):
    """However whole it looks."""
    client = Client()
    request = environ(CANONICAL + b" ", io.BytesIO(given))
    body = client.call(StageNormMiddleware(Host(), boundary_in(situation)), request)
    assert client.status == status
    assert status != 200 or body == given


def test_a_rewrite_that_declares_no_length_adds_none(boundary_in):
    host = Host()
    Client().call(StageNormMiddleware(host, boundary_in("enforce")), undeclared(ALIAS, **TERMINATED))
    assert "CONTENT_LENGTH" not in host.environ


def test_the_hosts_iterable_is_given_back_itself(boundary_in):
    class Result:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            self.closed = True

    def host(_environ, start_response) -> Result:
        start_response("200 OK", [])
        return result

    result = Result()
    given = StageNormMiddleware(host, boundary_in("warn"))(environ(UNKNOWN), Client().start_response)
    assert given is result, "so that close() and wsgi.file_wrapper work as the server means them"


def test_write_and_exc_info_reach_the_server(boundary_in):
    def host(_environ, start_response) -> list[bytes]:
        start_response("200 OK", [("A", "b")])
        try:
            {}["late"]
        except KeyError:
            write = start_response("500 Oops", [("C", "d")], sys.exc_info())
        write(b"written")
        return []

    client = Client()
    client.call(StageNormMiddleware(host, boundary_in("warn")), environ(UNKNOWN))
    assert [len(arguments) for arguments in client.starts] == [2, 3]
    assert client.starts[1][2][0] is KeyError
    assert client.header_names == ["C", "stagenorm-notice", "link"]
    assert client.written == [b"written"]


def test_start_response_may_come_with_the_first_piece(boundary_in):
    def host(_environ, start_response) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x"

    client = Client()
    assert client.call(StageNormMiddleware(host, boundary_in("warn")), environ(UNKNOWN)) == b"x"
    assert client.header_names == ["stagenorm-notice", "link"]


def test_notices_are_added_without_touching_the_hosts_list(boundary_in):
    headers = [("Link", "</x>")]

    def host(_environ, start_response) -> list[bytes]:
        start_response("200 OK", headers)
        return []

    client = Client()
    client.call(StageNormMiddleware(host, boundary_in("warn")), environ(UNKNOWN))
    assert client.header_names == ["Link", "stagenorm-notice", "link"]
    assert headers == [("Link", "</x>")]


def test_a_problem_is_one_complete_response(boundary_in):
    client = Client()
    body = client.call(StageNormMiddleware(Host(), boundary_in("enforce")), environ(UNKNOWN))
    assert client.starts[0][0] == "400 Bad Request"
    assert json.loads(body)["errors"][0]["pointer"] == "/stageDistribution/0/stage"
