"""The Grafana dashboard, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from stagenorm.observe.rules.alerts import BUDGET, reject_ratio

_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT = 12, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: what it shows.
        queries: pairs of PromQL and legend.
        unit: as Grafana calls it.
    """

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"


PANELS = (
    Panel(
        "Mode: 0 off, 1 warn, 2 enforce",
        (("max by (endpoint) (stagenorm_mode)", "{{endpoint}}"),),
    ),
    Panel(
        "Share of consumers held",
        (("max by (endpoint) (stagenorm_enforced_share_ratio)", "{{endpoint}}"),),
        "percentunit",
    ),
    Panel(
        "Requests by mode and outcome",
        (("sum by (mode, outcome) (rate(stagenorm_requests_total[1m]))", "{{mode}} {{outcome}}"),),
        "reqps",
    ),
    Panel(
        "Rejects against the budget",
        ((reject_ratio("5m"), "{{endpoint}}"), (BUDGET, "budget of {{endpoint}}")),
        "percentunit",
    ),
    Panel(
        "Would be rejected in full enforcement",
        (("sum by (endpoint) (rate(stagenorm_would_reject_total[5m]))", "{{endpoint}}"),),
        "reqps",
    ),
    Panel(
        "Values by finding",
        (("sum by (finding) (rate(stagenorm_values_total[5m]))", "{{finding}}"),),
    ),
    Panel(
        "p99 of judging a request",
        (
            (
                "histogram_quantile(0.99, sum by (endpoint, le) (rate(stagenorm_validation_seconds_bucket[5m])))",
                "{{endpoint}}",
            ),
        ),
        "s",
    ),
    Panel(
        "Mode store: stale, and p99 of a fetch",
        (
            ("max by (instance) (stagenorm_store_stale_seconds)", "stale {{instance}}"),
            ("histogram_quantile(0.99, sum by (le) (rate(stagenorm_store_fetch_seconds_bucket[5m])))", "fetch"),
        ),
        "s",
    ),
    Panel(
        "Failures: of the boundary, of fetches",
        (
            ("sum by (endpoint) (increase(stagenorm_boundary_failures_total[5m]))", "boundary {{endpoint}}"),
            ("sum by (instance) (increase(stagenorm_store_errors_total[5m]))", "store {{instance}}"),
        ),
    ),
    Panel(
        "Webhooks and downgrades",
        (
            ("sum by (sender, result) (increase(stagenorm_webhook_deliveries_total[5m])) > 0", "{{sender}} {{result}}"),
            ("sum by (trigger) (increase(stagenorm_downgrades_total[5m])) > 0", "downgrade by {{trigger}}"),
        ),
    ),
)


def grafana_dashboard() -> str:
    """The file ``observability/grafana/stage-validation.json``."""
    dashboard = {
        "uid": "stagenorm",
        "title": "Stage validation",
        "tags": ["stagenorm"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, 2)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": expr, "legendFormat": legend, "datasource": _SOURCE}
            for place, (expr, legend) in enumerate(panel.queries)
        ],
    }
