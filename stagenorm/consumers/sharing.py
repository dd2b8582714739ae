"""Sharing work between this process and others, one for each further core."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")


def shared(tasks: Sequence[Task], work: Callable[[Task], Done], *, own: Callable[[Task], bool]) -> Iterator[Done]:
    """What work makes of each task, in their order. The others take them from the beginning, this process from the end.

    Args:
        tasks: what there is to do; a few for each core, or more.
        work: can be pickled, as its tasks and results can.
        own: whether a task is for this process alone.
    """
    helpers = min(len(tasks), _cores()) - 1
    if helpers < 1:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(helpers, get_context("spawn")) as pool:  # a fork would copy the threads of whoever calls
        handed = [None if own(task) else pool.submit(work, task) for task in tasks]
        try:
            done = {
                place: work(tasks[place])
                for place in reversed(range(len(tasks)))
                if (future := handed[place]) is None or future.cancel()
            }
            for place, future in enumerate(handed):
                yield done.pop(place) if future is None or place in done else future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
