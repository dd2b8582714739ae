"""The doctor: each fault that people make is found, told in one line with its fix, and makes the command fail."""

import http.server
import socket
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate

import pytest
from typer.testing import CliRunner

from stagenorm.cli.app import app
from stagenorm.demo.server import serving
from stagenorm.ops import doctor as knows
from stagenorm.ops.credentials import fresh_secret

METRICS = """\
# TYPE stagenorm_requests_total counter
stagenorm_requests_total{endpoint="a",mode="warn"} 0.0
# TYPE stagenorm_validation_seconds histogram
stagenorm_validation_seconds_bucket{endpoint="a",le="0.0001"} 0.0
stagenorm_validation_seconds_bucket{endpoint="a",le="0.001"} 0.0
stagenorm_validation_seconds_bucket{endpoint="a",le="+Inf"} 0.0
"""
RULES = """\
groups:
  - name: stagenorm_things
    rules:
      - alert: Rejects
        expr: sum(rate(stagenorm_requests_total[5m])) > 1
        annotations: {summary: "stagenorm"}
"""


@pytest.fixture
def good(monkeypatch, tmp_path):
    """An environment without a fault."""
    (tmp_path / "multiproc").mkdir()
    for name in ("STAGENORM_TOKEN_KEY", "STAGENORM_ALERTMANAGER_TOKEN", "STAGENORM_WEBHOOK_SECRETS"):
        monkeypatch.setenv(name, fresh_secret())
    monkeypatch.setenv("STAGENORM_STORE", (tmp_path / "modes.json").as_uri())
    for name in ("STAGENORM_DEFAULT_MODE", "STAGENORM_FORCE_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "multiproc"))
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    return monkeypatch


def doctor(*arguments):
    """The exit code and the faults, without what was not checked."""
    code, lines = whole(*arguments)
    return code, [line for line in lines if not line.startswith("not checked: ")]


def whole(*arguments):
    done = CliRunner().invoke(app, ["doctor", *map(str, arguments)], prog_name="stagenorm")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout.splitlines()


@contextmanager
def serving_text(text, status=200, date=None):
    """A host that answers every GET alike."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(status)
            self.send_header("date", formatdate(date))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_good_configuration_of_a_running_service_has_no_faults(good, start, tmp_path):
    service = start()
    service.now = time.time()
    (tmp_path / "rules.yml").write_text(RULES)
    contact_point = tmp_path / "contact.yml"
    contact_point.write_text("hmacConfig:\n  secret: x\n  timestampHeader: X-Grafana-Alerting-Timestamp\n")
    with serving(service.app, 0) as url, serving_text(METRICS) as metrics:
        found = doctor("--url", url, "--metrics", metrics, "--rules", tmp_path, "--grafana", contact_point)
    assert found == (0, ["no faults found"])


SAME = fresh_secret()
CONFIGURED = [
    ({"STAGENORM_TOKEN_KEY": ""}, "STAGENORM_TOKEN_KEY is not set: export"),
    ({"STAGENORM_TOKEN_KEY": "short"}, "STAGENORM_TOKEN_KEY has 5 characters"),
    ({"STAGENORM_ALERTMANAGER_TOKEN": "short"}, "STAGENORM_ALERTMANAGER_TOKEN has 5 characters"),
    ({"STAGENORM_WEBHOOK_SECRETS": "whsec_c2hvcnQ="}, "holds a secret of 5 bytes"),
    ({"STAGENORM_WEBHOOK_SECRETS": "", "STAGENORM_ALERTMANAGER_TOKEN": ""}, "no alert acts"),
    ({"STAGENORM_WEBHOOK_SECRETS": SAME, "STAGENORM_TOKEN_KEY": SAME}, "hold the same secret"),
    ({"STAGENORM_WEBHOOK_SECRETS": f"{SAME} {SAME}"}, "hold the same secret"),
    ({"STAGENORM_STORE": "redis://h/0?retry_on_timeout=true"}, "STAGENORM_STORE has retry_on_timeout"),
    ({"STAGENORM_STORE": ""}, "STAGENORM_STORE is not set, so each process has modes of its own"),
    ({"STAGENORM_STORE": "memory://"}, "STAGENORM_STORE is memory://, so each process"),
    ({"STAGENORM_STORE": "ftp://x"}, "STAGENORM_STORE: store URL with scheme 'ftp'"),
    ({"STAGENORM_STORE": "file:///nowhere/modes.json"}, "its directory is not there: make it"),
    ({"STAGENORM_STORE": "file:///proc/modes.json"}, "STAGENORM_STORE: nothing can be written in /proc ("),
    ({"STAGENORM_STORE": "redis://127.0.0.1:1/0"}, "STAGENORM_STORE: redis://127.0.0.1:1/0 cannot be reached"),
    ({"STAGENORM_DEFAULT_MODE": "strict"}, "STAGENORM_DEFAULT_MODE is 'strict': use one of"),
    ({"STAGENORM_FORCE_MODE": "strict"}, "STAGENORM_FORCE_MODE is 'strict': use one of"),
    ({"PROMETHEUS_MULTIPROC_DIR": "/nowhere"}, "mkdir -p"),
    ({"PROMETHEUS_MULTIPROC_DIR": ""}, "each scrape shows one worker"),
]


@pytest.mark.parametrize(("settings", "fault"), CONFIGURED, ids=[fault for _, fault in CONFIGURED])
def test_a_fault_of_the_configuration(good, settings, fault):
    for name, value in settings.items():
        good.setenv(name, value)
    status, (line,) = doctor()
    assert status == 1
    assert fault in line
    assert SAME not in line


def test_a_damaged_store_is_a_fault(good, tmp_path):
    (tmp_path / "modes.json").write_text("{}")
    status, (line,) = doctor()
    assert (status, "modes.json is torn or damaged" in line) == (1, True)


OPTIONAL = (
    "the running service (--url), its metrics (--metrics), the rules (--rules), Grafana's contact points (--grafana)"
)


def test_two_names_of_the_store_are_told(good, tmp_path):
    good.chdir(tmp_path)
    other = tmp_path / "stagenorm.toml"
    other.write_text('store = "file:///somewhere/else.json"\n')
    (code, (fault,)) = doctor()
    assert code == 1
    assert fault.startswith("STAGENORM_STORE and stagenorm.toml name different stores")
    other.write_text(f'store = "{(tmp_path / "modes.json").as_uri()}"\n')
    assert doctor() == (0, ["no faults found"])
    good.setenv("STAGENORM_STORE", "redis://:secret@127.0.0.1:1")
    for same in ("redis://127.0.0.1:1/0", "redis://ada:secret@127.0.0.1:1/"):
        other.write_text(f'store = "{same}"\n')
        (code, (fault,)) = doctor()
        assert "two stores" not in fault
        assert "127.0.0.1:1" in fault  # which is down, and that is told beside the names, too
    other.write_text('store = "redis://127.0.0.1:1/0?prefix=other"\n')
    assert [each[:30] for each in doctor()[1]] == ["STAGENORM_STORE and stagenorm.", "STAGENORM_STORE: redis://127.0"]
    good.setenv("STAGENORM_STORE", (tmp_path / "x/../modes.json").as_uri())
    other.write_text(f'store = "{(tmp_path / "modes.json").as_uri()}"\n')
    (tmp_path / "x").mkdir()
    assert doctor() == (0, ["no faults found"])
    other.write_text("store = [")
    (code, (fault,)) = doctor()
    assert code == 1
    assert fault.startswith("stagenorm.toml: ")


@pytest.mark.parametrize(
    ("content", "told"),
    [("wran\n", "holds 'wran'"), ("\x1b" * 5000, "holds 'more than 4096 bytes'"), ("off\n", ""), ("", "")],
)
def test_a_ceiling_that_names_no_mode_is_told(good, tmp_path, content, told):
    good.setenv("STAGENORM_FORCE_FILE", str(tmp_path / "ceiling"))
    assert doctor() == (0, ["no faults found"])
    (tmp_path / "ceiling").write_text(content)
    _, (said,) = doctor()
    assert told in said
    assert (said == "no faults found") is not bool(told)


def test_a_ceiling_that_cannot_be_read_is_told(good, tmp_path):
    good.setenv("STAGENORM_FORCE_FILE", str(tmp_path))
    (code, (fault,)) = doctor()
    assert code == 1
    assert "cannot be read (Is a directory)" in fault


def test_a_state_that_is_gone_beside_its_trail_is_told(good, tmp_path):
    (tmp_path / "modes.json.trail").write_text("{}\n")
    (_, (fault,)) = doctor()
    assert fault.startswith(f"{tmp_path}/modes.json is gone, though modes.json.trail is there")


def test_an_ops_app_is_optional_and_what_was_not_checked_is_told(good, tmp_path):
    for name in ("STAGENORM_TOKEN_KEY", "STAGENORM_ALERTMANAGER_TOKEN", "STAGENORM_WEBHOOK_SECRETS"):
        good.delenv(name)
    status, lines = whole()
    assert status == 0
    assert lines == [
        "no faults found",
        f"not checked: the ops app's secrets (none is set: docs/ops.md), {OPTIONAL}",
    ]
    good.setenv("STAGENORM_WEBHOOK_SECRETS", fresh_secret())
    status, lines = whole()
    assert status == 1
    assert lines[0].startswith("STAGENORM_TOKEN_KEY is not set")
    assert lines[1].startswith("not checked: the running service (--url)")


def test_rules_watch_the_endpoints_of_the_service(good, tmp_path):
    rules = tmp_path / "rules.yml"
    watched = '{RULES}      - record: x\n        expr: vector(1)\n        labels:\n          endpoint: "{name}"\n'
    with serving_text(METRICS) as url:
        rules.write_text(watched.format(RULES=RULES, name="a"))
        assert doctor("--metrics", url, "--rules", rules) == (0, ["no faults found"])
        rules.write_text(watched.format(RULES=RULES, name="typo"))
        status, lines = doctor("--metrics", url, "--rules", rules)
    assert status == 1
    assert lines == [
        f"{rules}: it watches endpoint typo, and the service has a: correct its name in stagenorm.toml",
        "no rule watches endpoint a: add it to stagenorm.toml, and stagenorm rules write DIR",
    ]


def test_a_contact_point_that_signs_no_time(good, tmp_path):
    path = tmp_path / "contact.json"
    path.write_text('{"hmacConfig": {"secret": "x"}}')
    status, (line,) = doctor("--grafana", path)
    assert status == 1
    assert "X-Grafana-Alerting-Timestamp" in line


EXPORTED = [
    ("", RULES, ["no series of stagenorm", "names stagenorm_requests_total, which the service does not export"]),
    (METRICS.replace('le="0.001"', 'le="0.005"'), RULES, ['no bucket le="0.001"']),
    (METRICS, RULES.replace("requests_total", "requests"), ["names stagenorm_requests, which"]),
]


@pytest.mark.parametrize(("metrics", "rules", "faults"), EXPORTED)
def test_a_fault_of_metrics_and_rules(good, tmp_path, metrics, rules, faults):
    (tmp_path / "rules.yml").write_text(rules)
    with serving_text(metrics) as url:
        status, lines = doctor("--metrics", url, "--rules", tmp_path)
    assert status == 1
    assert len(lines) == len(faults)
    assert all(fault in line for fault, line in zip(faults, lines, strict=True))


@pytest.mark.parametrize(
    ("status", "fault"), [(200, "without a token"), (404, "is no ops app"), (302, "without a token"), (500, "answered")]
)
def test_an_ops_app_that_is_open_or_none(good, status, fault):
    with serving_text("", status) as url:
        code, (line,) = doctor("--url", url)
    assert (code, fault in line) == (1, True)


def test_a_clock_that_differs(good):
    with serving_text('{"held": false, "status": "ok", "revision": 0}', 401, date=time.time() - 200) as url:
        status, (line,) = doctor("--url", url)
    assert status == 1
    assert "differ by" in line


def test_a_worker_that_cannot_follow_its_store(good):
    with serving_text('{"held": true, "status": "degraded", "revision": 0}', 401) as url:
        status, lines = doctor("--url", url)
    assert (status, len(lines)) == (1, 2)


def test_nobody_there(good, free_port):
    url = f"http://127.0.0.1:{free_port()}"
    status, lines = doctor("--url", url, "--metrics", url)
    assert (status, len(lines)) == (1, 2)


def test_what_answers_may_be_anything(good):
    with serving_text("<html>log in</html>", 401) as url:
        status, (line,) = doctor("--url", url)
    assert (status, "is no ops app" in line) == (1, True)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-x\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        status, (line,) = doctor("--metrics", f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert (status, "cannot be reached" in line) == (1, True)
    status, (line,) = doctor("--url", "http://[bad")
    assert (status, "cannot be reached" in line) == (1, True)


def test_a_password_in_a_url_is_not_shown(good):
    with serving_text("", 500) as url:
        given = url.replace("//", "//ada:secret@")
        _, lines = doctor("--url", given, "--metrics", given)
    assert len(lines) == 2
    assert "secret" not in "".join(lines)


def test_rules_need_metrics(good, tmp_path):
    assert doctor("--rules", tmp_path)[0] == 2


def test_what_is_misspelt_is_a_fault_in_one_line(good):
    good.setenv("STAGENORM_STORE", "redis://[::1")
    status, (line,) = doctor()
    assert (status, line.startswith("STAGENORM_STORE: ")) == (1, True)


@pytest.mark.parametrize("answer", ["{}", "[]", "3", '{"held": false}'])
def test_a_login_that_answers_json_is_no_ops_app(good, answer):
    with serving_text(answer, 401) as url:
        status, (line,) = doctor("--url", url)
    assert (status, "is no ops app" in line) == (1, True)


def test_clocks_and_buckets_may_be_nonsense():
    (line,) = knows.clock_faults("garbage", 0.0)
    assert "'garbage', which is no date" in line
    (line,) = knows.metrics_faults('stagenorm_x_seconds_bucket{le="foo"} 1')
    assert 'has no bucket le="0.001"' in line


def test_a_store_that_lets_itself_be_read_alone_is_told(good, start_server, until):
    primary = start_server()
    good.setenv("STAGENORM_STORE", primary.url)
    assert doctor()[0] == 0
    replica = start_server("--replicaof", "127.0.0.1", primary.port)
    with replica.client() as client:
        until(lambda: client.info("replication")["master_link_status"] == "up")
    good.setenv("STAGENORM_STORE", replica.url)
    status, (line,) = doctor()
    assert (status, line.startswith(f"STAGENORM_STORE: {replica.url} ")) == (1, True)
    with primary.client() as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "&*", "+@read", "+ping", "+eval")
    good.setenv("STAGENORM_STORE", primary.url.replace("redis://", "redis://reader:secret@"))
    status, (line,) = doctor()
    assert (status, "secret" in line) == (1, False)
