"""LogHook: what the decision table has logged, as sampled ``logging`` records with structured ``extra``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from random import SystemRandom
from typing import Any

from stagenorm.events import Event, Finding, FindingKind, Inspected
from stagenorm.observe.sampling import Sampler

_SHOWN = 64
_random = SystemRandom()  # the process's own generator belongs to the host, whose tests may have seeded it
_GRAVITY = {kind: rank for rank, kind in enumerate(FindingKind)}

Redact = Callable[[str], str]
"""Takes a text that a client wrote, gives what may be logged of it."""


class LogHook:
    """Logs a WARNING for a request, on the logger ``stagenorm.requests``.

    The record's ``stagenorm`` attribute holds endpoint, mode, outcome, consumer, the findings, and how many requests the
    record stands for (``stands_for``). What a client sent is cut to 64 characters and escaped to ASCII, so that it can
    neither break a line nor steer a terminal.

    Args:
        sampler: decides what is kept, by endpoint and gravest finding; 10 a minute of each, and a tenth beyond.
        redact: is given every text that a client wrote and gives what is logged instead; then no detail is logged,
            because details quote the client.
        clock: seconds that only grow.
        chance: a number from 0 to 1, anew each time.
    """

    def __init__(
        self,
        sampler: Sampler | None = None,
        *,
        redact: Redact | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _random.random,
    ) -> None:
        self._logger = logging.getLogger("stagenorm.requests")
        self._sampler = sampler or Sampler()
        self._redact = redact
        self._clock = clock
        self._chance = chance

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        if not isinstance(event, Inspected) or not event.logged or not self._logger.isEnabledFor(logging.WARNING):
            return
        gravest = max((finding.kind for finding in event.findings), key=_GRAVITY.__getitem__)
        stands_for = self._sampler.weigh((event.endpoint, gravest), self._clock(), self._chance())
        if not stands_for:
            return
        details = {
            "endpoint": event.endpoint,
            "mode": event.mode.value,
            "outcome": event.outcome.value,
            "would_reject": event.would_reject,
            "consumer": None if event.consumer is None else self._plain(event.consumer),
            "findings": [self._finding(finding) for finding in event.findings],
            "stands_for": stands_for,
        }
        reasons = "; ".join(f"{finding.field}: {self._detail(finding)}" for finding in event.findings[:3])
        self._logger.warning(
            "%s on %s in %s: %s",
            event.outcome.value,
            event.endpoint,
            event.mode.value,
            reasons,
            extra={"stagenorm": details},
        )

    def _finding(self, finding: Finding) -> dict[str, Any]:
        return {
            "kind": finding.kind.value,
            "field": finding.field,
            "where": self._plain(finding.where),
            "value": self._plain(finding.raw) if isinstance(finding.raw, str) else None,
            "detail": self._detail(finding),
        }

    def _detail(self, finding: Finding) -> str:
        return finding.kind.value if self._redact else finding.detail

    def _plain(self, text: str) -> str:
        """A client's text, redacted, cut and escaped."""
        return ascii((self._redact(text) if self._redact else text)[:_SHOWN])[1:-1]
