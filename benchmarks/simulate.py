"""How long ``rollout simulate`` takes for 30 days; benchmarks/consumers.py shows it in its table."""

from __future__ import annotations

import time

from stagenorm.config import load_scenario
from stagenorm.rollout.plan import Plan
from stagenorm.rollout.scenario import SCENARIOS
from stagenorm.rollout.simulation import Simulation

CASE, BOUND = "rollout simulate, 30 days", 1.0
"""What the row is called, and the most seconds that it may take."""
_ENDPOINTS = ("simulate", "strategies", "companies")


def simulate_seconds() -> float:
    """Seconds that the slowest of the scenarios takes for 30 days; the best of three rounds."""
    return max(min(_seconds(name) for _ in range(3)) for name in SCENARIOS)


def _seconds(name: str) -> float:
    scenario = load_scenario(name)
    started = time.perf_counter()
    happened = list(Simulation(Plan(_ENDPOINTS), scenario).run())
    took = time.perf_counter() - started
    assert happened
    return took * 30 / scenario.days
