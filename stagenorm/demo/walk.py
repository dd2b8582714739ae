"""The walk: the same requests in every phase, from off to full enforcement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stagenorm.demo.client import send
from stagenorm.demo.phases import PHASES, PhaseResult
from stagenorm.demo.service import Service
from stagenorm.demo.traffic import Call


def walk(service: Service, url: str, calls: Sequence[Call], results: list[PhaseResult]) -> Iterator[PhaseResult]:
    """Go through all phases.

    Args:
        service: what is guarded.
        url: where it serves.
        calls: sent in each phase.
        results: gets each phase's result when the phase begins, so that who shows it can watch it grow.

    Yields:
        Each phase's result when the phase has ended.
    """
    for phase in PHASES:
        result = PhaseResult(phase)
        results.append(result)
        service.begin(result)
        send(url, calls, result.clients.hear)
        yield result
