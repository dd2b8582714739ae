"""Gates: observations in, PASS, FAIL or HOLD out, with the arithmetic in words. Pure, time included.

A share passes when its upper 95% bound is under the limit, and fails when its lower one is at the limit or over it. In
between not enough is known, and that holds: it never passes and never fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import ModeState
from stagenorm.rollout.bounds import lower_bound, upper_bound
from stagenorm.rollout.observations import Counted, Counts, Evidence, NotKnown, Report
from stagenorm.times import in_short, moment

_CLOCKS = 60.0  # seconds that two machines' clocks may differ
_ENOUGH = 10**7  # of more than that, a part of the same shares says as much


@dataclass(frozen=True, slots=True)
class Result:
    """What one gate says.

    Attributes:
        gate: its name.
        verdict: whether to go on.
        why: the arithmetic, in words.
        remedy: what an operator does about it; empty where waiting helps, or nothing is wrong.
        until: when it can pass at the earliest, in seconds since the epoch; None where nobody knows.
        page: whether a person must look now.
    """

    gate: str
    verdict: Conclusion
    why: str
    remedy: str = ""
    until: float | None = None
    page: bool = False


def percent(share: float) -> str:
    """A share as people read it: two digits that say something."""
    return f"{float(f'{share * 100:.2g}'):g}%"


def judge(counted: Counted | NotKnown | None, limit: float, noun: str) -> tuple[Conclusion, str]:
    """Hold a count against a limit.

    Args:
        counted: how many of how many.
        limit: the share that must not be reached.
        noun: what the hits are.
    """
    if not isinstance(counted, Counted):
        return Conclusion.HOLD, counted.why if counted else "nothing was measured"
    if not all(map(isfinite, (counted.hits, counted.of, counted.lost))):
        return Conclusion.HOLD, "what was measured is no number"
    if not (0 <= counted.hits <= counted.of and counted.lost >= 0):
        return Conclusion.HOLD, f"{counted.hits:g} of {counted.of:g} cannot be"
    # Hits are rounded up and the rest down, and what nobody counted may all have been hits, or none of it.
    hits, lost = ceil(counted.hits), ceil(counted.lost)
    of = max(hits, floor(counted.of))
    if not of:
        return Conclusion.HOLD, "nothing was counted"
    scale = max(1.0, (of + lost) / _ENOUGH)
    most, fewest, total = ceil((hits + lost) / scale), floor(hits / scale), floor((of + lost) / scale)
    upper, lower = upper_bound(most, total), lower_bound(fewest, total)
    words = f"{hits:,} of {of:,} {noun} ({percent(hits / of)})"
    if lost:
        words += f", {lost:,} more may have been lost at restarts"
    if lower >= limit:
        return Conclusion.FAIL, f"{words}: at least {percent(lower)}, and {percent(limit)} is too many"
    if upper < limit:
        return Conclusion.PASS, f"{words}: at most {percent(upper)}, under {percent(limit)}"
    return Conclusion.HOLD, f"{words}: perhaps {percent(upper)}, not surely under {percent(limit)}"


def _each(gate: str, judged: Iterable[tuple[str, Conclusion, str]], remedy: str) -> Result:
    """The gravest verdict of several places, each of which must pass; those that pass are told only if all do."""
    found = list(judged)
    if not found:
        return Result(gate, Conclusion.HOLD, "no endpoint is named")
    verdict = Conclusion.gravest(each for _, each, _ in found)
    places: dict[str, list[str]] = {}
    for place, each, words in found:
        if each is verdict:
            places.setdefault(words, []).append(place)
    told = [f"{', '.join(named)}: {words}" for words, named in places.items()]
    return Result(gate, verdict, "; ".join(told), remedy if verdict is Conclusion.FAIL else "")


_OFFENDERS = "stagenorm offenders; then stagenorm alias add, or have the client mended"


def unknown(counts: Counts, endpoints: Sequence[str], limit: float) -> Result:
    """Few enough values are unknown at every endpoint."""
    judged = ((endpoint, *judge(counts.get(endpoint), limit, "values unknown")) for endpoint in endpoints)
    return _each("unknown", judged, _OFFENDERS)


def enforce_errors(counts: Counts, endpoints: Sequence[str], limit: float) -> Result:
    """Enforce refuses, or fails on, few enough requests at every endpoint."""
    judged = ((endpoint, *judge(counts.get(endpoint), limit, "requests refused or failed")) for endpoint in endpoints)
    return _each("enforce errors", judged, _OFFENDERS)


def validator(counts: Counts, endpoints: Sequence[str], limit: float) -> Result:
    """Judging a request takes less than a millisecond, for all but so large a share."""
    judged = ((endpoint, *judge(counts.get(endpoint), limit, "checks over 1 ms")) for endpoint in endpoints)
    return _each("validator", judged, "look for very large bodies or a starved CPU")


def store_reads(counted: Counted | NotKnown, limit: float) -> Result:
    """A process hears of a change in time."""
    verdict, words = judge(counted, limit, "reads of the mode store over 10 ms")
    return Result("store", verdict, words, "look at the store's load and network" if verdict is Conclusion.FAIL else "")


def requests(counts: Counts, endpoints: Sequence[str], least: int) -> Result:
    """Enough requests were seen at every endpoint. Too few of them hold: nobody knows yet."""

    def judged(counted: Counted | NotKnown | None) -> tuple[Conclusion, str]:
        if not isinstance(counted, Counted):
            return Conclusion.HOLD, counted.why if counted else "nothing was measured"
        if not isfinite(counted.of):
            return Conclusion.HOLD, "what was measured is no number"
        verdict = Conclusion.PASS if counted.of >= least else Conclusion.HOLD
        return verdict, f"{floor(counted.of):,} requests of {least:,} that must be seen"

    return _each("traffic", ((endpoint, *judged(counts.get(endpoint))) for endpoint in endpoints), "")


def recent(windows: Sequence[Counts], endpoints: Sequence[str], limit: float) -> Result:
    """No window that ends now has too many unknown values, and at least one is large enough to say so.

    Where little is called the short one says nothing, and a longer one speaks for it.
    """

    def judged(endpoint: str) -> tuple[Conclusion, str]:
        found = [judge(window.get(endpoint), limit, "values unknown") for window in windows]
        for wanted in (Conclusion.FAIL, Conclusion.PASS):
            for verdict, words in found:
                if verdict is wanted:
                    return verdict, words
        return found[-1] if found else (Conclusion.HOLD, "nothing was measured")

    return _each("unknown now", ((endpoint, *judged(endpoint)) for endpoint in endpoints), _OFFENDERS)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days count for a step.

    Attributes:
        entered_at: when the step began; a day counts if it began later.
        now: seconds since the epoch.
        day: its length in seconds; days begin at multiples of it, so at midnight UTC.
        needed: how many days in a row.
    """

    entered_at: float
    now: float
    day: float
    needed: int

    @property
    def first(self) -> float:
        """When the first day that counts begins."""
        return ceil(self.entered_at / self.day) * self.day

    @property
    def days(self) -> tuple[float, ...]:
        """When each of the last days that are over began, oldest first; at most as many as are needed."""
        over = max(0, floor((self.now - self.first) / self.day))
        return tuple(self.first + number * self.day for number in range(max(0, over - self.needed), over))


