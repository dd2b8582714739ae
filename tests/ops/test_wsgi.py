"""The bridge to WSGI hosts: bodies that a server does not buffer, senders that go away, and paths that are no UTF-8."""

import io
import socket
import threading

import pytest

from stagenorm import Mode
from stagenorm.ops.wsgi import OpsMiddleware
from tests.ops.conftest import ACTS, KEY, TOKEN, WRITTEN, firing


@pytest.fixture
def post(service, monkeypatch):
    """Posts to the webhook of a service that enforces, beside a WSGI host."""
    monkeypatch.setenv("STAGENORM_TOKEN_KEY", KEY.decode())
    monkeypatch.setenv("STAGENORM_WEBHOOK_SECRETS", WRITTEN)
    monkeypatch.setenv("STAGENORM_ALERTMANAGER_TOKEN", TOKEN)
    service.set("enforce")
    app = OpsMiddleware(None, service.boundary)

    def send(body, path="/webhooks/alertmanager", **changes):
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/_ops/stagenorm{path}",
            "QUERY_STRING": "",
            "SERVER_NAME": "h",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
            "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(),
            "wsgi.input": io.BytesIO(body),
            **changes,
        }
        started = []

        def start_response(status, headers, *_):
            assert "connection" not in {name.lower() for name, _ in headers}  # PEP 3333: it is the server's
            started.append(int(status[:3]))
            return lambda _: None

        b"".join(app(environ, start_response))
        return started[0]

    return send


def test_a_chunked_delivery_acts(service, post):
    assert post(firing(ACTS), HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": True}) == 200
    assert service.modes.view.state("companies").mode is Mode.WARN


def test_nothing_waits_for_a_body_that_came_in_time(service, post, until):
    here, there = socket.socketpair()
    with here, there:
        assert post(firing(ACTS), CONTENT_LENGTH=str(len(firing(ACTS))), **{"gunicorn.socket": here}) == 200
        until(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()))
        there.send(b"the next request")
        assert here.recv(100) == b"the next request"


def test_a_sender_that_goes_away_is_answered_and_changes_nothing(service, post):
    assert post(firing(ACTS)[:10], CONTENT_LENGTH="1000") == 400
    assert service.modes.view.state("companies").mode is Mode.ENFORCE


def test_a_body_beyond_the_limit_is_not_read_to_its_end(post):
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size=-1):
            Endless.taken += size
            return b" " * size

    assert post(b"", CONTENT_LENGTH="999999999", **{"wsgi.input": Endless()}) == 413
    assert Endless.taken < 300_000


def test_a_path_that_is_no_utf8_is_not_there(post):
    assert post(b"", path="/\xff", CONTENT_LENGTH="0") == 404
