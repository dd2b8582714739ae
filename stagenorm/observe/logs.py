"""LogHook: what the decision table has logged, as standard ``logging`` records with structured ``extra``."""

from __future__ import annotations

import logging

from stagenorm.events import Inspected

_SHOWN = 64


class LogHook:
    """Logs one WARNING a request, on the logger ``stagenorm.requests``.

    The record's ``stagenorm`` attribute holds endpoint, mode, outcome, consumer and the findings. What a client sent is
    cut to 64 characters and escaped to ASCII, so that it can neither break a line nor steer a terminal.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger("stagenorm.requests")

    def __call__(self, event: Inspected) -> None:
        """Hear one event."""
        if not event.logged or not self._logger.isEnabledFor(logging.WARNING):
            return
        findings = [
            {
                "kind": finding.kind.value,
                "field": finding.field,
                "where": _plain(finding.where),
                "value": _plain(finding.raw) if isinstance(finding.raw, str) else None,
                "detail": finding.detail,
            }
            for finding in event.findings
        ]
        details = {
            "endpoint": event.endpoint,
            "mode": event.mode.value,
            "outcome": event.outcome.value,
            "would_reject": event.would_reject,
            "consumer": None if event.consumer is None else _plain(event.consumer),
            "findings": findings,
        }
        reasons = "; ".join(f"{finding.field}: {finding.detail}" for finding in event.findings[:3])
        self._logger.warning(
            "%s on %s in %s: %s",
            event.outcome.value,
            event.endpoint,
            event.mode.value,
            reasons,
            extra={"stagenorm": details},
        )


def _plain(text: str) -> str:
    """A client's text, escaped and cut."""
    return ascii(text[:_SHOWN])[1:-1]