def quiet_days(
    calendar: Calendar, days: Sequence[Counts], endpoints: Sequence[str], limit: float, cap: float
) -> Result:
    """So many days in a row, each one whole, each one under the limit at every endpoint.

    When the step has lasted as long as the cap it holds and pages, whatever the days say: a person decides.
    """
    gate, needed = "quiet days", calendar.needed
    if calendar.now - calendar.entered_at >= cap:
        return Result(
            gate,
            Conclusion.HOLD,
            f"the step has lasted {in_short(calendar.now - calendar.entered_at)}, and {in_short(cap)} is the most",
            'decide: stagenorm rollout resume begins it anew, advance --override "REASON" goes on',
            page=True,
        )
    judged = [unknown(day, endpoints, limit) for day in days]
    good = 0
    for result in reversed(judged):
        if result.verdict is not Conclusion.PASS:
            break
        good += 1
    if good >= needed:
        return Result(gate, Conclusion.PASS, f"{good} days in a row; {_day(calendar, -1)}: {judged[-1].why}")
    began = calendar.days[0] if calendar.days else calendar.first
    until = began + (len(judged) - good + needed) * calendar.day
    count = f"{good} of {needed} days in a row"
    bad = judged[len(judged) - good - 1] if good < len(judged) else None
    if bad is None:
        return Result(gate, Conclusion.HOLD, count, until=until)
    words = f"{count}; {_day(calendar, len(judged) - good - 1)}: {bad.why}"
    return Result(gate, bad.verdict, words, bad.remedy, until)


