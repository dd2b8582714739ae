"""Every alert by promtool: what makes it fire, and what it must not fire for."""

import json
import subprocess
from dataclasses import dataclass, field

import pytest

from stagenorm.observe.rules.alerts import ALERTS

HOUR = 720  # samples, one every 5 s


def requests(passed, rejected=None, *, endpoint="simulate", mode="enforce", outside=None):
    """The series of an endpoint's requests, as promtool writes values; those outside the share apart."""
    series = {
        f'stagenorm_requests_total{{endpoint="{endpoint}",mode="{mode}",outcome="pass",instance="a"}}': passed,
        f'stagenorm_rejects_total{{endpoint="{endpoint}",instance="a"}}': rejected or "0x9000",
    }
    if rejected:
        name = f'stagenorm_requests_total{{endpoint="{endpoint}",mode="{mode}",outcome="reject",instance="a"}}'
        series[name] = rejected
    if mode == "enforce":
        enforced = [passed, rejected or "0x9000"]
        series |= {
            f'stagenorm_enforced_requests_total{{endpoint="{endpoint}",instance="{number}"}}': each
            for number, each in enumerate(enforced)
        }
    if outside:
        name = f'stagenorm_requests_total{{endpoint="{endpoint}",mode="{mode}",outcome="pass",instance="b"}}'
        series[name] = outside
    return series


def values(unknown, canonical, mode):
    return {
        'stagenorm_values_total{endpoint="simulate",finding="unknown"}': unknown,
        'stagenorm_values_total{endpoint="simulate",finding="canonical"}': canonical,
        'stagenorm_mode{endpoint="simulate",instance="a"}': f"{mode}x9000",
        'stagenorm_mode{endpoint="simulate",instance="b"}': "1x9000",
    }


def buckets(within_a_millisecond):
    return {
        f'stagenorm_validation_seconds_bucket{{endpoint="simulate",le="{bound}"}}': f"0+{count}x9000"
        for bound, count in (("0.0005", 0), ("0.001", within_a_millisecond), ("0.0025", 1000), ("+Inf", 1000))
    }


def failures(values):
    return {'stagenorm_boundary_failures_total{endpoint="simulate"}': values}


def stale(values):
    return {'stagenorm_store_stale_seconds{instance="a",job="api"}': values}


def scraped(values):
    return {'stagenorm_mode{endpoint="simulate",instance="a",job="api"}': values.strip()}


@dataclass
class Case:
    """One alert, the series it sees, when, and the label values it fires for; hours are judged by the minute."""

    alert: str
    why: str
    series: dict[str, str]
    at: str
    fires_for: list[str] = field(default_factory=list)
    by: str = "endpoint"
    every: str = "5s"

    def __str__(self):
        return f"{self.alert}, {self.why}"


REJECTS, BURNS, UNKNOWN = "StagenormEnforceRejects", "StagenormRejectBudgetBurns", "StagenormUnknownInWarn"
SLOW, STORE, FAILING = "StagenormValidationSlow", "StagenormStoreDegraded", "StagenormBoundaryFailing"
GONE, SWITCH, SELDOM = "StagenormMetricsGone", "StagenormDeadMansSwitch", "StagenormScrapedTooSeldom"
HERE = ["simulate"]

