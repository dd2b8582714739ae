"""PrometheusHook: what the events say, as metrics. The one file that imports prometheus_client.

Every label's values are fixed when the hook is made, so no request can add a series.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import accumulate, product
from pathlib import Path
from typing import NamedTuple

from stagenorm.boundary.boundary import Boundary
from stagenorm.core.modes import Actor, Mode
from stagenorm.errors import MissingExtraError
from stagenorm.events import (
    Event,
    FindingKind,
    Inspected,
    Outcome,
    StoreRead,
    WebhookDelivered,
    WebhookResult,
)
from stagenorm.observe.held_back import HeldBack, Take, Tally
from stagenorm.stores.resolver import ModeResolver

try:
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        REGISTRY,
        CollectorRegistry,
        Counter,
        Gauge,
        Histogram,
        Metric,
        generate_latest,
        multiprocess,
    )
    from prometheus_client.core import HistogramMetricFamily
    from prometheus_client.registry import Collector
except ModuleNotFoundError as error:
    raise MissingExtraError("PrometheusHook", "metrics") from error

VALIDATION_BUCKETS = (10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3)
"""Upper bounds in seconds; 1 ms is among them, because an alert asks for it."""
FETCH_BUCKETS = (100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 1.0)
"""Upper bounds in seconds; a fetch is given up after 100 ms."""
SENDERS = ("standard-webhooks", "grafana", "alertmanager")
"""The policies by which a webhook's sender is known; any other counts as ``unknown``."""

_UNKNOWN = "unknown"
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_HELD_BACK = 64
_SECONDS, _SECONDS_HELP = "stagenorm_validation_seconds", "How long judging a request took."


