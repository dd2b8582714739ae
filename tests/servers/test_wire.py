"""What only a wire has: chunked and oversized bodies, encodings, odd request lines, interim responses, lost clients."""

from contextlib import suppress

import pytest

SIMULATE = "/api/monte-carlo/simulate"
COMPANIES = "/api/funds/7/companies"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
CANONICAL = b'{"stageDistribution": [{"stage": "seed"}]}'
ALIAS = b'{"stageDistribution": [{"stage": "Seed Round"}]}'
UNKNOWN = b'{"stageDistribution": [{"stage": "Series D"}]}'
LARGE = CANONICAL.ljust((1 << 20) + 1)


def chunked(body, size=1 << 16):
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


def check(server, response, finding, status, read=("seed",)):
    """Off says nothing, warn says what it found, enforce refuses; the host's own refusals are the mode's business."""
    if server.mode == "enforce":
        assert response.status == status
        assert response.json["errors"][0]["finding"] == finding
        return
    assert response.notice == (f'"body";finding={finding}' if server.mode == "warn" else None)
    if read is not None:
        assert (response.status, response.read) == (200, list(read))


def test_a_body_over_the_limit(server):
    check(server, server.request("POST", SIMULATE, LARGE), "too-large", 413)


def test_a_chunked_body_over_the_limit(server):
    response = server.send("POST", server.head("POST", SIMULATE, JSON, CHUNKED) + chunked(LARGE))
    check(server, response, "too-large", 413)


def test_a_body_as_large_as_the_limit(server):
    response = server.request("POST", SIMULATE, LARGE[:-1])
    assert (response.status, response.read, response.notice) == (200, ["seed"], None)


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_a_chunked_body(server, size):
    def send(body):
        return server.send("POST", server.head("POST", SIMULATE, JSON, CHUNKED) + chunked(body, size))

    assert send(CANONICAL).read == ["seed"]
    assert send(ALIAS).read == (["Seed Round"] if server.mode == "off" else ["seed"])
    unknown = send(UNKNOWN)
    assert (unknown.status, unknown.json.get("stages")) == (
        (400, None) if server.mode == "enforce" else (200, ["Series D"])
    )


def test_a_broken_chunk(server):
    response = server.send(
        "POST", server.head("POST", SIMULATE, JSON, CHUNKED) + b"zz\r\n" + CANONICAL + b"\r\n0\r\n\r\n"
    )
    assert response.status in (400, 500), "the server's refusal, the boundary's or the host's"
    assert b"stages" not in response.body
    assert server.request("POST", SIMULATE, CANONICAL).read == ["seed"]


def test_a_content_encoding(server):
    check(server, server.request("POST", SIMULATE, CANONICAL, (JSON, "Content-Encoding: gzip")), "unsupported", 415)


def test_a_media_type_that_is_not_read(server):
    """Starlette and Django parse whatever the type says; FastAPI and Flask refuse it by themselves."""
    read = ["seed"] if server.name in ("starlette", "django") else None
    response = server.request("POST", SIMULATE, CANONICAL, ("Content-Type: text/plain",))
    check(server, response, "unsupported", 415, read)
    assert read or response.status in (415, 422)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_another_encoding_of_json(server, encoding):
    check(server, server.request("POST", SIMULATE, UNKNOWN.decode().encode(encoding)), "unreadable", 400, None)


def test_two_content_types(server):
    """Readers take the first, the last or a mixture; gunicorn refuses them itself."""
    response = server.request("POST", SIMULATE, UNKNOWN, ("Content-Type: text/plain", JSON))
    assert server.mode != "enforce" or response.status == (400 if server.name == "gunicorn" else 415)


def test_head(server):
    canonical = server.request("HEAD", COMPANIES + "?stage=seed", headers=())
    assert (canonical.status, canonical.body) == (200, b"")
    unknown = server.request("HEAD", COMPANIES + "?stage=Series+D", headers=())
    assert (unknown.status, unknown.body) == (400 if server.mode == "enforce" else 200, b"")
    assert unknown.notice == ('"stage";finding=unknown' if server.mode == "warn" else None)


