"""The ops app on real servers: in every example, alone, and behind the relay."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from stagenorm import Mode
from stagenorm.demo.server import serving
from stagenorm.ops.bodies import MAX_BYTES
from stagenorm.ops.credentials import WebhookSecret
from stagenorm.ops.signatures import sign
from stagenorm.ops.tokens import Tokens
from stagenorm.stores import open_store
from tests.ops.conftest import ACTS, KEY, TOKEN, WRITTEN, firing
from tests.servers.conftest import NAMES, running

PREFIX = "/_ops/stagenorm"
SECRETS = {
    "STAGENORM_TOKEN_KEY": KEY.decode(),
    "STAGENORM_WEBHOOK_SECRETS": WRITTEN,
    "STAGENORM_ALERTMANAGER_TOKEN": TOKEN,
}
BEARER = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
UNKNOWN = "/api/funds/7/companies?stage=nonsense"


@pytest.fixture
def operator():
    return {"authorization": f"Bearer {Tokens(KEY).issue('ada', time.time() + 600)}"}


def signed(body, identifier="msg_1"):
    headers = sign(WebhookSecret.parse(WRITTEN).key, identifier, time.time(), body)
    return {**headers, "content-type": "application/json"}


@contextlib.contextmanager
def slow_sender(port, path, framing="Content-Length: 100\r\n\r\n{"):
    """Announces a body, sends one byte of it, and waits."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}"
        client.sendall(head.encode())
        yield client


@pytest.mark.parametrize("name", NAMES)
def test_an_example_serves_it(name, fresh_file, tmp_path, operator, until):
    store = fresh_file()
    with (
        running(name, "enforce", tmp_path / "log", STAGENORM_STORE=store, **SECRETS) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client,
    ):
        webhook = f"{PREFIX}/webhooks/alertmanager"
        assert client.get(UNKNOWN).status_code == 400
        assert client.get(f"{PREFIX}/healthz").json()["status"] == "ok"
        assert client.get(f"{PREFIX}/mode").status_code == 401
        assert client.get(f"{PREFIX}/mode", headers=operator).json()["global"]["mode"] == "enforce"
        assert client.get(f"{PREFIX}/openapi.json").json()["servers"] == [{"url": PREFIX}]
        assert client.post(webhook, content=b"{}", headers={"content-type": "application/json"}).status_code == 401
        assert client.post(webhook, content=b"x" * (MAX_BYTES + 1)).status_code == 413

        body = firing({**ACTS, "endpoint": "companies"})
        answer = client.post(webhook, content=body, headers=signed(body))
        assert answer.json() == {
            "result": "done",
            "sender": "standard-webhooks",
            "verified": True,
            "endpoints": ["companies"],
        }
        until(lambda: client.get(UNKNOWN).status_code == 200)
        assert open_store(store).read().state("companies").latched
        # Grafana and stock Alertmanager take the same way; the latter from loopback.
        everything = firing(ACTS)
        assert client.post(webhook, content=everything, headers=BEARER).json()["verified"] is False

        change = {"mode": "off", "reason": "enough"}
        assert client.put(f"{PREFIX}/mode", headers=operator, json=change).status_code == 200
        assert open_store(store).trail(1)[0].author == "ada"
        seen = client.get("/api/deprecations").json()
        assert [each["endpoint"] for each in seen["endpoints"]] == ["simulate", "strategies", "companies"]
        assert client.get(f"{PREFIX}/deprecations").json() == seen


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gunicorn"])  # it listens before it loads
def test_a_short_secret_stops_an_example_at_its_start(name, tmp_path):
    complaint = r'STAGENORM_TOKEN_KEY has 5 characters.*export STAGENORM_TOKEN_KEY="\$\(stagenorm token secret\)"'
    settings = {**SECRETS, "STAGENORM_TOKEN_KEY": "short"}
    with pytest.raises(AssertionError, match=complaint), running(name, "warn", tmp_path / "log", **settings):
        pass


@pytest.mark.parametrize("name", ["starlette", "django"])
def test_slow_senders_do_not_hold_a_worker(name, tmp_path):
    with running(name, "warn", tmp_path / "log", **SECRETS) as server, contextlib.ExitStack() as slow:
        for _ in range(20):
            slow.enter_context(slow_sender(server.port, f"{PREFIX}/webhooks/alertmanager"))
        assert httpx.get(f"http://127.0.0.1:{server.port}{PREFIX}/healthz", timeout=4).status_code == 200


