"""Every alert, in one table: what it asks, how long it must hold, and what a person does about it."""

from __future__ import annotations

from dataclasses import dataclass

WINDOWS = ("1m", "5m", "30m", "1h", "6h")
"""The windows over which the ratio of rejects is recorded."""
FEWEST_REJECTS = 5
"""Rejects in 5 minutes below which nobody is woken: one bad request among a few is no incident."""
PAGE_BURN, FAST_BURN, SLOW_BURN = 10, 6, 3
"""How many times the budget: 10 times 0.1% is the 1% that pages."""
DOWNGRADE = {"stagenorm": "downgrade"}
"""The label by which the ops app knows an alert that pulls enforcement back."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: of the alert.
        expr: PromQL; it fires for every series of the answer.
        hold: how long that must last, as Prometheus writes it.
        severity: page, ticket or none.
        summary: what happens, with Prometheus's templates.
        action: what to do.
        pulls_back: whether it pulls enforcement back.
    """

    name: str
    expr: str
    hold: str
    severity: str
    summary: str
    action: str
    pulls_back: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """The labels that it adds."""
        return {"severity": self.severity, **(DOWNGRADE if self.pulls_back else {})}


def reject_ratio(window: str) -> str:
    """The name under which the ratio of rejects over a window is recorded."""
    return f"stagenorm:reject_ratio:{window}"


BUDGET = "stagenorm:reject_budget:ratio"
"""The name under which each endpoint's budget is recorded."""


def _burns(window: str, times: int) -> str:
    return f"{reject_ratio(window)} > on (endpoint) {times} * {BUDGET}"


_PER_ENDPOINT = "sum by (endpoint)"

ALERTS = (
    Alert(
        "StagenormEnforceRejects",
        # The long window says that it matters, the short one that it still goes on.
        f"({_burns('5m', PAGE_BURN)})\n"
        f"and on (endpoint) ({_burns('1m', PAGE_BURN)})\n"
        f"and on (endpoint) {_PER_ENDPOINT} (increase(stagenorm_rejects_total[5m])) >= {FEWEST_REJECTS}",
        "10s",
        "page",
        "{{ $labels.endpoint }} rejects {{ $value | humanizePercentage }} of its requests",
        "Enforcement pulls itself back to warn. See who sends what: stagenorm offenders; then stagenorm mode history.",
        pulls_back=True,
    ),
    Alert(
        "StagenormRejectBudgetBurns",
        f"(({_burns('1h', FAST_BURN)}) and on (endpoint) ({_burns('5m', FAST_BURN)}))\n"
        f"or (({_burns('6h', SLOW_BURN)}) and on (endpoint) ({_burns('30m', SLOW_BURN)}))",
        "2m",
        "ticket",
        "{{ $labels.endpoint }} uses up its budget of rejects: {{ $value | humanizePercentage }}",
        "See who sends what: stagenorm offenders. Add a temporary alias, exempt the consumer, or lower the share.",
    ),
    Alert(
        "StagenormUnknownInWarn",
        f'{_PER_ENDPOINT} (rate(stagenorm_values_total{{finding="unknown"}}[5m]))\n'
        f"  / {_PER_ENDPOINT} (rate(stagenorm_values_total[5m])) >= 0.01\n"
        "and on (endpoint) max by (endpoint) (stagenorm_mode) == 1",
        "10m",
        "ticket",
        "{{ $value | humanizePercentage }} of the values at {{ $labels.endpoint }} are unknown",
        "Do not enforce yet: these would be 400s. stagenorm offenders lists them with the aliases to consider.",
    ),
    Alert(
        "StagenormValidationSlow",
        "histogram_quantile(0.99, sum by (endpoint, le) (rate(stagenorm_validation_seconds_bucket[5m]))) > 0.001",
        "5m",
        "ticket",
        "p99 of judging a request at {{ $labels.endpoint }} is {{ $value | humanizeDuration }}",
        "Look for very large bodies or a starved CPU; max_body_bytes bounds the first.",
    ),
    Alert(
        "StagenormStoreDegraded",
        "max by (job, instance) (stagenorm_store_stale_seconds) > 30",
        "30s",
        "page",
        "{{ $labels.instance }} has not read its mode store for {{ $value | humanizeDuration }}",
        "The last known modes hold, and no switch reaches this host but its ceiling: docs/modes.md, One host alone.",
    ),
    Alert(
        "StagenormBoundaryFailing",
        f"{_PER_ENDPOINT} (increase(stagenorm_boundary_failures_total[5m])) > 0",
        "0s",
        "page",
        "The check itself fails at {{ $labels.endpoint }}",
        "In enforce these are 500s, so enforcement pulls itself back. The traceback is in the log stagenorm.",
        pulls_back=True,
    ),
    Alert(
        "StagenormMetricsGone",
        # Only where there were requests within the hour: a service that nobody calls, or that was removed, is silent.
        f"{_PER_ENDPOINT} (increase(stagenorm_requests_total[1h])) > 0\n"
        f"unless on (endpoint) {_PER_ENDPOINT} (stagenorm_requests_total)",
        "2m",
        "page",
        "{{ $labels.endpoint }} had requests and is no longer measured",
        "No alert can pull enforcement back now. Is the service up, and is it scraped? Consider stagenorm mode downgrade.",
    ),
    Alert(
        "StagenormScrapedTooSeldom",
        # Every 15 s makes 8 samples in 2 minutes; the rate over one minute wants at least two, and soon.
        "min by (job, instance) (count_over_time(stagenorm_mode[2m])) < 6",
        "5m",
        "ticket",
        "{{ $labels.instance }} is scraped less often than every 15 s",
        "The alert that pulls enforcement back looks at one minute, and sees too little of it: set scrape_interval to 5s.",
    ),
    Alert(
        "StagenormDeadMansSwitch",
        "vector(1)",
        "0s",
        "none",
        "Always fires: who receives it no longer has lost Prometheus or Alertmanager",
        "Send it to something outside that calls when it stops.",
    ),
)
