"""LogHook logs what the decision table has logged, sampled, and nothing a client sent gets out unescaped."""

import io
import json
import logging
import random

import pytest

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    ConfigurationError,
    Endpoint,
    FixedModes,
    Mode,
    ModeState,
    ModeView,
    QueryField,
)
from stagenorm.boundary.request import Request
from stagenorm.events import Finding, FindingKind, Inspected, Outcome
from stagenorm.observe import JsonFormatter, LogHook
from stagenorm.observe.sampling import Sampler


def inspect(mode, query, consumer="198.51.100.7", hook=None):
    boundary = Boundary(
        INVESTMENT_STAGES,
        [Endpoint("companies", "GET", "/companies", [QueryField("stage")])],
        FixedModes(ModeView(ModeState(mode))),
        hooks=[hook or LogHook()],
    )
    guard = boundary.open("GET", "/companies")
    return boundary.inspect(Request(guard, guard.announced([]), "GET", "/companies", None, query, [], consumer))


@pytest.mark.parametrize(
    ("mode", "query", "logged"),
    [
        (Mode.OFF, b"stage=angel", False),
        (Mode.WARN, b"stage=angel", True),
        (Mode.ENFORCE, b"stage=angel", True),
        (Mode.WARN, b"stage=a&stage=b", True),
        (Mode.WARN, b"stage=Series%20A", False),
        (Mode.ENFORCE, b"stage=series-a", False),
    ],
)
def test_what_the_table_has_logged_is_logged(caplog, mode, query, logged):
    inspect(mode, query)
    assert [record.name for record in caplog.records] == ["stagenorm.requests"] * logged


def test_the_generator_of_the_host_is_left_alone():
    before = random.getstate()
    inspect(Mode.ENFORCE, b"stage=angel")
    assert random.getstate() == before


def test_a_record_says_what_was_found(caplog):
    inspect(Mode.ENFORCE, b"stage=Seies%20A")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "reject on companies in enforce: stage: 'Seies A' is not in the vocabulary"
    assert record.stagenorm == {
        "endpoint": "companies",
        "mode": "enforce",
        "outcome": "reject",
        "would_reject": False,
        "consumer": "198.51.100.7",
        "findings": [
            {
                "kind": "unknown",
                "field": "stage",
                "where": "stage",
                "value": "Seies A",
                "detail": "'Seies A' is not in the vocabulary",
            }
        ],
        "stands_for": 1,
    }


def test_nothing_a_client_sent_gets_out_unescaped(caplog):
    inspect(Mode.WARN, b"stage=%1b[31m%0d%0aevil%e2%80%ae" + b"x" * 500, consumer="\x1b[31m\r\n" + "y" * 500)
    (record,) = caplog.records
    shown = record.getMessage() + record.stagenorm["consumer"] + record.stagenorm["findings"][0]["value"]
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) < 600


def event(endpoint="companies", *kinds):
    findings = tuple(Finding(kind, "stage", detail="why") for kind in kinds or [FindingKind.UNKNOWN])
    counts = {finding.kind: 1 for finding in findings}
    return Inspected(endpoint, Mode.WARN, False, Outcome.PASS, counts, None, 1e-5, True, True, findings)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_all_are_logged_while_they_are_few_and_a_tenth_beyond_each_minute_anew(caplog):
    clock, chances = Clock(), iter([0.5] * 10 + [0.5, 0.1, 0.09] + [0.99] * 10)
    hook = LogHook(clock=clock, chance=chances.__next__)
    for _ in range(13):
        clock.now += 4.9
        hook(event())
    assert [record.stagenorm["stands_for"] for record in caplog.records] == [1] * 10 + [10]
    clock.now += 60
    for _ in range(10):
        hook(event())
    assert len(caplog.records) == 21


def test_each_endpoint_and_finding_is_sampled_apart_by_the_gravest(caplog):
    hook = LogHook(Sampler(1), chance=lambda: 0.99)
    unknown, unreadable = FindingKind.UNKNOWN, FindingKind.UNREADABLE
    heard = [event("a"), event("a"), event("b"), event("a", unknown, unreadable), event("a", unreadable, unknown)]
    kept = []
    for each in heard:
        before = len(caplog.records)
        hook(each)
        kept.append(len(caplog.records) > before)
    assert kept == [True, False, True, True, False]


def test_the_records_together_stand_for_all_of_them(caplog):
    chance = random.Random(7).random
    hook = LogHook(clock=Clock(), chance=chance)
    for _ in range(20_000):
        hook(event())
    stood_for = sum(record.stagenorm["stands_for"] for record in caplog.records)
    assert len(caplog.records) < 2300
    assert stood_for == pytest.approx(20_000, rel=0.05)


@pytest.mark.parametrize(("a_minute", "probability"), [(-1, 0.1), (10, 0), (10, 1.1), (10, float("nan"))])
def test_a_sampling_that_cannot_work_is_refused(a_minute, probability):
    with pytest.raises(ConfigurationError, match="give "):
        Sampler(a_minute, probability)


def test_a_redactor_sees_every_text_of_the_client_and_nothing_gets_past_it(caplog):
    inspect(Mode.WARN, b"stage=Secret%20AG", "key-123", LogHook(redact=lambda _: "***"))
    (record,) = caplog.records
    assert "ecret" not in str(vars(record))
    assert "key-123" not in str(vars(record))
    assert record.stagenorm["findings"][0]["value"] == record.stagenorm["consumer"] == "***"
    assert record.getMessage() == "pass on companies in warn: stage: unknown"


@pytest.fixture
def json_log():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("stagenorm.requests")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_a_json_line_holds_the_whole_record(json_log):
    inspect(Mode.ENFORCE, b"stage=Seies%20A")
    line = json.loads(json_log.getvalue())
    assert line.keys() == {"time", "level", "logger", "message", "stagenorm"}
    assert (line["level"], line["logger"]) == ("WARNING", "stagenorm.requests")
    assert line["stagenorm"]["findings"][0]["value"] == "Seies A"


def test_a_json_line_is_one_line_of_printable_ascii(json_log):
    hostile = "".join(map(chr, range(0x20))) + "\x7f\x85\x9b\u2028\u202e"
    inspect(Mode.WARN, b"stage=%00%1b%0d%0a%7f%c2%85%e2%80%a8", consumer=hostile)
    logging.getLogger("stagenorm.requests").warning("anything else: %s", hostile)
    lines = json_log.getvalue().splitlines()
    assert len(lines) == 2
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert json.loads(lines[1])["message"] == f"anything else: {hostile}"