@pytest.mark.parametrize("framing", ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n64\r\n{"])
def test_a_worker_that_reads_for_itself_waits_no_longer_than_others(framing, tmp_path):
    with running("gunicorn", "warn", tmp_path / "log", **SECRETS) as server:
        path = f"{PREFIX}/webhooks/alertmanager"
        with slow_sender(server.port, path, framing) as slow:
            assert httpx.get(f"http://127.0.0.1:{server.port}{PREFIX}/healthz", timeout=20).status_code == 200
            answer = slow.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:stagenorm:problem:too-slow" in answer


def test_a_slow_sender_is_cut_off(start):
    service = start(body_seconds=0.2)
    with serving(service.app, 0) as url, slow_sender(httpx.URL(url).port, "/webhooks/alertmanager") as client:
        answer = client.makefile("rb").read()  # until the server hangs up
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:stagenorm:problem:too-slow" in answer
    assert service.results == ["not-understood"]


def test_a_body_of_unknown_length_is_read_up_to_its_limit(start):
    service = start()

    def endless():
        for _ in range(64):
            yield b" " * (1 << 14)

    with serving(service.app, 0) as url:
        answer = httpx.post(f"{url}/webhooks/alertmanager", content=endless(), headers=BEARER)
    assert answer.status_code == 413


def test_a_sender_that_goes_away_changes_nothing(start, until):
    service = start()
    with serving(service.app, 0) as url:
        with slow_sender(httpx.URL(url).port, "/webhooks/alertmanager"):
            pass
        until(lambda: service.results == ["not-understood"])
    assert service.state().mode is Mode.ENFORCE


@pytest.fixture
def command(free_port, tmp_path, until):
    """Starts a command that listens, on a free port; gives its URL."""
    started = []

    def start(*arguments, **settings):
        port = free_port()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **settings}
        log = (tmp_path / f"command{len(started)}").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "stagenorm", *arguments, "--port", str(port)], env=environment, stderr=log
        )
        started.append((process, log))

        def listens():
            assert process.poll() is None, (tmp_path / f"command{len(started) - 1}").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return True

        until(listens)
        return f"http://127.0.0.1:{port}"

    yield start
    for process, log in started:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        log.close()


def test_alone(command, fresh_file, operator, tmp_path):
    store = fresh_file()
    config = tmp_path / "stagenorm.toml"
    declared = 'name = "companies"\nmethod = "GET"\npath = "/c"\nfields = [{ query = "stage" }]'
    config.write_text(f'store = "{store}"\n[[endpoints]]\n{declared}')
    url = command("ops", "serve", "--config", str(config), "--alert", "Rejects", **SECRETS)
    body = firing({"endpoint": "companies"})  # acts by its name
    answer = httpx.post(f"{url}/webhooks/alertmanager", content=body, headers=signed(body)).json()
    assert (answer["result"], answer["endpoints"]) == ("done", ["companies"])
    assert open_store(store).read().state("companies").latched
    assert httpx.get(f"{url}/mode", headers=operator).json()["endpoints"]["companies"]["latched"]


def test_alone_it_wants_to_know_the_endpoints(tmp_path, fresh_file):
    config = tmp_path / "stagenorm.toml"
    config.write_text('[[endpoints]]\nname = "companies"')
    arguments = ["ops", "serve", "--config", str(config), "--store", fresh_file()]
    done = subprocess.run([sys.executable, "-m", "stagenorm", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "declare method, path and fields of the endpoints" in done.stderr


def test_a_port_that_is_taken_is_an_error_and_no_announcement():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        relay = [sys.executable, "-m", "stagenorm", "relay", "--to", "http://127.0.0.1:1/webhooks/alertmanager"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **SECRETS}
        done = subprocess.run([*relay, "--port", port], env=environment, capture_output=True, text=True, check=False)
    said = f"stagenorm: nothing can listen at 127.0.0.1, port {port}: Address already in use\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_the_relay_signs_and_answers_what_the_service_answered(command, start, body, free_port):
    service = start()
    service.now = time.time()
    with serving(service.app, 0) as url:
        relay = command("relay", "--to", f"{url}/webhooks/alertmanager", **SECRETS)
        as_json = {"content-type": "application/json"}
        answer = httpx.post(f"{relay}/", content=body, headers=as_json)
        assert (answer.status_code, answer.json()["result"], answer.json()["verified"]) == (200, "done", True)
        assert service.store.trail(1)[0].author == "standard-webhooks"
        # Each post is a delivery of its own: the next one acts again.
        service.unlatch()
        service.set("enforce")
        assert httpx.post(f"{relay}/", content=body, headers=as_json).json()["result"] == "done"
        assert httpx.post(f"{relay}/", content=b"{}", headers=as_json).status_code == 400
        odd = {"content-type": b"application/json; \xff"}  # of no alphabet that could be passed on
        assert httpx.post(f"{relay}/", content=b"{}", headers=odd).status_code == 400
        assert httpx.post(f"{relay}/", content=body, headers={"content-type": "text/plain"}).status_code == 415
        assert httpx.get(f"{relay}/").status_code == 405
        service.now += 1000
        assert httpx.post(f"{relay}/", content=body, headers=as_json).status_code == 401
    gone = httpx.post(f"{relay}/", content=body, headers=as_json)
    assert (gone.status_code, json.loads(gone.content)["type"]) == (502, "urn:stagenorm:problem:unreachable")
