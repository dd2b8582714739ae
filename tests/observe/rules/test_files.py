"""The generated files: Prometheus takes every query, YAML reads what was meant, and each name stands for something."""

import json
import re
import subprocess

import pytest
import yaml

from stagenorm.observe.rules.alerts import ALERTS
from stagenorm.observe.rules.grafana_dashboard import PANELS, grafana_dashboard

RULES = "observability/prometheus/rules/stage-validation.yml"


def test_the_rules_read_back_are_the_alerts(written):
    recorded, alerts = yaml.safe_load((written / RULES).read_text())["groups"]
    assert [rule["alert"] for rule in alerts["rules"]] == [alert.name for alert in ALERTS]
    for rule, alert in zip(alerts["rules"], ALERTS, strict=True):
        assert (rule["expr"], rule["for"], rule["labels"]) == (alert.expr, alert.hold, alert.labels)
        assert rule["annotations"] == {"summary": alert.summary, "action": alert.action}
    budgets = {rule["labels"]["endpoint"]: rule["expr"] for rule in recorded["rules"] if "labels" in rule}
    assert budgets == {"simulate": "vector(0.001)", "companies": "vector(0.05)"}


def test_what_a_rule_takes_from_another_is_recorded(written):
    recorded, alerts = yaml.safe_load((written / RULES).read_text())["groups"]
    names = {rule["record"] for rule in recorded["rules"]}
    used = {name for rule in alerts["rules"] for name in re.findall(r"stagenorm:[a-z0-9_:]+", rule["expr"])}
    used |= {
        name for panel in PANELS for expr, _ in panel.queries for name in re.findall(r"stagenorm:[a-z0-9_:]+", expr)
    }
    assert used == names


def test_the_route_sends_the_downgrade_with_a_token_and_without_delay(written):
    document = yaml.safe_load((written / "observability/alertmanager/stage-validation.yml").read_text())
    (receiver,) = [each for each in document["receivers"] if each["name"] == "stagenorm-downgrade"]
    (webhook,) = receiver["webhook_configs"]
    assert webhook["url"] == "http://127.0.0.1:8000/ops/webhooks/alertmanager"
    assert webhook["send_resolved"] is False
    assert webhook["http_config"]["authorization"]["credentials_file"]
    route = next(each for each in document["route"]["routes"] if each["receiver"] == receiver["name"])
    assert route["matchers"] == ['stagenorm="downgrade"']
    assert route["group_wait"] == "0s"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_reaches_whom_it_is_for(written, amtool, alert):
    labels = [f"{name}={value}" for name, value in {"alertname": alert.name, **alert.labels}.items()]
    route = written / "observability/alertmanager/stage-validation.yml"
    command = [amtool, "config", "routes", "test", "--config.file", route, *labels]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = {"stagenorm-dead-mans-switch"} if alert.severity == "none" else {"stagenorm-people"}
    assert set(done.stdout.strip().split(",")) == expected | ({"stagenorm-downgrade"} if alert.pulls_back else set())


def test_prometheus_takes_every_query_of_the_dashboard(promtool, tmp_path):
    rules = [{"record": "x:y", "expr": expr} for panel in PANELS for expr, _ in panel.queries]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", "--lint=none", "rules.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_has_a_place_for_each_panel():
    panels = json.loads(grafana_dashboard())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == len(PANELS)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
