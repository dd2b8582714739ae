"""What the boundary's tests share: one guarded endpoint, and a way to send it the parts of a request."""

import json

import pytest

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, FixedModes, Mode, ModeState, ModeView
from stagenorm.boundary.request import Pass, Reject, Request, Rewrite

STATES = {
    "off": ModeState(Mode.OFF),
    "warn": ModeState(Mode.WARN),
    "enforce": ModeState(Mode.ENFORCE),
    "outside": ModeState(Mode.ENFORCE, share=0),
}


class Guarded:
    """One endpoint behind a boundary of its own, in enforce unless said otherwise; its events are kept."""

    def __init__(
        self, *fields, method="POST", path="/e", vocabulary=INVESTMENT_STAGES, mode="enforce", dates=(), **options
    ):
        self.events = []
        self.method, self.path = method, path
        endpoint = Endpoint("e", method, path, fields, **dict(dates))
        modes = FixedModes(ModeView(STATES[mode]))
        self.boundary = Boundary(vocabulary, [endpoint], modes, hooks=[self.events.append], **options)

    def send(self, body=b"", *, query=b"", path=None, raw_path=None, method=None, headers=None, client=None):
        """Judge one request; a body is JSON of its length unless headers say otherwise."""
        method, path = method or self.method, path or self.path
        guard = self.boundary.open(method, path)
        assert guard is not None, "the boundary does not guard this"
        if headers is None and isinstance(body, bytes) and body:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        announced = guard.announced(headers or [])
        body = body if announced.is_wanted else b""
        headers = headers or []
        if self.boundary.lets_pass(guard, announced, path, body, headers, client):
            return Pass()
        return self.boundary.inspect(Request(guard, method, path, raw_path, query, headers, client, body))

    def form(self, body, **parts):
        """Judge one urlencoded form."""
        media = (b"content-type", b"application/x-www-form-urlencoded")
        return self.send(body, headers=[media, (b"content-length", b"%d" % len(body))], **parts)

    def counts(self):
        """How many findings of each kind the last request had."""
        return {kind.value: times for kind, times in self.events[-1].counts.items() if times}

    def findings(self):
        """Kind, place and raw value of what the last request had that is not canonical."""
        return [(each.kind.value, each.where, each.raw) for each in self.events[-1].findings]


def read_problem(verdict):
    """The problem document of a refused request."""
    assert isinstance(verdict, Reject), verdict
    return json.loads(verdict.body)


def outcome(verdict):
    """pass, rewrite or reject."""
    return {Pass: "pass", Rewrite: "rewrite", Reject: "reject"}[type(verdict)]


@pytest.fixture(scope="session")
def guarded():
    """The class Guarded."""
    return Guarded


@pytest.fixture(scope="session")
def problem_of():
    """The function read_problem."""
    return read_problem


@pytest.fixture(scope="session")
def outcome_of():
    """The function outcome."""
    return outcome