def test_an_encoded_path(server):
    response = server.request("GET", "/%61pi/funds/s%C3%A9%20e/%63ompanies?stage=Series+D", headers=())
    assert response.status == (400 if server.mode == "enforce" else 200)
    assert server.mode == "enforce" or response.read == ["Series D"]


@pytest.mark.parametrize(
    "target",
    [
        "/{}",
        "//{}",
        "///{}",
        "/./{}",
        "/x/../{}",
        "/{}/",
        "/{}//",
        "/{}%0A",
        "/{}%00",
        "/{}%20",
        "/{};a=b",
        "/{}%3F",
        "/%2F{}",
        "http://127.0.0.1/{}",
        "http://127.0.0.1//{}",
        "{}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "get", "Get", "HEAD"])
def test_no_spelling_of_a_target_gets_around(server, target, method):
    """Each server and router takes some of these for the endpoint; what it then reads was judged."""
    response = server.request(method, target.format(COMPANIES[1:]) + "?stage=Series+D", headers=())
    if server.mode == "enforce":
        assert response.status >= 300
    elif response.status == 200 and method != "HEAD":
        assert response.read == ["Series D"]


@pytest.mark.parametrize("method", ["post", "Post"])
def test_a_method_in_lower_case(server, method):
    response = server.request(method, SIMULATE, ALIAS)
    if response.status == 200:
        assert response.read == (["Seed Round"] if server.mode == "off" else ["seed"])
    else:
        assert response.status in (400, 405)
    assert server.mode != "enforce" or server.request(method, SIMULATE, UNKNOWN).status >= 400


@pytest.mark.parametrize("length", ["+46", " 46 ", "4_6", "046", "0x2e", "-1", "46, 46", "46\r\nContent-Length: 46"])
def test_no_spelling_of_a_length_gets_around(server, length):
    response = server.send("POST", server.head("POST", SIMULATE, JSON, f"Content-Length: {length}") + UNKNOWN)
    assert response.status in (200, 400, 411, 422, 500, 501)
    assert server.mode != "enforce" or response.status >= 400


@pytest.mark.parametrize("body", [ALIAS, UNKNOWN, LARGE], ids=["alias", "unknown", "large"])
def test_expect_100_continue(server, body):
    """A client that waits is told to go on, or at once that it need not."""
    expecting = server.head("POST", SIMULATE, JSON, f"Content-Length: {len(body)}", "Expect: 100-continue")
    with server.connection() as client, client.makefile("rb") as answer:
        client.sendall(expecting)
        line = answer.readline()
        if b" 100 " in line:
            assert answer.readline() == b"\r\n"
            with suppress(ConnectionError):  # a server may answer and hang up before it has read everything
                client.sendall(body)
            line = answer.readline()
        assert int(line.split()[1]) == expected_status(server, body)


def expected_status(server, body):
    return {UNKNOWN: 400, LARGE: 413}.get(body, 200) if server.mode == "enforce" else 200


@pytest.mark.parametrize("framing", [f"Content-Length: {len(CANONICAL)}", CHUNKED])
def test_a_client_that_leaves_in_the_middle_of_its_body(server, framing):
    for _ in range(5):
        with server.connection() as client:
            client.sendall(
                server.head("POST", SIMULATE, JSON, framing) + (b"2a\r\n" * (framing == CHUNKED)) + CANONICAL[:20]
            )
    assert server.request("POST", SIMULATE, CANONICAL).read == ["seed"]


def test_requests_on_one_connection_do_not_touch_each_other(server):
    """What a rewrite or a refusal leaves unread must not become the next request."""
    with server.connection() as client:
        for body, read in [(ALIAS, "Seed Round"), (UNKNOWN, "Series D"), (CANONICAL, "seed")]:
            length = f"Content-Length: {len(body)}"
            client.sendall(server.head("POST", SIMULATE, JSON, length, connection="keep-alive") + body)
            response = server.receive(client, "POST")
            assert response.status == expected_status(server, body)
            assert response.status != 200 or response.read == [expected_read(server, read)]
            if response.headers["connection"] == "close":
                break


def expected_read(server, read):
    return "seed" if read == "Seed Round" and server.mode != "off" else read
