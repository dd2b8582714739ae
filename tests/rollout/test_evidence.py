"""Files of evidence: what the commands leave behind is read, and whatever else lies there is not known."""

import json

import pytest

from stagenorm.backups.receipt import Receipt, Receipts
from stagenorm.core.conclusion import Conclusion
from stagenorm.rollout.evidence import read_evidence
from stagenorm.rollout.observations import NotKnown, Proved, Report
from stagenorm.rollout.settings import EvidenceFiles

KEY = {"STAGENORM_RECEIPT_KEY": "0123456789abcdef01234567"}
AT = "2026-11-22T03:00:00Z"


def consumers(tmp_path, content):
    path = tmp_path / "consumers.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_evidence(EvidenceFiles(consumers=path), KEY).consumers


@pytest.mark.parametrize("result", list(Conclusion))
def test_a_report_says_its_result_and_when(tmp_path, result):
    found = consumers(tmp_path, {"result": result.value, "generated_at": AT, "more": []})
    assert found == Report(result, 1_795_316_400.0)


def test_a_report_may_say_when_its_subject_began(tmp_path):
    found = consumers(tmp_path, {"result": "PASS", "generated_at": AT, "began_at": "2026-11-22T02:00:00Z"})
    assert found.began_at == found.generated_at - 3600


def test_a_report_says_what_it_is_of(tmp_path):
    content = {"result": "PASS", "generated_at": AT, "filter": "id < 10", "identity": "app", "logs": {"until": AT}}
    found = consumers(tmp_path, content)
    assert (found.filter, found.identity, found.until) == ("id < 10", "app", found.generated_at)
    assert isinstance(consumers(tmp_path, {**content, "logs": [1]}), NotKnown)
    assert hash(consumers(tmp_path, {**content, "identity": ["app"]})), "gates compare it"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\xff\xfe",
        b"[" * 100_000,
        [],
        "PASS",
        {},
        {"result": "PASS"},
        {"result": "pass", "generated_at": AT},
        {"result": ["PASS"], "generated_at": AT},
        {"result": "PASS", "generated_at": 7},
        {"result": "PASS", "generated_at": "yesterday"},
        {"result": "PASS", "generated_at": "2026-11-22T03:00:00"},  # of which zone?
    ],
    ids=lambda content: repr(content)[:40],
)
def test_whatever_is_no_report_is_not_known(tmp_path, content):
    found = consumers(tmp_path, content)
    assert isinstance(found, NotKnown)
    assert "is no report: it needs result and generated_at" in found.why


def test_what_is_not_there_or_not_named_is_not_known(tmp_path):
    nothing = read_evidence(EvidenceFiles(), KEY)
    assert "no consumers_report is named" in nothing.consumers.why
    assert "no verify_report is named" in nothing.backfill.why
    assert "no receipt is named" in nothing.receipt.why
    away = read_evidence(EvidenceFiles(tmp_path / "a", tmp_path, tmp_path / "c"), KEY)
    assert away.consumers.why.endswith("a is not there")
    assert "cannot be read: Is a directory" in away.backfill.why
    assert "cannot be read" in away.receipt.why


def test_a_receipt_counts_only_with_its_signature(tmp_path):
    path = Receipts(KEY).write(Receipt("app", "0" * 64, 1000.0, ("deals.stage",), 1.0), tmp_path / "dump")
    files = EvidenceFiles(receipt=path)
    assert read_evidence(files, KEY).receipt == Proved(1000.0, "app")
    assert "not set" in read_evidence(files, {}).receipt.why
    assert "not signed with this" in read_evidence(files, {"STAGENORM_RECEIPT_KEY": "x" * 24}).receipt.why
    path.write_text("{}")
    assert isinstance(read_evidence(files, KEY).receipt, NotKnown)