class PrometheusHook:
    """Counts every event of a boundary and of the store behind its modes: ``PrometheusHook(boundary).attach()``.

    Right under prometheus_client's multiprocess mode too: counters add up over all workers, those that have ended
    included; gauges show the highest value of a living worker, so ``stagenorm_mode`` falls when the last one has fallen.

    Args:
        boundary: whose endpoints label the series and whose modes are shown.
        registry: where the metrics are registered.
        senders: names of the webhook senders that are told apart.

    Attributes:
        content_type: the Content-Type of an exposition.

    Raises:
        MissingExtraError: prometheus_client is not installed.
        ValueError: the registry holds these metrics already: make one hook a registry.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(
        self, boundary: Boundary, registry: CollectorRegistry = REGISTRY, *, senders: Iterable[str] = SENDERS
    ) -> None:
        self._boundary = boundary
        self._registry = registry
        one_of_several = _DIRECTORY in os.environ
        registry.register(_Flush(self))  # first, so that a scrape sees what is flushed
        names = [endpoint.name for endpoint in boundary.endpoints]
        requests = Counter(
            "stagenorm_requests", "Guarded requests.", ["endpoint", "mode", "outcome"], registry=registry
        )
        enforced = Counter(
            "stagenorm_enforced_requests",
            "Guarded requests inside the enforced share, which alone can be rejected.",
            ["endpoint"],
            registry=registry,
        )
        values = Counter("stagenorm_values", "Values and findings.", ["endpoint", "finding"], registry=registry)
        would_reject = Counter(
            "stagenorm_would_reject",
            "Requests that passed and that full enforcement would have rejected.",
            ["endpoint"],
            registry=registry,
        )
        rejects = Counter("stagenorm_rejects", "Rejected requests.", ["endpoint"], registry=registry)
        failures = Counter(
            "stagenorm_boundary_failures", "Requests whose check itself failed.", ["endpoint"], registry=registry
        )
        seconds: _Seconds | _WorkersSeconds
        if one_of_several:
            seconds = _WorkersSeconds(names, registry)
        else:
            seconds = _Seconds(names)
            registry.register(seconds)
        modes = Gauge(
            "stagenorm_mode",
            "The mode that holds: 0 off, 1 warn, 2 enforce.",
            ["endpoint"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        shares = Gauge(
            "stagenorm_enforced_share_ratio",
            "The share of consumers that enforce holds, from 0 to 1; 0 in the other modes.",
            ["endpoint"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._series = {
            name: _Series(
                {pair: requests.labels(name, pair[0].value, pair[1].value) for pair in product(Mode, Outcome)},
                enforced.labels(name),
                {kind: values.labels(name, kind.value) for kind in FindingKind},
                would_reject.labels(name),
                rejects.labels(name),
                failures.labels(name),
                seconds.observer(name),
                modes.labels(name),
                shares.labels(name),
            )
            for name in names
        }
        # Another process may scrape and cannot ask for what this one holds back.
        most = 1 if one_of_several else _HELD_BACK
        self._plain = {
            name: {mode: HeldBack(series.plain(mode), most) for mode in Mode} for name, series in self._series.items()
        }
        self._plain_in_share = {name: HeldBack(series.plain_in_share(), most) for name, series in self._series.items()}
        self._fetch_seconds = Histogram(
            "stagenorm_store_fetch_seconds",
            "How long a fetch of the modes took.",
            buckets=FETCH_BUCKETS,
            registry=registry,
        )
        self._fetch_errors = Counter(
            "stagenorm_store_errors", "Fetches of the modes that failed or found damage.", registry=registry
        )
        self._stale_seconds = Gauge(
            "stagenorm_store_stale_seconds",
            "Since when the mode store has not been read well; 0 while it is.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        deliveries = Counter(
            "stagenorm_webhook_deliveries", "Webhook deliveries answered.", ["sender", "result"], registry=registry
        )
        self._deliveries = {
            (sender, result): deliveries.labels(sender, result.value)
            for sender, result in product([*senders, _UNKNOWN], WebhookResult)
        }
        downgrades = Counter("stagenorm_downgrades", "Enforcement pulled back.", ["trigger"], registry=registry)
        self._downgrades = {actor: downgrades.labels(actor.value) for actor in Actor}
        self._show_modes()

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        if isinstance(event, Inspected):
            if len(event.counts) == 1 and (canonical := event.counts.get(_CANONICAL)):
                name = event.endpoint
                held_back = self._plain_in_share[name] if event.in_share else self._plain[name][event.mode]
                held_back.add(canonical, event.seconds)
            else:
                self._count(event)
        elif isinstance(event, StoreRead):
            self._fetch_seconds.observe(event.seconds)
            self._stale_seconds.set(event.stale_seconds)
            if event.error:
                self._fetch_errors.inc()
            self._show_modes()
        elif isinstance(event, WebhookDelivered):
            known = self._deliveries.get((event.sender, event.result))
            (known or self._deliveries[_UNKNOWN, event.result]).inc()
        else:
            self._downgrades[event.trigger].inc()

    def _count(self, event: Inspected) -> None:
        series = self._series[event.endpoint]
        series.requests[event.mode, event.outcome].inc()
        if event.in_share:
            series.enforced.inc()
        for kind, times in event.counts.items():
            series.values[kind].inc(times)
        if event.would_reject:
            series.would_reject.inc()
        if event.outcome is Outcome.REJECT:
            series.rejects.inc()
        if event.error:
            series.failures.inc()
        series.observe([event.seconds])

    def _show_modes(self) -> None:
        view = self._boundary.modes.view
        for name, series in self._series.items():
            state = view.state(name)
            series.mode.set(state.mode.strictness)
            series.share.set(state.share / 100 if state.mode is Mode.ENFORCE else 0)

    def attach(self) -> PrometheusHook:
        """Listen to the boundary, and to the store behind its modes where there is one. Returns the hook itself."""
        self._boundary.hooks.append(self)
        if isinstance(self._boundary.modes, ModeResolver):
            self._boundary.modes.hooks.append(self)
        return self

    def exposition(self) -> bytes:
        """The body of what ``/metrics`` answers; ``content_type`` goes with it.

        In multiprocess mode these are the metrics of all workers, whatever the registry; gauges of a worker that has
        ended are dropped, however it ended and whether or not its server says so.
        """
        directory = os.environ.get(_DIRECTORY)
        if directory is None:
            return generate_latest(self._registry)
        for process in {int(path.stem.rpartition("_")[2]) for path in Path(directory).glob("gauge_live*_*.db")}:
            if not _is_alive(process):
                with suppress(FileNotFoundError):  # another scrape was faster
                    multiprocess.mark_process_dead(process)  # type: ignore[no-untyped-call]
        workers = CollectorRegistry()
        multiprocess.MultiProcessCollector(workers)  # type: ignore[no-untyped-call]
        return generate_latest(workers)

    def flush(self) -> None:
        """Put what is held back into the metrics. A scrape does it by itself."""
        for modes in self._plain.values():
            for plain in modes.values():
                plain.flush()
        for plain in self._plain_in_share.values():
            plain.flush()


_CANONICAL = FindingKind.CANONICAL


class _Series(NamedTuple):
    """The series of one endpoint."""

    requests: dict[tuple[Mode, Outcome], Counter]
    enforced: Counter
    values: dict[FindingKind, Counter]
    would_reject: Counter
    rejects: Counter
    failures: Counter
    observe: Callable[[Sequence[float]], None]
    mode: Gauge
    share: Gauge

    def plain(self, mode: Mode) -> Take:
        """What takes requests with canonical values only, nearly all that there are."""
        requests, canonical = self.requests[mode, Outcome.PASS], self.values[FindingKind.CANONICAL]

        def take(values: Sequence[int], seconds: Sequence[float]) -> None:
            requests.inc(len(values))
            canonical.inc(sum(values))
            self.observe(seconds)

        return take

    def plain_in_share(self) -> Take:
        """The same for those inside the enforced share."""
        take_plain = self.plain(Mode.ENFORCE)

        def take(values: Sequence[int], seconds: Sequence[float]) -> None:
            self.enforced.inc(len(values))
            take_plain(values, seconds)

        return take


class _Seconds(Collector):
    """The histogram of validation seconds in one process: it takes many at once, which prometheus_client's does not.

    Args:
        endpoints: names of the series.
    """

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._tallies = {name: Tally(VALIDATION_BUCKETS) for name in endpoints}

    def observer(self, endpoint: str) -> Callable[[Sequence[float]], None]:
        """What takes the seconds of one endpoint."""
        return self._tallies[endpoint].add

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(_SECONDS, _SECONDS_HELP, labels=["endpoint"])
        for name, tally in self._tallies.items():
            bounds = [*map(str, VALIDATION_BUCKETS), "+Inf"]
            family.add_metric([name], list(zip(bounds, accumulate(tally.buckets), strict=True)), tally.total)
        return [family]


class _WorkersSeconds:
    """The same for a process of several, by prometheus_client's own histogram, which others can read."""

    def __init__(self, endpoints: Iterable[str], registry: CollectorRegistry) -> None:
        histogram = Histogram(_SECONDS, _SECONDS_HELP, ["endpoint"], buckets=VALIDATION_BUCKETS, registry=registry)
        self._series = {name: histogram.labels(name) for name in endpoints}

    def observer(self, endpoint: str) -> Callable[[Sequence[float]], None]:
        """What takes the seconds of one endpoint."""
        observe = self._series[endpoint].observe

        def observe_all(seconds: Sequence[float]) -> None:
            for each in seconds:
                observe(each)

        return observe_all


class _Flush(Collector):
    """Shows nothing itself, and has a hook show all that it knows."""

    def __init__(self, hook: PrometheusHook) -> None:
        self._hook = hook

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        self._hook.flush()
        return ()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, but there
        return True
    return True
