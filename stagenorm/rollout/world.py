"""World: a service as a scenario tells it. It is a source of observations like any other, with a clock that it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Mode
from stagenorm.rollout.observations import (
    STORE,
    Counted,
    Counts,
    Evidence,
    Measure,
    NotKnown,
    Proved,
    Report,
)
from stagenorm.rollout.scenario import Scenario, Traffic

_DAY = 86400.0
_READS_A_SECOND = 0.4  # of two workers
_DOWN = NotKnown("Prometheus cannot be reached")


@dataclass(frozen=True, slots=True)
class _Piece:
    """From a moment on, until the next piece."""

    since: float
    traffic: Traffic
    share: float  # of the requests that enforce holds; 0 in the other modes
    enforces: bool


class World:
    """What could be observed of a service.

    Args:
        scenario: what happens.
        endpoints: of the service.
        began: seconds since the epoch.
    """

    def __init__(self, scenario: Scenario, endpoints: Sequence[str], began: float) -> None:
        self._scenario = scenario
        self._pieces = {name: [_Piece(began, scenario.traffic, 0, enforces=False)] for name in endpoints}
        self._backfill_from: float | None = None

    def change(
        self, endpoint: str, now: float, *, traffic: Traffic | None = None, mode: tuple[Mode, float] | None = None
    ) -> None:
        """From now on the clients of an endpoint, or its mode and share, are others."""
        last = self._pieces[endpoint][-1]
        share, enforces = (last.share, last.enforces) if mode is None else (mode[1] / 100, mode[0] is Mode.ENFORCE)
        self._pieces[endpoint].append(_Piece(now, traffic or last.traffic, share if enforces else 0, enforces))

    def begin_backfill(self, now: float) -> None:
        """The operator starts the backfill."""
        self._backfill_from = now

    def counts(self, measure: Measure, endpoints: Sequence[str], start: float, end: float, *, whole: bool) -> Counts:
        """What Prometheus would have counted."""
        if not all(pieces[-1].traffic.prometheus for pieces in self._pieces.values()):
            return dict.fromkeys(endpoints or (STORE,), _DOWN)
        if measure is Measure.SLOW_STORE:
            reads = (end - start) * _READS_A_SECOND
            return {STORE: Counted(0, reads)}
        return {name: self._count(measure, name, start, end, whole=whole) for name in endpoints}

    def _count(self, measure: Measure, endpoint: str, start: float, end: float, *, whole: bool) -> Counted | NotKnown:
        hits = of = 0.0
        for piece, since, until in self._between(endpoint, start, end):
            if whole and not piece.traffic.prometheus:
                return NotKnown("not all of it was measured")
            if not piece.traffic.prometheus or (measure is Measure.REFUSED and not piece.enforces):
                continue
            requests = piece.traffic.requests_a_day / _DAY * (until - since)
            if measure is Measure.REFUSED:
                requests *= piece.share
            of += requests
            hits += requests * {
                Measure.REQUESTS: 0.0,
                Measure.UNKNOWN: piece.traffic.unknown,
                Measure.REFUSED: piece.traffic.unknown,
                Measure.SLOW: piece.traffic.slow,
            }.get(measure, 0.0)
        return Counted(hits, of)

    def _between(self, endpoint: str, start: float, end: float) -> Iterator[tuple[_Piece, float, float]]:
        pieces = self._pieces[endpoint]
        for number, piece in enumerate(pieces):
            until = pieces[number + 1].since if number + 1 < len(pieces) else end
            since, until = max(piece.since, start), min(until, end)
            if since < until:
                yield piece, since, until

    def firing(self, endpoints: Sequence[str], now: float) -> Sequence[str] | NotKnown:  # noqa: ARG002 - the protocol's
        """None: an alert of a scenario has pulled back and is over."""
        down = not all(pieces[-1].traffic.prometheus for pieces in self._pieces.values())
        return _DOWN if down else ()

    def evidence(self, now: float) -> Evidence:
        """The operator keeps the report of the consumers fresh, and verifies the backfill when it is done."""
        consumers = Report(Conclusion.PASS, now)
        done = self._backfill_from is not None and now >= self._backfill_from + self._scenario.backfill_takes
        if self._backfill_from is None or not done:
            return Evidence(consumers, NotKnown("the backfill is not verified yet"), NotKnown("no receipt yet"))
        verified = self._backfill_from + self._scenario.backfill_takes
        return Evidence(consumers, Report(Conclusion.PASS, verified), Proved(self._backfill_from))
