"""Prometheus: counts of the service's own series, and the alerts that fire. The one file that asks it.

Whatever is wrong (no answer, a slow one, an error, a warning, another service's series, no number, a gap, an old sample) is
NotKnown. What a process counted between its last scrape and its end nobody knows: it is bounded and told as lost.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import ceil, floor, isfinite
from typing import Any, NamedTuple

from stagenorm.errors import MissingExtraError
from stagenorm.observe.rules.alerts import DOWNGRADE
from stagenorm.rollout.observations import STORE, Counted, Counts, Measure, NotKnown
from stagenorm.rollout.settings import Watching
from stagenorm.times import in_short
from stagenorm.urls import without_secrets

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("asking Prometheus", "cli") from error

_SECONDS = 10.0
_MOST = 32 << 20  # bytes of an answer
_SETTLED = 600.0  # seconds after which nothing is added to what is over
_ALWAYS = "StagenormDeadMansSwitch"
_MISSED = 4  # scrapes that may have failed before what is known is too old
_POINTS = 288  # at which a window is looked at for gaps: every five minutes of a day
_JOB, _ENDPOINT = "job", "endpoint"
_MARK = "stagenorm_validation_seconds_count"  # every process counts it from its start, at every endpoint
_STORE_MARK = "stagenorm_store_fetch_seconds_count"

# What is counted: the metric of all, its selector, and those of what is too much; each a sum of increases.
_ALL: Mapping[Measure, tuple[str, str]] = {
    Measure.REQUESTS: ("stagenorm_requests_total", ""),
    Measure.UNKNOWN: ("stagenorm_values_total", ""),
    Measure.REFUSED: ("stagenorm_enforced_requests_total", ""),
    Measure.SLOW: (_MARK, ""),
    Measure.SLOW_STORE: (_STORE_MARK, ""),
}
_HITS: Mapping[Measure, Sequence[tuple[str, str]]] = {
    Measure.REQUESTS: (),
    Measure.UNKNOWN: (("stagenorm_values_total", 'finding!~"canonical|alias"'),),
    Measure.REFUSED: (("stagenorm_rejects_total", ""), ("stagenorm_boundary_failures_total", "")),
    Measure.SLOW: (),
    Measure.SLOW_STORE: (),
}
# Histograms count what is fast enough; the rest is too much.
_FAST: Mapping[Measure, tuple[str, str]] = {
    Measure.SLOW: ("stagenorm_validation_seconds_bucket", 'le="0.001"'),
    Measure.SLOW_STORE: ("stagenorm_store_fetch_seconds_bucket", 'le="0.01"'),
}


class _Sample(NamedTuple):
    labels: Mapping[str, str]
    value: float


class _Fault(Exception):  # noqa: N818 - told as NotKnown
    """Why something is not known."""


class Prometheus:
    """Asks one Prometheus for one service.

    Args:
        watching: which, and whose series.
        every: the names of all endpoints of the service; series of any other one are another service's.
        seconds: until an answer must have come.
    """

    def __init__(self, watching: Watching, every: Sequence[str], *, seconds: float = _SECONDS) -> None:
        self._watching = watching
        self._every = frozenset(every)
        self._where = without_secrets(watching.prometheus or "")
        self._seconds = seconds
        self._client = httpx.Client(timeout=seconds, trust_env=False)
        self._settled: dict[object, Counts] = {}  # days that are over and were counted do not change

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def counts(self, measure: Measure, endpoints: Sequence[str], start: float, end: float, *, whole: bool) -> Counts:
        """Count something for each endpoint: see ``Source``."""
        names = tuple(endpoints) or (STORE,)
        if end - start < 1:
            return dict.fromkeys(names, NotKnown("nothing was counted yet"))
        asked = (measure, names, start, end)
        if asked in self._settled:
            return self._settled[asked]
        try:
            found = self._counts(measure, names, _Window(floor(end - start), end), whole=whole)
        except _Fault as fault:
            return dict.fromkeys(names, NotKnown(str(fault)))
        if whole and time.time() - end > _SETTLED and all(isinstance(each, Counted) for each in found.values()):
            self._settled[asked] = found
        return found

    def _counts(self, measure: Measure, names: Sequence[str], window: _Window, *, whole: bool) -> Counts:
        of = self._increase(*_ALL[measure], window)
        hits: dict[str, float] = {}
        for metric, selector in _HITS[measure]:
            for name, value in self._increase(metric, selector, window).items():
                hits[name] = hits.get(name, 0) + value
        if measure in _FAST:
            fast = self._increase(*_FAST[measure], window)
            hits = {name: max(0, value - fast.get(name, 0)) for name, value in of.items()}
        newest = self._measured(_ALL[measure][0], window)
        watched = self._watched(window) if whole else {}
        lost = self._lost(measure, window)
        found: dict[str, Counted | NotKnown] = {}
        for name in names:
            if name not in of:
                found[name] = NotKnown("no series of it are there")
            elif name not in newest or window.end - newest[name] > _MISSED * self._watching.scrape:
                since = f"for {in_short(window.end - newest[name])}" if name in newest else "any more"
                found[name] = NotKnown(f"it is not measured {since}")
            elif whole and watched.get(name, 0) < window.points:
                found[name] = NotKnown(
                    f"measured for {watched.get(name, 0) / window.points:.0%} of {in_short(window.seconds)} only"
                )
            else:
                # The increase over a window is extrapolated to its edges; the parts may so exceed the whole by a hair.
                found[name] = Counted(min(hits.get(name, 0), of[name]), of[name], lost.get(name, 0))
        return found

    def _increase(self, metric: str, selector: str, window: _Window) -> dict[str, float]:
        series = self._series(metric, selector)
        return self._by_endpoint(f"sum by (job, endpoint) (increase({series}[{window.seconds}s]))", window.end)

    def _measured(self, metric: str, window: _Window) -> dict[str, float]:
        """When each endpoint was measured last."""
        return self._by_endpoint(f"max by (job, endpoint) (timestamp({self._series(metric, '')}))", window.end)

    def _watched(self, window: _Window) -> dict[str, float]:
        """At how many points of the window each endpoint was measured."""
        seen = f"count by (job, endpoint) ({self._series(_MARK, '')})"
        return self._by_endpoint(f"count_over_time(({seen})[{window.seconds}s:{window.step}s])", window.end)

    def _lost(self, measure: Measure, window: _Window) -> dict[str, float]:
        """The most that each endpoint may have lost at restarts.

        A process that ends or begins loses what it counted between two scrapes. It is taken for two scrapes of its part
        of the busiest minute that there was.
        """
        mark = self._series(_STORE_MARK if measure is Measure.SLOW_STORE else _MARK, "")
        span = f"{window.seconds}s"
        by = "max by (instance)"
        resets = self._one(f"sum({by} (resets({mark}[{span}])))", window.end)
        ever = self._one(f"count({by} (count_over_time({mark}[{span}])))", window.end)
        at_last = self._one(f"count({by} ({mark}))", window.end)
        at_first = self._one(f"count({by} ({mark} offset {span}))", window.end) or at_last
        restarts = resets + max(0, ever - min(at_first, at_last))
        if not restarts:
            return {}
        scrape = self._watching.scrape
        minute = max(4, ceil(4 * scrape))
        rate = f"sum by (job, endpoint) (rate({self._series(*_ALL[measure])}[{minute}s]))"
        step = max(minute, ceil(window.seconds / 1440))
        busiest = self._by_endpoint(f"max_over_time(({rate})[{span}:{step}s])", window.end)
        share = restarts / max(1, at_first)
        return {name: ceil(value * 2 * scrape * share) for name, value in busiest.items()}

    def firing(self, endpoints: Sequence[str], now: float) -> Sequence[str] | NotKnown:
        """The alerts that fire now and pull back these endpoints, or all."""
        ((label, value),) = DOWNGRADE.items()
        try:
            if not self._ask(f'ALERTS{{alertname="{_ALWAYS}",alertstate="firing"}}', now):
                return NotKnown(f"the rules are not evaluated: {_ALWAYS} does not fire (stagenorm rules write)")
            alerts = self._ask(f'ALERTS{{alertstate="firing",{label}="{value}"}}', now)
        except _Fault as fault:
            return NotKnown(str(fault))
        others = self._every - set(endpoints)
        return sorted(
            {each.labels.get("alertname", "?") for each in alerts if each.labels.get(_ENDPOINT) not in others}
        )

    def _series(self, metric: str, selector: str) -> str:
        job = f"job={_quoted(self._watching.job)}" if self._watching.job else ""
        return f"{metric}{{{','.join(filter(None, (job, selector)))}}}"

    def _by_endpoint(self, query: str, at: float) -> dict[str, float]:
        """One number for each endpoint of this service's; those of the store stand under ``STORE``."""
        samples = self._ask(query, at)
        jobs = sorted({each.labels.get(_JOB, "") for each in samples})
        if self._watching.job and jobs not in ([], [self._watching.job]):
            raise _Fault(
                f"it answered for job {', '.join(map(ascii, jobs))}, not {self._watching.job!a}: another service's series"
            )
        if len(jobs) > 1:
            raise _Fault(
                f"series of {len(jobs)} jobs ({', '.join(map(ascii, jobs))}): name yours as job under [rollout]"
            )
        found: dict[str, float] = {}
        for each in samples:
            name = each.labels.get(_ENDPOINT, STORE)
            if name != STORE and name not in self._every:
                raise _Fault(f"series of endpoint {name!a}, which stagenorm.toml does not have: another service's")
            if name in found or not set(each.labels) <= {_JOB, _ENDPOINT}:
                raise _Fault("it answered something else than it was asked")
            found[name] = each.value
        return found

    def _one(self, query: str, at: float) -> float:
        """One number; 0 where there is none."""
        samples = self._ask(query, at)
        if len(samples) > 1 or any(each.labels for each in samples):
            raise _Fault("it answered something else than it was asked")
        return samples[0].value if samples else 0.0

    def _ask(self, query: str, at: float) -> list[_Sample]:
        where = self._watching.prometheus
        if where is None:
            raise _Fault("no prometheus is named under [rollout] in stagenorm.toml")
        try:
            answer = self._client.post(f"{where}/api/v1/query", data={"query": query, "time": f"{at:.3f}"})
        except httpx.TimeoutException as error:
            raise _Fault(f"Prometheus at {self._where} did not answer within {self._seconds:g} s") from error
        except httpx.HTTPError as error:
            raise _Fault(f"Prometheus at {self._where} cannot be reached ({error or type(error).__name__})") from error
        except httpx.InvalidURL as error:  # its text may hold a part of a password
            raise _Fault(f"Prometheus at {self._where} cannot be reached, for that is no URL") from error
        return self._samples(answer)

    def _samples(self, answer: httpx.Response) -> list[_Sample]:
        """What an answer holds, read strictly."""
        try:
            content: Any = answer.json() if len(answer.content) <= _MOST else None
            if content["status"] != "success":
                raise _Fault(f"Prometheus at {self._where} refused: {ascii(str(content.get('error')))[1:-1][:200]}")
            if content.get("warnings"):
                raise _Fault(f"Prometheus at {self._where} warns: {ascii(str(content['warnings'][0]))[1:-1][:200]}")
            if content["data"]["resultType"] != "vector":
                raise _Fault("it answered something else than it was asked")
            samples = [_Sample(dict(each["metric"]), float(each["value"][1])) for each in content["data"]["result"]]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise _Fault(f"what answers at {self._where} ({answer.status_code}) is no Prometheus") from error
        if not all(isfinite(each.value) for each in samples):
            raise _Fault("what was measured is no number")
        return samples


class _Window(NamedTuple):
    """Whole seconds that end at a moment."""

    seconds: int
    end: float

    @property
    def step(self) -> int:
        """Seconds between two points at which it is looked at for gaps."""
        return max(1, self.seconds // _POINTS)

    @property
    def points(self) -> int:
        """How many of them there are: a subquery is evaluated at multiples of its step."""
        return max(1, floor(self.end / self.step) - floor((self.end - self.seconds) / self.step))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
