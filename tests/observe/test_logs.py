"""LogHook logs what the decision table has logged, and nothing a client sent gets out unescaped."""

import logging

import pytest

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, FixedModes, Mode, ModeState, ModeView, QueryField
from stagenorm.boundary.request import Request
from stagenorm.observe.logs import LogHook


def inspect(mode, query, consumer="198.51.100.7"):
    boundary = Boundary(
        INVESTMENT_STAGES,
        [Endpoint("companies", "GET", "/companies", [QueryField("stage")])],
        FixedModes(ModeView(ModeState(mode))),
        hooks=[LogHook()],
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
    }


def test_nothing_a_client_sent_gets_out_unescaped(caplog):
    inspect(Mode.WARN, b"stage=%1b[31m%0d%0aevil%e2%80%ae" + b"x" * 500, consumer="\x1b[31m\r\n" + "y" * 500)
    (record,) = caplog.records
    shown = record.getMessage() + record.stagenorm["consumer"] + record.stagenorm["findings"][0]["value"]
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) < 600
