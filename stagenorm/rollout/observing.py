"""Observing: asks a source for exactly what the gates of one step need, and no more."""

from __future__ import annotations

from stagenorm.rollout.controller import Standing, quiet_calendar
from stagenorm.rollout.observations import STORE, Measure, NotKnown, Observations, Source
from stagenorm.rollout.plan import Kind, Plan

_LONGER = 6  # the window after the shortest one: an hour after ten minutes; the last is a day


def observe(plan: Plan, standing: Standing, source: Source, now: float) -> Observations:
    """What the gates between a step and the next one ask for.

    Args:
        plan: the whole way.
        standing: where a track is.
        source: whom to ask.
        now: seconds since the epoch.
    """
    endpoints, limits, kind = standing.track.endpoints, plan.limits, standing.step.kind
    enforces_next = standing.next.kind is Kind.ENFORCE
    since, yesterday = standing.progress.entered_at, now - limits.day
    counts = source.counts
    calendar = quiet_calendar(plan, standing.progress, now)
    days = calendar.days if kind is Kind.WARN and now - since < limits.warn_cap else ()
    reads = counts(Measure.SLOW_STORE, (), yesterday, now, whole=False) if enforces_next else {}
    return Observations(
        evidence=source.evidence(now),
        requests=counts(Measure.REQUESTS, endpoints, since, now, whole=False) if kind is Kind.OFF else {},
        days=[counts(Measure.UNKNOWN, endpoints, day, day + limits.day, whole=True) for day in days],
        recent=[
            counts(Measure.UNKNOWN, endpoints, now - seconds, now, whole=False)
            for seconds in (limits.window, _LONGER * limits.window, limits.day)
            if enforces_next
        ],
        refused=counts(Measure.REFUSED, endpoints, since, now, whole=True) if kind is Kind.ENFORCE else {},
        slow=counts(Measure.SLOW, endpoints, yesterday, now, whole=False),
        slow_store=reads.get(STORE, NotKnown("nothing was measured")),
        firing=source.firing(endpoints, now) if enforces_next else (),
    )
