"""PrometheusHook: what the events say, as metrics. The one file that imports prometheus_client.

Every label's values are fixed when the hook is made, so no request can add a series.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from itertools import product
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
        # Another process scrapes in multiprocess mode and cannot ask for what this one holds back.
        held_back = 1 if _DIRECTORY in os.environ else _HELD_BACK
        registry.register(_Flush(self))  # first, so that a scrape sees what is flushed
        names = [endpoint.name for endpoint in boundary.endpoints]
        requests = Counter(
            "stagenorm_requests", "Guarded requests.", ["endpoint", "mode", "outcome"], registry=registry
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
        seconds = Histogram(
            "stagenorm_validation_seconds",
            "How long judging a request took.",
            ["endpoint"],
            buckets=VALIDATION_BUCKETS,
            registry=registry,
        )
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
                {kind: values.labels(name, kind.value) for kind in FindingKind},
                would_reject.labels(name),
                rejects.labels(name),
                failures.labels(name),
                seconds.labels(name),
                modes.labels(name),
                shares.labels(name),
            )
            for name in names
        }
        self._plain = {
            (name, mode): _Plain(
                series.requests[mode, Outcome.PASS], series.values[FindingKind.CANONICAL], series.seconds, held_back
            )
            for name, series in self._series.items()
            for mode in Mode
        }
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
                self._plain[event.endpoint, event.mode].add(canonical, event.seconds)
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
        for kind, times in event.counts.items():
            series.values[kind].inc(times)
        if event.would_reject:
            series.would_reject.inc()
        if event.outcome is Outcome.REJECT:
            series.rejects.inc()
        if event.error:
            series.failures.inc()
        series.seconds.observe(event.seconds)

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
                multiprocess.mark_process_dead(process)  # type: ignore[no-untyped-call]
        workers = CollectorRegistry()
        multiprocess.MultiProcessCollector(workers)  # type: ignore[no-untyped-call]
        return generate_latest(workers)

    def flush(self) -> None:
        """Put what is held back into the metrics. A scrape does it by itself."""
        for plain in self._plain.values():
            plain.flush()


_CANONICAL = FindingKind.CANONICAL


class _Series(NamedTuple):
    """The series of one endpoint."""

    requests: dict[tuple[Mode, Outcome], Counter]
    values: dict[FindingKind, Counter]
    would_reject: Counter
    rejects: Counter
    failures: Counter
    seconds: Histogram
    mode: Gauge
    share: Gauge


class _Plain:
    """Requests with canonical values only, nearly all there are: two of their counters are counted some at a time.

    Args:
        requests: counts them.
        values: counts their values.
        seconds: observes each at once.
        held_back: how many are counted together.
    """

    __slots__ = ("_held_back", "_observe", "_pending", "_requests", "_values")

    def __init__(self, requests: Counter, values: Counter, seconds: Histogram, held_back: int) -> None:
        self._requests = requests
        self._values = values
        self._observe = seconds.observe
        self._held_back = held_back
        self._pending: deque[int] = deque()  # taken one by one, so that no thread takes what another has taken

    def add(self, values: int, seconds: float) -> None:
        self._observe(seconds)
        self._pending.append(values)
        if len(self._pending) >= self._held_back:
            self.flush()

    def flush(self) -> None:
        requests = values = 0
        while self._pending:
            try:
                values += self._pending.popleft()
            except IndexError:  # another thread was faster
                break
            requests += 1
        if requests:
            self._requests.inc(requests)
            self._values.inc(values)


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