def _day(calendar: Calendar, number: int) -> str:
    return moment(calendar.days[number])[: 10 if calendar.day % 86400 == 0 else 19]


def lasted(entered_at: float, now: float, at_least: float) -> Result:
    """The step has lasted for so long."""
    gate, so_long = "time", now - entered_at
    if so_long >= at_least:
        return Result(gate, Conclusion.PASS, f"{in_short(so_long)} of {in_short(at_least)}")
    return Result(
        gate, Conclusion.HOLD, f"{in_short(max(0, so_long))} of {in_short(at_least)}", until=entered_at + at_least
    )


def no_alert(firing: Sequence[str] | NotKnown) -> Result:
    """No alert fires that pulls enforcement back."""
    if isinstance(firing, NotKnown):
        return Result("alerts", Conclusion.HOLD, firing.why)
    if firing:
        return Result("alerts", Conclusion.FAIL, f"{', '.join(firing)} fires", "mend what fires: stagenorm offenders")
    return Result("alerts", Conclusion.PASS, "none fires that pulls enforcement back")


def not_latched(states: Sequence[tuple[str, ModeState]]) -> Result:
    """No place is latched: what an alert pulled back an operator clears, and nobody else."""
    for place, state in states:
        if state.latched:
            return Result(
                "latch",
                Conclusion.HOLD,
                f"{place}: latched since {state.changed_by} pulled it back ({state.reason})",
                "once its cause is mended: stagenorm mode unlatch --reason TEXT",
            )
    return Result("latch", Conclusion.PASS, "nothing is latched")


def reported(gate: str, report: Report | NotKnown, now: float, longest: float, remedy: str) -> Result:
    """A report passes, and is not too old."""
    if isinstance(report, NotKnown):
        return Result(gate, Conclusion.HOLD, report.why, remedy)
    age = now - report.generated_at
    if not age >= -_CLOCKS:  # no number is not, either
        return Result(
            gate, Conclusion.HOLD, f"its report is of {moment(report.generated_at)}, which is to come", remedy
        )
    words = f"its report says {report.result.value}, {in_short(max(0, age))} ago"
    if age > longest:
        return Result(gate, Conclusion.HOLD, f"{words}; {in_short(longest)} is the most", remedy)
    if report.until is not None and now - report.until > longest:
        words = f"its report is of logs that end {moment(report.until)}; {in_short(longest)} ago is the most"
        return Result(gate, Conclusion.HOLD, words, remedy)
    if report.filter:
        return Result(gate, Conclusion.HOLD, f"its report is of some rows only: {report.filter!a}", remedy)
    return Result(gate, report.result, words, "" if report.result is Conclusion.PASS else remedy)


def receipt(evidence: Evidence, now: float, longest: float) -> Result:
    """The backup was proved, and was fresh when the backfill began.

    Later it may grow old: what it protected is done. A report that does not say when the backfill began is taken for it.
    """
    gate = "receipt"
    remedy = "stagenorm backup create, then backup restore-test, and the backfill after it"
    if isinstance(evidence.receipt, NotKnown):
        return Result(gate, Conclusion.HOLD, evidence.receipt.why, remedy)
    if isinstance(evidence.backfill, NotKnown):
        return Result(gate, Conclusion.HOLD, f"nothing to hold it against: {evidence.backfill.why}")
    if len({evidence.receipt.identity, evidence.backfill.identity} - {None}) > 1:
        return Result(gate, Conclusion.HOLD, "the backup is of another database than the backfill", remedy)
    began = evidence.backfill.generated_at if evidence.backfill.began_at is None else evidence.backfill.began_at
    age = began - evidence.receipt.backed_up_at
    if not isfinite(age) or age < -_CLOCKS or began - now > _CLOCKS:
        return Result(gate, Conclusion.HOLD, "the backup is younger than the backfill that it is to protect", remedy)
    words = f"the backup was {in_short(max(0, age))} old when the backfill began"
    if age > longest:
        return Result(gate, Conclusion.FAIL, f"{words}; {in_short(longest)} is the most", remedy)
    return Result(gate, Conclusion.PASS, words)
