"""A Prometheus that misbehaves in every way that one can: nothing is ever known of it."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from stagenorm.rollout.observations import Counted, Measure, NotKnown
from stagenorm.rollout.prometheus import Prometheus
from stagenorm.rollout.settings import Watching

NOW = 1_800_000_000.0


def vector(*samples):
    result = [{"metric": labels, "value": [NOW, value]} for labels, value in samples]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


HERE = {"job": "api", "endpoint": "simulate"}


class Fake(ThreadingHTTPServer):
    """Answers every query by a function of it."""

    daemon_threads = True

    def __init__(self, answer):
        self.release = threading.Event()
        self.answer = answer
        super().__init__(("127.0.0.1", 0), _Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def stop(self):
        self.release.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        answer = self.server.answer(parse_qs(body)["query"][0])
        if answer is None:
            self.server.release.wait(30)
            answer = b""
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def asking():
    """Makes what asks a Prometheus that answers so."""
    made = []

    def asking(answer, *, job="", every=("simulate",), seconds=10.0):
        fake = Fake(answer)
        prometheus = Prometheus(Watching(fake.url, job), every, seconds=seconds)
        made.append((prometheus, fake))
        return prometheus

    yield asking
    for prometheus, fake in made:
        prometheus.close()
        fake.stop()


def unknown(prometheus):
    (found,) = prometheus.counts(Measure.UNKNOWN, ["simulate"], NOW - 600, NOW, whole=False).values()
    return found


def good(query):
    """A service that has been there all along."""
    if "timestamp" in query:
        return vector((HERE, str(NOW - 1)))
    if query.startswith(("sum(max", "count(max")):
        return vector(({}, "0" if "resets" in query else "2"))
    return vector((HERE, "5" if "finding" in query else "1000"))


def test_a_good_answer_is_counted(asking):
    assert unknown(asking(good)) == Counted(5, 1000, 0)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((503, b"not ready"), "is no Prometheus"),
        ((200, b"<html>log in</html>"), "is no Prometheus"),
        ((200, b""), "is no Prometheus"),
        ((200, b"[]"), "is no Prometheus"),
        ((200, b"null"), "is no Prometheus"),
        ((200, b'{"status": "success"}'), "is no Prometheus"),
        ((200, b"[" * 100_000), "is no Prometheus"),
        ((422, b'{"status": "error", "error": "query\\u0007 timed out"}'), "refused: query\\x07 timed out"),
        ((200, b'{"status": "success", "warnings": ["a store is gone"], "data": {}}'), "warns: a store is gone"),
        ((200, b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'), "something else"),
        (vector((HERE, "NaN")), "no number"),
        (vector((HERE, "+Inf")), "no number"),
        (vector((HERE, "twelve")), "is no Prometheus"),
        (vector(), "no series of it are there"),
        (
            vector(({"job": "api", "endpoint": "checkout"}, "7")),
            "endpoint 'checkout', which stagenorm.toml does not have",
        ),
        (vector((HERE, "1"), ({"job": "other", "endpoint": "simulate"}, "1")), "series of 2 jobs ('api', 'other')"),
        (vector((HERE, "1"), (HERE, "2")), "something else than it was asked"),
        (vector(({**HERE, "pod": "x"}, "1")), "something else than it was asked"),
    ],
)
def test_whatever_is_wrong_is_not_known(asking, answer, why):
    found = unknown(asking(lambda query: answer))
    assert isinstance(found, NotKnown)
    assert why in found.why


def test_series_of_another_job_than_asked_for(asking):
    found = unknown(asking(lambda query: vector((HERE, "1")), job="mine"))
    assert "it answered for job 'api', not 'mine': another service's series" in found.why


def test_an_answer_that_does_not_come(asking):
    found = unknown(asking(lambda query: None, seconds=0.1))
    assert re.fullmatch(r"Prometheus at http://127.0.0.1:\d+ did not answer within 0.1 s", found.why)


def test_nobody_there_and_nobody_named(free_port):
    port = free_port()
    gone = f"Prometheus at http://127.0.0.1:{port} cannot be reached ([Errno 111] Connection refused)"
    for url, why in ((f"http://ada:secret@127.0.0.1:{port}", gone), (None, "no prometheus is named")):
        prometheus = Prometheus(Watching(url), ["simulate"])
        assert why in unknown(prometheus).why
        assert why in prometheus.firing(["simulate"], NOW).why
        prometheus.close()


@pytest.mark.parametrize("age", [61, 3600])
def test_what_was_not_measured_lately_is_stale(asking, age):
    stale = lambda query: vector((HERE, str(NOW - age))) if "timestamp" in query else good(query)  # noqa: E731
    assert unknown(asking(stale)).why.startswith("it is not measured for")


def test_a_job_is_a_label_and_no_query(asking):
    seen = []
    prometheus = asking(lambda query: seen.append(query) or vector(), job='a"} or vector(0) #')
    unknown(prometheus)
    assert all('job="a\\"} or vector(0) #"' in query for query in seen)


@pytest.mark.parametrize(
    ("alerts", "firing"),
    [
        ([], []),
        ([{"alertname": "Mine", "endpoint": "simulate"}], ["Mine"]),
        ([{"alertname": "Everywhere"}], ["Everywhere"]),
        ([{"alertname": "Others", "endpoint": "companies"}], []),
        ([{"alertname": "Strange", "endpoint": "nobody's"}], ["Strange"]),  # it pulls everything back
    ],
)
def test_alerts_that_pull_back_this_endpoint(asking, alerts, firing):
    def answer(query):
        if "StagenormDeadMansSwitch" in query:
            return vector(({"alertname": "StagenormDeadMansSwitch"}, "1"))
        assert 'stagenorm="downgrade"' in query
        return vector(*((labels, "1") for labels in alerts))

    assert asking(answer, every=("simulate", "companies")).firing(["simulate"], NOW) == firing


def test_without_rules_nobody_knows_what_fires(asking):
    assert "does not fire" in asking(lambda query: vector()).firing(["simulate"], NOW).why