CASES = [
    Case(REJECTS, "2% of all", requests("0+98x9000", "0+2x9000"), "6m", HERE),
    Case(REJECTS, "2% from the first request on", requests("0+98x9000", "0+2x9000"), "30s", HERE),
    Case(REJECTS, "0.9%", requests("0+991x9000", "0+9x9000"), "6m"),
    Case(REJECTS, "4 rejects of 100", requests("0+10x10 100x9000", "0x9 4x9000"), "1m"),
    Case(REJECTS, "5% that ended two minutes ago", requests("0+95x9000", "0+5x36 180x9000"), "5m30s"),
    Case(REJECTS, "2% where 5% is the budget", requests("0+98x9000", "0+2x9000", endpoint="companies"), "6m"),
    Case(REJECTS, "2% at a share of 1%", requests("0+98x9000", "0+2x9000", outside="0+9900x9000"), "6m", HERE),
    Case(REJECTS, "nobody is enforced", requests("0+98x9000", mode="warn"), "6m"),
    Case(
        REJECTS,
        "only one of two endpoints",
        requests("0+98x9000", "0+2x9000") | requests("0+99x9000", endpoint="companies"),
        "6m",
        HERE,
    ),
    Case(BURNS, "0.7% for an hour", requests("0+993x1000", "0+7x1000"), "65m", HERE),
    Case(BURNS, "0.4% for six hours", requests("0+996x400", "0+4x400"), "370m", HERE, every="1m"),
    Case(BURNS, "0.2% for six hours", requests("0+998x400", "0+2x400"), "370m", every="1m"),
    Case(BURNS, "0.7%, but over", requests("0+993x1500", f"0+7x{HOUR} {7 * HOUR}x800"), "100m"),
    Case(UNKNOWN, "1% in warn", values("0+1x9000", "0+99x9000", 1), "16m", HERE),
    Case(UNKNOWN, "1% since 8 minutes", values("0+1x9000", "0+99x9000", 1), "8m"),
    Case(UNKNOWN, "0.9% in warn", values("0+9x9000", "0+991x9000", 1), "16m"),
    Case(UNKNOWN, "1% where a worker enforces", values("0+1x9000", "0+99x9000", 2), "16m"),
    Case(SLOW, "2% take longer than 1 ms", buckets(980), "11m", HERE),
    Case(SLOW, "0.9% take longer than 1 ms", buckets(991), "11m"),
    Case(STORE, "not read since a minute", stale("0x10 0+5x9000"), "2m30s", ["a"], by="instance"),
    Case(STORE, "not read for 20 s", stale("0x10 0+5x4 0x9000"), "2m30s", by="instance"),
    Case(FAILING, "one failure", failures("0x10 1x9000"), "1m", HERE),
    Case(FAILING, "the failure was long ago", failures("0x10 1x9000"), "10m"),
    Case(FAILING, "none", failures("0x9000"), "10m"),
    Case(GONE, "had requests and is gone", requests("0+1x60 stale"), "8m", HERE),
    Case(GONE, "gone a minute ago", requests("0+1x60 stale"), "6m"),
    Case(GONE, "never had requests", requests("0x60 stale"), "8m"),
    Case(GONE, "had none in its last hour", requests(f"0+1x10 10x{2 * HOUR} stale"), "124m"),
    Case(GONE, "is there and idle", requests("0+1x60 60x9000"), "10m"),
    Case(SELDOM, "every 30 s", scraped("1 _ _ _ _ _ " * 60), "12m", ["a"], by="instance"),
    Case(SELDOM, "every 15 s", scraped("1 _ _ " * 150), "12m", by="instance"),
    Case(SELDOM, "a service that has just started", scraped("_x130 1 _ _ 1 _ _ 1"), "12m", by="instance"),
    Case(SWITCH, "nothing at all", {}, "0s", [""]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_fires_when_it_should_and_only_then(promtool, written, tmp_path, case):
    samples = [{"labels": f'{{{case.by}="{each}"}}' if each else "{}", "value": 1} for each in case.fires_for]
    firing = f'count by ({case.by}) (ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    test = {
        "interval": case.every,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": case.at, "exp_samples": samples}],
    }
    rules = (written / "observability/prometheus/rules/stage-validation.yml").read_text()
    (tmp_path / "rules.yml").write_text(rules.replace("interval: 5s", f"interval: {case.every}"))
    document = {"rule_files": ["rules.yml"], "evaluation_interval": case.every, "tests": [test]}
    (tmp_path / "test.yml").write_text(json.dumps(document))
    command = [promtool, "test", "rules", "test.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not():
    for alert in ALERTS:
        outcomes = {bool(case.fires_for) for case in CASES if case.alert == alert.name}
        assert outcomes == ({True} if alert.name == SWITCH else {True, False}), alert.name


def test_what_pulls_enforcement_back_is_what_hurts_clients_now():
    assert [alert.name for alert in ALERTS if alert.pulls_back] == [REJECTS, FAILING]
    assert all(("stagenorm", "downgrade") in alert.labels.items() for alert in ALERTS if alert.pulls_back)
