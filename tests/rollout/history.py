"""Forty days of a service's metrics, a story for each job, made by promtool in a second or two."""

from collections.abc import Iterator
from dataclasses import dataclass, field

BEGAN = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86400
DAYS = 40
SCRAPE = 300
A_SCRAPE = 250  # requests, each with one value


@dataclass
class Story:
    """What a job's one process showed.

    Attributes:
        unknown: the share of unknown values by day; the last one goes on.
        gaps: seconds since the beginning between which nothing was scraped.
        restarts: seconds since the beginning.
        ends: when it is gone, in seconds since the beginning.
        refused: the share of requests that enforce refuses.
        slow: the share of checks over a millisecond, and of store reads over ten.
        endpoint: its name.
    """

    unknown: dict[int, float] = field(default_factory=lambda: {0: 0.001})
    gaps: tuple[tuple[int, int], ...] = ()
    restarts: tuple[int, ...] = ()
    ends: int = DAYS * DAY + 1
    refused: float = 0.0
    slow: float = 0.001
    endpoint: str = "simulate"


STORIES = {
    "quiet": Story(),
    "noisy": Story({0: 0.009}),
    "calmed": Story({0: 0.009, 20: 0.001}),
    "spike": Story({0: 0.001, 30: 0.02, 31: 0.001}),
    "borderline": Story({0: 0.0049}),
    "gap": Story(gaps=((30 * DAY + 3600, 30 * DAY + 3 * 3600),)),
    "deployed": Story(restarts=tuple(day * DAY + 40_000 for day in range(DAYS))),
    "crashing": Story(restarts=tuple(range(1800, DAYS * DAY, 3600))),
    "gone": Story(ends=35 * DAY),
    "refusing": Story(refused=0.01),
    "slow": Story(slow=0.05),
    "other": Story(endpoint="checkout"),
}


def openmetrics() -> Iterator[str]:
    """The whole history, as promtool takes it."""
    for job, story in STORIES.items():
        counted = dict.fromkeys(("requests", "unknown", "refused", "slow"), 0.0)
        share = 0.0
        for at in range(0, DAYS * DAY + 1, SCRAPE):
            share = story.unknown.get(at // DAY, share) if at % DAY == 0 else share
            if any(at - SCRAPE < restart <= at for restart in story.restarts):
                counted = dict.fromkeys(counted, 0.0)
            for name, part in (("requests", 1), ("unknown", share), ("refused", story.refused), ("slow", story.slow)):
                counted[name] += A_SCRAPE * part
            if at >= story.ends or any(start <= at < end for start, end in story.gaps):
                continue
            yield from _samples(job, story.endpoint, BEGAN + at, {name: int(value) for name, value in counted.items()})
    yield "# EOF\n"


def _samples(job: str, endpoint: str, at: int, counted: dict[str, int]) -> Iterator[str]:
    target = f'job="{job}",instance="{job}:1"'
    place = f'{target},endpoint="{endpoint}"'
    all_, refused = counted["requests"], counted["refused"]
    values = {
        f'stagenorm_requests_total{{{place},mode="enforce",outcome="pass"}}': all_ - refused,
        f'stagenorm_requests_total{{{place},mode="enforce",outcome="reject"}}': refused,
        f"stagenorm_enforced_requests_total{{{place}}}": all_,
        f"stagenorm_rejects_total{{{place}}}": refused,
        f'stagenorm_values_total{{{place},finding="canonical"}}': all_ - counted["unknown"],
        f'stagenorm_values_total{{{place},finding="unknown"}}': counted["unknown"],
        f'stagenorm_validation_seconds_bucket{{{place},le="0.001"}}': all_ - counted["slow"],
        f"stagenorm_validation_seconds_count{{{place}}}": all_,
        f'stagenorm_store_fetch_seconds_bucket{{{target},le="0.01"}}': all_ - counted["slow"],
        f"stagenorm_store_fetch_seconds_count{{{target}}}": all_,
    }
    for series, value in values.items():
        yield f"{series} {value} {at}\n"
