"""The Prometheus rules file, as text."""

from __future__ import annotations

import json
from textwrap import indent

from stagenorm.observe.rules.alerts import ALERTS, BUDGET, WINDOWS, Alert, reject_ratio
from stagenorm.observe.rules.watched import Watched

_HEADER = """\
# Written by: stagenorm rules write. Change stagenorm.toml and write it again.
groups:
  - name: stagenorm-recorded
    interval: 5s
    rules:
"""
_ALERTS = """\
  - name: stagenorm-alerts
    interval: 5s
    rules:
"""


def prometheus_rules(watched: Watched) -> str:
    """The file ``observability/prometheus/rules/stage-validation.yml``.

    Args:
        watched: the service.
    """
    budgets = (
        _record(BUDGET, f"vector({endpoint.reject_budget:g})", {"endpoint": endpoint.name})
        for endpoint in watched.endpoints
    )
    ratios = (_record(reject_ratio(window), ratio(window)) for window in WINDOWS)
    return _HEADER + "".join([*budgets, *ratios, _ALERTS, *map(_alert, ALERTS)])


def ratio(window: str) -> str:
    """PromQL for the share of each endpoint's requests that was rejected over a window, of those inside the enforced share.

    Those outside it cannot be rejected: counted in, they would hide a bad release from a small canary.
    """
    rejects = f"sum by (endpoint) (rate(stagenorm_rejects_total[{window}]))"
    enforced = f"sum by (endpoint) (rate(stagenorm_enforced_requests_total[{window}]))"
    return f"{rejects}\n  / ({enforced} > 0)"


def _record(name: str, expr: str, labels: dict[str, str] | None = None) -> str:
    return _rule("record", name, expr, _mapping("labels", labels or {}))


def _alert(alert: Alert) -> str:
    annotations = {"summary": alert.summary, "action": alert.action}
    rest = f"for: {alert.hold}\n" + _mapping("labels", alert.labels) + _mapping("annotations", annotations)
    return _rule("alert", alert.name, alert.expr, rest)


def _rule(kind: str, name: str, expr: str, rest: str) -> str:
    return f"      - {kind}: {name}\n        expr: |-\n" + indent(expr, " " * 10) + "\n" + indent(rest, " " * 8)


def _mapping(name: str, values: dict[str, str]) -> str:
    """A block of strings; a JSON string is a YAML string."""
    lines = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in values.items())
    return f"{name}:\n{lines}" if values else ""
