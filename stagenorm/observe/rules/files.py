"""Every generated file with its place: what ``stagenorm rules write`` writes."""

from __future__ import annotations

from stagenorm.observe.rules.alertmanager_route import alertmanager_route
from stagenorm.observe.rules.grafana_dashboard import grafana_dashboard
from stagenorm.observe.rules.prometheus_rules import prometheus_rules
from stagenorm.observe.rules.watched import Watched


def rule_files(watched: Watched) -> dict[str, str]:
    """The content of each file by its path below the directory that is written to.

    Args:
        watched: the service.
    """
    return {
        "observability/prometheus/rules/stage-validation.yml": prometheus_rules(watched),
        "observability/alertmanager/stage-validation.yml": alertmanager_route(watched),
        "observability/grafana/stage-validation.json": grafana_dashboard(),
    }
