"""``stagenorm offenders``: from logs that the hook wrote, and from a service that answers or does not."""

import http.server
import json
import logging
import re
import shlex
import sys
import threading

import pytest

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, QueryField
from stagenorm.boundary.request import Request
from stagenorm.observe import JsonFormatter, LogHook
from stagenorm.observe.sampling import Sampler
from stagenorm.stores import open_store

SENT = [(b"Seies%20A", "ada", 5), (b"angel", "bob", 3), (b"s%D0%B5ed", "bob", 2), (b"it's%5C%0A", "eve", 1)]


@pytest.fixture
def log(tmp_path):
    """A log of JSON lines, as a service writes it, with lines of others between them."""
    path = tmp_path / "service.log"
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("stagenorm.requests")
    logger.addHandler(handler)
    hook = LogHook(Sampler(1, 0.5), chance=lambda: 0)
    boundary = Boundary(INVESTMENT_STAGES, [Endpoint("companies", "GET", "/c", [QueryField("stage")])], hooks=[hook])
    try:
        for value, consumer, times in SENT:
            for _ in range(times):
                guard = boundary.open("GET", "/c")
                boundary.inspect(
                    Request(guard, guard.announced([]), "GET", "/c", None, b"stage=" + value, [], consumer)
                )
    finally:
        logger.removeHandler(handler)
        handler.close()
    with path.open("ab") as file:
        file.write(
            b'not JSON\n[]\n{"stagenorm": 3}\n{"stagenorm": {"findings": [{"kind": "unknown"}]}}\n\xff\n{"a": 1}\n'
        )
    return path


def test_logs_are_counted_by_what_each_record_stands_for(invoke, log):
    found = json.loads(invoke("offenders", log, "--json").stdout)
    # The first record stood for itself, each other one for two.
    assert [(each["value"], each["count"], each["consumers"]) for each in found] == [
        ("Seies A", 9, ["ada"]),
        ("angel", 6, ["bob"]),
        ("s\u0435ed", 4, ["bob"]),
        ("it's\\\n", 2, ["eve"]),
    ]
    assert [each["suggestions"] for each in found] == [["series-a"], [], ["seed"], []]


def test_the_table_ends_with_commands_that_work(invoke, log, tmp_path, monkeypatch):
    shown = invoke("offenders", log).stdout
    commands = [line.strip() for line in shown.splitlines() if line.startswith("  stagenorm alias add")]
    assert [shlex.split(command)[-2:] for command in commands] == [["Seies A", "series-a"], ["s\u0435ed", "seed"]]
    monkeypatch.setenv("STAGENORM_STORE", (tmp_path / "modes.json").as_uri())
    done = invoke(*shlex.split(commands[0])[1:])
    assert done.exit_code == 0, done.output
    (alias,) = open_store((tmp_path / "modes.json").as_uri()).read().overlays.aliases
    assert alias.value == "series-a"


def test_the_commands_name_the_vocabulary_that_they_need(invoke, log, tmp_path, monkeypatch):
    mine = tmp_path / "my stages.toml"
    mine.write_text('name = "mine"\n[[terms]]\nvalue = "series-a"\n')
    shown = invoke("offenders", log, "--vocabulary", mine).stdout
    (command,) = [line.strip() for line in shown.splitlines() if line.startswith("  stagenorm alias add")]
    found = json.loads(invoke("offenders", log, "--vocabulary", mine, "--json").stdout)
    assert [each["alias_command"] for each in found] == [command, None, None, None]
    url = (tmp_path / "modes.json").as_uri()
    monkeypatch.setenv("STAGENORM_STORE", url)
    done = invoke(*shlex.split(command)[1:])
    assert done.exit_code == 0, done.output
    (alias,) = open_store(url).read().overlays.aliases
    assert (alias.vocabulary, alias.value) == ("mine", "series-a")


def test_several_logs_add_up_and_none_is_no_fault(invoke, log, tmp_path):
    assert json.loads(invoke("offenders", log, log, "--json", "-n", "1").stdout)[0]["count"] == 18
    (tmp_path / "empty").touch()
    assert invoke("offenders", tmp_path / "empty").stdout == "no unknown values\n"
    assert "absent cannot be read: No such file" in invoke("offenders", tmp_path / "absent").stderr


def test_a_log_without_a_json_record_is_a_fault_that_says_how_to_log(invoke, log, tmp_path):
    plain = tmp_path / "plain.log"
    plain.write_text("WARNING unknown value\n\n3\n[]\n" * 5)
    for options in ((), ("--json",)):
        refused = invoke("offenders", log, plain, *options)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"stagenorm: {plain}: none of its 20 lines is a JSON record: log with JsonFormatter (docs/telemetry.md)\n"
        )
    plain.write_text('unknown\n{"message": "of somebody else"}\n')
    assert invoke("offenders", plain).stdout == "no unknown values\n"


