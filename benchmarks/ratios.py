"""Measure stagenorm as ratios of two things run side by side, and hold the ratios to their bounds.

    python benchmarks/ratios.py [--json] [--short]

Each ratio is the median over interleaved rounds: in one round both sides (and the side without the middleware) run one
after the other, so that a noisy machine slows them alike. Exit 1 if a ratio is over twice its bound.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from time import process_time

from cases import LARGE, PATH, Case, boundary, cases, host, request
from table import TOLERATED, Row, main

from stagenorm.asgi import StageNormMiddleware


def timed(run: Callable[[], object], loops: int) -> float:
    """Seconds of processor time for one run, from a round of several: what else runs here is not counted."""
    run()  # caches are cold from the other side, or from collecting garbage
    started = process_time()
    for _ in range(loops):
        run()
    return (process_time() - started) / loops


def ratio(case: Case, rounds: int) -> float:
    """The median ratio of a case."""
    ratios = []
    for _ in range(rounds):
        gc.collect()
        measured = timed(case.measured, case.loops)
        without = timed(case.without, case.loops) if case.without else 0.0
        ratios.append((measured - without) / timed(case.against, case.loops))
    return statistics.median(ratios)


def peak_memory() -> float:
    """Extra peak memory of judging the large body, as a multiple of the body."""
    run = request(StageNormMiddleware(host, boundary(max_body_bytes=1 << 24)), PATH, LARGE)
    run()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - before) / len(LARGE)


def rows(short: bool) -> Iterator[Row]:
    """The whole table."""
    for case in cases():
        rounds = 5 if short else 25
        value = ratio(case, rounds)
        if value > TOLERATED * case.bound:  # noise alone may do that, but not twice
            value = min(value, ratio(case, rounds))
        yield Row(case.name, value, case.bound)
    yield Row("9 MB body, extra peak memory / body", peak_memory(), 1.5)


if __name__ == "__main__":
    sys.exit(main(__doc__.splitlines()[0], rows))
