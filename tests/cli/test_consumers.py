"""The consumers command: counts, verdicts, and exit codes that hold where nothing is known."""

import json

import pytest

from tests.consumers.conftest import TOML, line

OTHERS = line("/elsewhere") * 3


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stagenorm.toml").write_text(TOML)
    (tmp_path / "access.log").write_bytes(line() * 4 + line(peer="10.1.1.1", agent="job/1") * 2 + b"\x1b[2Jbad\n")
    (tmp_path / "other.log").write_bytes(OTHERS)
    (tmp_path / "client.js").write_text('fetch("/api/monte-carlo/simulate")')
    return tmp_path


def test_logs_counts_each_endpoint_by_its_name(here, invoke):
    done = invoke("consumers", "logs", "access.log", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["result"]) == (0, "PASS")
    assert told["counts"] == {"companies": 6, "simulate": 0}
    assert [client["class"] for client in told["endpoints"]["companies"]["clients"]] == ["external", "internal"]
    assert told["malformed"] == 1


def test_logs_are_shown_to_people(here, invoke):
    shown = invoke("consumers", "logs", "access.log").stdout
    assert "203.0.113.0/24  external  curl" in shown
    assert "7 lines, 1 malformed" in shown
    assert "access.log:7: \\x1b[2Jbad" in shown
    assert "\x1b" not in shown


def test_logs_from_standard_input(here, start):
    with (here / "access.log").open("rb") as log:
        out, _ = start("consumers", "logs", "-", "--json", stdin=log).communicate(timeout=60)
    assert json.loads(out)["counts"]["companies"] == 6


def test_a_log_of_another_service_holds(here, invoke):
    for arguments in (["logs", "other.log"], ["report", "--log", "other.log"]):
        done = invoke("consumers", *arguments)
        assert done.exit_code == 3
        assert "HOLD" in done.stdout


def test_a_report_fails_until_every_external_consumer_is_dealt_with(here, invoke):
    report = ("consumers", "report", "--log", "access.log", "--code", "client.js", "--out", "consumers.json")
    failed = invoke(*report)
    assert (failed.exit_code, json.loads((here / "consumers.json").read_text())["result"]) == (1, "FAIL")
    assert "1 external consumer stands, with 4 requests" in failed.stdout
    said = invoke(
        "consumers", "classify", "203.0.113.9", "mitigated", "--reason", "their owner was told", "--by", "ada"
    )
    assert said.exit_code == 0
    passed = invoke(*report, "--html", "page.html", "--markdown", "page.md")
    told = json.loads((here / "consumers.json").read_text())
    assert (passed.exit_code, told["result"], told["external"]) == (0, "PASS", 0)
    assert told["generated_at"].endswith("Z")
    assert (told["consumers"][0]["reason"], told["consumers"][0]["author"]) == ("their owner was told", "ada")
    assert told["code"]["places"][0]["line"] == 1
    assert "their owner was told" in (here / "page.md").read_text()


def test_the_page_is_one_file_that_asks_for_nothing(here, invoke):
    (here / "access.log").write_bytes(line(agent="<script>alert(1)</script>") + line(peer="<b>", agent="x/1"))
    invoke("consumers", "report", "--log", "access.log", "--html", "page.html")
    page = (here / "page.html").read_text()
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert "<b>" not in page
    assert not any(f'{attribute}="http' in page for attribute in ("src", "href"))


def test_nothing_read_holds(here, invoke):
    done = invoke("consumers", "report", "--code", "client.js")
    assert done.exit_code == 3
    assert "no access log was read" in done.stdout


def test_code_is_told_with_file_and_line(here, invoke):
    assert "client.js:1: simulate (high): fetch(" in invoke("consumers", "code", ".").stdout
    assert json.loads(invoke("consumers", "code", ".", "--json").stdout)["places"][0]["confidence"] == "high"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["logs", "absent.log"], "absent.log: cannot be read"),
        (["code", "absent"], "absent is not there"),
        (["logs", "access.log", "--config", "bare.toml"], "no endpoint says what it guards"),
        (["report", "--log", "access.log", "--config", "wrong.toml"], "is no network"),
        (["report", "--log", "access.log", "--config", "damaged.toml"], "it holds no verdicts"),
    ],
)
def test_what_cannot_be_is_one_line(here, invoke, arguments, said):
    (here / "bare.toml").write_text('[[endpoints]]\nname = "companies"\n')
    (here / "wrong.toml").write_text(TOML.replace("10.0.0.0/8", "10.0.0.1/8"))
    (here / "damaged.toml").write_text(TOML.replace("[consumers]", '[consumers]\nverdicts = "damaged.json"'))
    (here / "damaged.json").write_text('[{"network": 3}]')
    done = invoke("consumers", *arguments)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