def test_nothing_to_ask_is_wrong_usage_and_says_what_to_give(invoke, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = invoke("offenders")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "give --url or LOG, or write stagenorm.toml (docs/telemetry.md)" in wrong.stderr
    assert "mine.toml: there is no such file in " in invoke("offenders", "--config", "mine.toml").stderr


class Service(http.server.BaseHTTPRequestHandler):
    """Answers as its server was told, to who brings the token."""

    def do_GET(self):
        allowed = self.headers["Authorization"] == "Bearer tok"
        status, body = self.server.answers.get(self.path, (404, b"")) if allowed else (401, b"{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setenv("STAGENORM_TOKEN", "tok")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.answers = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/ops"
    yield server
    server.shutdown()
    server.server_close()


def test_a_service_is_asked_with_the_token(invoke, service, monkeypatch, tmp_path):
    offender = {"endpoint": "companies", "value": "Seies A", "count": 7.0, "consumers": ["ada"], "more": 1}
    service.answers["/ops/offenders"] = 200, json.dumps({"offenders": [offender]}).encode()
    shown = invoke("offenders", "--url", service.url)
    assert shown.exit_code == 0, shown.output
    assert "Seies A" in shown.stdout
    assert "-- 'Seies A' series-a" in shown.stdout
    configuration = tmp_path / "stagenorm.toml"
    configuration.write_text(f'ops_url = "{service.url}/"\n[[endpoints]]\nname = "companies"\n')
    assert json.loads(invoke("offenders", "--config", configuration, "--json").stdout)[0]["value"] == "Seies A"
    (tmp_path / "mine.toml").write_text('name = "mine"\n[[terms]]\nvalue = "series-a"\n')
    configuration.write_text(f'vocabulary = "mine.toml"\n{configuration.read_text()}')
    (found,) = json.loads(invoke("offenders", "--config", configuration, "--json").stdout)
    assert shlex.join(["--vocabulary", str(tmp_path / "mine.toml")]) in found["alias_command"]
    monkeypatch.delenv("STAGENORM_TOKEN")
    refused = invoke("offenders", "--url", service.url)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "/ops/offenders refused (401): set STAGENORM_TOKEN" in refused.stderr


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"", "answered 404: is the ops app mounted there, and does the service have its secrets set?"),
        (500, b"", "answered 500: is the ops app mounted there?"),
        (302, b"", "answered 302"),
        (200, b"<html>", "answered no list of offenders"),
        (200, b"[]", "answered no list of offenders"),
        (200, b'{"offenders": [{"value": 1}]}', "answered no list of offenders"),
    ],
)
def test_another_answer_is_named(invoke, service, status, body, said):
    service.answers["/ops/offenders"] = status, body
    refused = invoke("offenders", "--url", service.url)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert said in refused.stderr


def test_without_an_http_client_the_extra_is_named(invoke, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "stagenorm.cli.ops_client", raising=False)
    assert "pip install 'stagenorm[cli]'" in invoke("offenders", "--url", "http://127.0.0.1").stderr


def test_a_password_in_the_url_is_sent_and_never_shown(invoke, service):
    service.answers["/ops/offenders"] = 500, b""
    for url in (
        service.url.replace("//", "//ada:secret@"),
        "http://ada:secret@127.0.0.1:1/x?token=secret",
        "x:secret@[",
    ):
        refused = invoke("offenders", "--url", url)
        assert refused.exit_code == 1
        assert "secret" not in refused.stderr


def test_a_token_in_another_alphabet_is_refused_as_any_other(invoke, service, monkeypatch):
    monkeypatch.setenv("STAGENORM_TOKEN", "t\u00f6ken")
    assert "refused (401): set STAGENORM_TOKEN" in invoke("offenders", "--url", service.url).stderr


@pytest.mark.parametrize("weight", ["NaN", "Infinity", "-1", "0"])
def test_a_record_that_stands_for_no_number_is_passed_over(invoke, log, weight):
    before = json.loads(invoke("offenders", log, "--json").stdout)
    (line,) = [line for line in log.read_text(errors="replace").splitlines() if '"angel"' in line][:1]
    with log.open("a") as file:
        file.write(re.sub(r'"stands_for": [0-9.]+', f'"stands_for": {weight}', line) + "\n")
    assert json.loads(invoke("offenders", log, "--json").stdout) == before


def test_no_answer_is_named(invoke, free_port, log):
    gone = invoke("offenders", "--url", f"http://127.0.0.1:{free_port()}/ops")
    assert gone.exit_code == 1
    assert "cannot be reached" in gone.stderr
    assert "is no HTTP URL: write http://host:port/path" in invoke("offenders", "--url", "no url").stderr
    assert invoke("offenders", log, "--url", "http://x").exit_code == 2
