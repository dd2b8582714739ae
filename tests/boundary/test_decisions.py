"""The decision table, row by row: eight findings in four situations, seen from outside."""

import pytest

from stagenorm import JsonField, Mode, QueryField
from stagenorm.boundary.decisions import Decision, Situation, decide, strictest
from stagenorm.boundary.request import Unread
from stagenorm.events import FindingKind, Outcome

JSON_TYPE = (b"content-type", b"application/json")
# What is sent to have each finding; the endpoint takes a stage in its query and in its body.
SENT = {
    "canonical": {"query": b"q=seed"},
    "alias": {"query": b"q=Seed"},
    "sealed-alias": {"query": b"q=Seed", "headers": [(b"x-hub-signature", b"x")]},
    "unknown": {"query": b"q=growth"},
    "unreadable": {"body": b"{", "headers": [JSON_TYPE, (b"content-length", b"1")]},
    "too-large": {"body": Unread.TOO_LARGE, "headers": [JSON_TYPE]},
    "unsupported": {"body": b"{}", "headers": [(b"content-type", b"text/plain"), (b"content-length", b"2")]},
    "failed": {"query": b"q=seed"},
}
# finding: (off, warn, enforce in the share, enforce outside it). Each cell in short:
# what becomes of the request, "n" with a notice, "l" logged, "w" counted as would-reject.
TABLE = {
    "canonical": ("pass", "pass", "pass", "pass"),
    "alias": ("pass", "rewrite n", "rewrite", "rewrite n"),
    "sealed-alias": ("pass", "pass n w", "400 l", "pass n w"),
    "unknown": ("pass", "pass n l w", "400 l", "pass n l w"),
    "unreadable": ("pass", "pass n l w", "400 l", "pass n l w"),
    "too-large": ("pass", "pass n w", "413 l", "pass n w"),
    "unsupported": ("pass", "pass n w", "415 l", "pass n w"),
    "failed": ("pass", "pass l w", "500 l", "pass l w"),
}
COLUMNS = ("off", "warn", "enforce", "outside")
CELLS = [
    pytest.param(finding, situation, cell, id=f"{finding}-{situation}")
    for finding, row in TABLE.items()
    for situation, cell in zip(COLUMNS, row, strict=True)
]


def test_the_table_has_a_row_for_each_finding_and_a_column_for_each_situation():
    assert set(TABLE) == {kind.value for kind in FindingKind}
    assert len(Situation) == len(COLUMNS)


@pytest.mark.parametrize(("finding", "situation", "cell"), CELLS)
def test_each_cell(guarded, outcome_of, monkeypatch, finding, situation, cell):
    endpoint = guarded(QueryField("q"), JsonField("$.s"), mode=situation)
    if finding == "failed":
        monkeypatch.setattr("stagenorm.boundary.guard.Guard.read", lambda *_, **__: 1 / 0)
    verdict = endpoint.send(**SENT[finding])

    outcome, *marks = cell.split()
    if outcome.isdigit():
        assert outcome_of(verdict) == "reject"
        assert verdict.status == int(outcome)
    else:
        assert outcome_of(verdict) == outcome
    notice = dict(verdict.headers).get(b"stagenorm-notice")
    assert (notice is not None) == ("n" in marks)
    if notice:
        assert notice.endswith(b";finding=" + finding.encode())

    (event,) = endpoint.events
    assert event.counts[FindingKind(finding)] == 1
    assert endpoint.counts() == {finding: 1}
    assert (event.logged, event.would_reject) == ("l" in marks, "w" in marks)
    assert event.outcome.value == ("reject" if outcome.isdigit() else outcome)
    assert event.mode is (Mode.ENFORCE if situation in ("enforce", "outside") else Mode(situation))
    assert event.in_share is (situation == "enforce")


@pytest.mark.parametrize(("finding", "situation", "cell"), CELLS)
def test_without_a_listener_each_cell_is_the_same(guarded, outcome_of, monkeypatch, finding, situation, cell):
    endpoint = guarded(QueryField("q"), JsonField("$.s"), mode=situation)
    endpoint.boundary.hooks.clear()
    if finding == "failed":
        monkeypatch.setattr("stagenorm.boundary.guard.Guard.read", lambda *_, **__: 1 / 0)
    verdict = endpoint.send(**SENT[finding])
    outcome = cell.split()[0]
    assert outcome_of(verdict) == ("reject" if outcome.isdigit() else outcome)
    assert not outcome.isdigit() or verdict.status == int(outcome)


def test_a_rejection_outweighs_a_rewrite_and_that_a_pass():
    passed, rewritten = Decision(notice=True), Decision(Outcome.REWRITE, logged=True)
    rejected, worse = Decision(Outcome.REJECT, status=400), Decision(Outcome.REJECT, would_reject=True, status=415)
    assert strictest([]) == Decision()
    assert strictest([rewritten]) is rewritten
    assert strictest([passed, rewritten]) == Decision(Outcome.REWRITE, notice=True, logged=True)
    assert strictest([rejected, rewritten, passed]) == Decision(Outcome.REJECT, notice=True, logged=True, status=400)
    assert strictest([rejected, worse]) == Decision(Outcome.REJECT, would_reject=True, status=415)


@pytest.mark.parametrize(
    ("mode", "in_share", "situation"),
    [
        *((Mode.OFF, False, "off"), (Mode.OFF, True, "off"), (Mode.WARN, False, "warn"), (Mode.WARN, True, "warn")),
        (Mode.ENFORCE, True, "enforce, in the canary share"),
        (Mode.ENFORCE, False, "enforce, outside the share"),
    ],
)
def test_situations(mode, in_share, situation):
    assert Situation.of(mode, in_share) == situation


@pytest.mark.parametrize(
    ("situation", "outcome", "query"),
    [("warn", "rewrite", b"q=seed"), ("outside", "rewrite", b"q=seed"), ("off", "pass", None)],
)
def test_where_unknown_values_pass_the_aliases_beside_them_are_rewritten(
    guarded, outcome_of, situation, outcome, query
):
    endpoint = guarded(QueryField("q"), JsonField("$.s"), mode=situation)
    verdict = endpoint.send(b'{"s":"growth"}', query=b"q=Seed")
    assert outcome_of(verdict) == outcome
    assert getattr(verdict, "query", None) == query
    assert endpoint.counts() == {"alias": 1, "unknown": 1}


def test_every_kind_decides_in_every_situation():
    for kind in FindingKind:
        for situation in Situation:
            decision = decide(kind, situation)
            assert (decision.status > 0) == (decision.outcome is Outcome.REJECT)
            assert not (decision.would_reject and decision.outcome is Outcome.REJECT)
