"""Measure stagenorm as ratios of two things run side by side, and hold the ratios to their bounds.

    python benchmarks/ratios.py [--json] [--short]

Each ratio is the median over interleaved rounds: in one round both sides (and the side without the middleware) run one
after the other, so that a noisy machine slows them alike. Exit 1 if a ratio is over twice its bound.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tracemalloc
from collections.abc import Callable
from time import perf_counter

from cases import LARGE, PATH, Case, boundary, cases, host, request

from stagenorm.asgi import StageNormMiddleware

TOLERATED = 2.0


def timed(run: Callable[[], object], loops: int) -> float:
    """Seconds for one run, from a round of several."""
    started = perf_counter()
    for _ in range(loops):
        run()
    return (perf_counter() - started) / loops


def ratio(case: Case, rounds: int) -> float:
    """The median ratio of a case."""
    for run in (case.measured, case.against, case.without):
        if run:
            run()
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


def main() -> int:
    """Print the table; 1 if a ratio is over what is tolerated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument("--short", action="store_true", help="fewer rounds, for a quick check")
    options = parser.parse_args()
    rounds = 5 if options.short else 25
    rows = [{"case": case.name, "ratio": ratio(case, rounds), "bound": case.bound} for case in cases()]
    rows.append({"case": "9 MB body, extra peak memory / body", "ratio": peak_memory(), "bound": 1.5})
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        for row in rows:
            word = "ok" if row["ratio"] <= row["bound"] else "over its bound"
            print(f"{row['case']:<58} {row['ratio']:8.3f}  bound {row['bound']:<5}  {word}")
    return int(any(row["ratio"] > row["bound"] * TOLERATED for row in rows))


if __name__ == "__main__":
    sys.exit(main())
