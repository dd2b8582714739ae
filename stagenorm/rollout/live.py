"""Live: a running service as a source of observations: Prometheus for its numbers, files for its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stagenorm.rollout.evidence import read_evidence
from stagenorm.rollout.observations import Counts, Evidence, Measure, NotKnown
from stagenorm.rollout.prometheus import Prometheus
from stagenorm.rollout.settings import RolloutSettings


class Live:
    """What can be observed of a service now.

    Args:
        settings: whom to ask, and where the evidence lies.
        every: the names of all endpoints of the service, those outside the plan too.
        environ: holds the key of receipts.
    """

    def __init__(self, settings: RolloutSettings, every: Sequence[str], environ: Mapping[str, str]) -> None:
        self._prometheus = Prometheus(settings.watching, every)
        self._files = settings.files
        self._environ = environ

    def close(self) -> None:
        """Let go of Prometheus."""
        self._prometheus.close()

    def counts(self, measure: Measure, endpoints: Sequence[str], start: float, end: float, *, whole: bool) -> Counts:
        """As Prometheus counted."""
        return self._prometheus.counts(measure, endpoints, start, end, whole=whole)

    def firing(self, endpoints: Sequence[str], now: float) -> Sequence[str] | NotKnown:
        """As Prometheus evaluates its rules."""
        return self._prometheus.firing(endpoints, now)

    def evidence(self, now: float) -> Evidence:  # noqa: ARG002 - files hold what they hold, whenever they are read
        """As the files say."""
        return read_evidence(self._files, self._environ)
