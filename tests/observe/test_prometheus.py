"""PrometheusHook: what each event adds to which series, all there from the start, and none that a client makes."""

import itertools
import random

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from stagenorm import FixedModes, Mode, ModeState, ModeView
from stagenorm.core.modes import Actor
from stagenorm.events import Downgraded, FindingKind, Outcome, StoreRead, WebhookDelivered, WebhookResult
from stagenorm.observe import PrometheusHook
from stagenorm.observe.prometheus import SENDERS, VALIDATION_BUCKETS
from stagenorm.stores import MemoryModeStore, ModeResolver

CANONICAL, ALIAS, UNKNOWN = b'{"stages":["seed","series-a"]}', b'{"stages":["Seed"]}', b'{"stages":["angel","seed"]}'


def test_every_series_is_there_at_zero_before_the_first_request(counted):
    samples = counted(Mode.OFF).samples()
    by_name = {}
    for (name, labels), value in samples.items():
        if not name.endswith("_created"):
            assert value == 0, name
            by_name.setdefault(name, set()).add(labels)
    endpoints = [("endpoint", "simulate")], [("endpoint", "companies")]

    def all_of(*labels):
        return {frozenset(each) for each in itertools.product(*labels)}

    each_endpoint = [("endpoint", name) for ((_, name),) in endpoints]
    assert by_name["stagenorm_requests_total"] == all_of(
        each_endpoint, [("mode", mode.value) for mode in Mode], [("outcome", each.value) for each in Outcome]
    )
    assert by_name["stagenorm_values_total"] == all_of(each_endpoint, [("finding", each.value) for each in FindingKind])
    for name in ("would_reject_total", "rejects_total", "boundary_failures_total", "validation_seconds_count", "mode"):
        assert by_name[f"stagenorm_{name}"] == all_of(each_endpoint), name
    assert by_name["stagenorm_enforced_share_ratio"] == all_of(each_endpoint)
    assert by_name["stagenorm_webhook_deliveries_total"] == all_of(
        [("sender", each) for each in (*SENDERS, "unknown")], [("result", each.value) for each in WebhookResult]
    )
    assert by_name["stagenorm_downgrades_total"] == all_of([("trigger", actor.value) for actor in Actor])
    for name in ("store_fetch_seconds_count", "store_errors_total", "store_stale_seconds"):
        assert by_name[f"stagenorm_{name}"] == {frozenset()}, name


@pytest.mark.parametrize(
    ("mode", "share", "outcomes", "would_reject", "rejects"),
    [
        (Mode.OFF, 100, {"pass": 4}, 0, 0),
        (Mode.WARN, 100, {"pass": 3, "rewrite": 1}, 1, 0),
        (Mode.ENFORCE, 100, {"pass": 2, "rewrite": 1, "reject": 1}, 0, 1),
        (Mode.ENFORCE, 0, {"pass": 3, "rewrite": 1}, 1, 0),
    ],
)
def test_requests_and_values_are_counted(counted, mode, share, outcomes, would_reject, rejects):
    made = counted(mode, share)
    for body in (CANONICAL, CANONICAL, ALIAS, UNKNOWN):
        made.post(body)
    assert made.nonzero("stagenorm_requests_total") == {
        ("simulate", mode.value, outcome): times for outcome, times in outcomes.items()
    }
    assert made.nonzero("stagenorm_values_total") == {
        ("simulate", "canonical"): 5,
        ("simulate", "alias"): 1,
        ("simulate", "unknown"): 1,
    }
    assert sum(made.nonzero("stagenorm_would_reject_total").values()) == would_reject
    assert sum(made.nonzero("stagenorm_rejects_total").values()) == rejects
    in_share = 4 if mode is Mode.ENFORCE and share else 0
    assert sum(made.nonzero("stagenorm_enforced_requests_total").values()) == in_share
    assert made.nonzero("stagenorm_validation_seconds_count") == {("simulate",): 4}
    assert made.nonzero("stagenorm_mode") == (
        {("companies",): mode.strictness, ("simulate",): mode.strictness} if mode.strictness else {}
    )
    held = share / 100 if mode is Mode.ENFORCE else 0
    assert made.nonzero("stagenorm_enforced_share_ratio").get(("simulate",), 0) == held


def test_many_canonical_requests_are_all_counted_whenever_the_scrape_comes(counted):
    made = counted(Mode.WARN)
    for total in range(1, 200):
        made.post(CANONICAL)
        if total % 37 == 0 or total > 190:
            assert made.nonzero("stagenorm_requests_total") == {("simulate", "warn", "pass"): total}
            assert made.nonzero("stagenorm_values_total") == {("simulate", "canonical"): 2 * total}


def test_a_request_without_values_is_counted(counted):
    made = counted(Mode.WARN)
    made.get(b"")
    assert made.nonzero("stagenorm_requests_total") == {("companies", "warn", "pass"): 1}
    assert made.nonzero("stagenorm_validation_seconds_count") == {("companies",): 1}


def test_a_failure_of_the_boundary_is_counted(counted, caplog):
    made = counted(Mode.WARN)
    made.boundary.open("GET", "/funds/7/companies").read = lambda *_: 1 / 0
    made.get(b"stage=seed")
    assert made.nonzero("stagenorm_boundary_failures_total") == {("companies",): 1}
    assert "the boundary failed" in caplog.text


def test_buckets_resolve_1_ms_from_10_us_to_100_ms():
    assert (VALIDATION_BUCKETS[0], VALIDATION_BUCKETS[-1]) == (10e-6, 100e-3)
    assert 1e-3 in VALIDATION_BUCKETS


def test_a_fetch_of_the_store_is_counted_and_shows_the_modes(counted):
    made = counted(Mode.WARN)
    made.boundary.modes = FixedModes(ModeView(ModeState(Mode.ENFORCE, 10)))
    made.hook(StoreRead(0.001, "gone", 4.5))
    assert made.nonzero("stagenorm_store_errors_total") == {(): 1}
    assert made.nonzero("stagenorm_store_stale_seconds") == {(): 4.5}
    assert made.nonzero("stagenorm_store_fetch_seconds_count") == {(): 1}
    assert made.nonzero("stagenorm_mode") == {("companies",): 2, ("simulate",): 2}
    assert made.nonzero("stagenorm_enforced_share_ratio") == {("companies",): 0.1, ("simulate",): 0.1}
    made.hook(StoreRead(0.001, None, 0.0))
    assert made.nonzero("stagenorm_store_stale_seconds") == {}
    assert made.nonzero("stagenorm_store_errors_total") == {(): 1}


def test_a_resolver_tells_the_hook(counted):
    made = counted(Mode.OFF)
    made.boundary.modes = resolver = ModeResolver(MemoryModeStore(), ModeState(Mode.ENFORCE, 50))
    made.hook.attach()
    resolver.refresh()
    resolver.close()
    assert made.nonzero("stagenorm_store_fetch_seconds_count")[()] >= 1
    assert made.nonzero("stagenorm_enforced_share_ratio") == {("companies",): 0.5, ("simulate",): 0.5}


def test_webhooks_and_downgrades_are_counted(counted):
    made = counted(Mode.WARN)
    made.hook(WebhookDelivered("grafana", WebhookResult.DONE))
    made.hook(WebhookDelivered("somebody\n else", WebhookResult.NOT_AUTHENTIC))
    made.hook(Downgraded(Actor.ALERT, None))
    made.hook(Downgraded(Actor.ALERT, "not an endpoint"))
    assert made.nonzero("stagenorm_webhook_deliveries_total") == {
        ("done", "grafana"): 1,
        ("not-authentic", "unknown"): 1,
    }
    assert made.nonzero("stagenorm_downgrades_total") == {("alert",): 2}


def test_a_hundred_thousand_hostile_values_paths_and_consumers_add_no_series(counted):
    made = counted(Mode.ENFORCE, 50)
    chance = random.Random(4)
    before = made.samples().keys()
    alphabet = ["%00", "%0A", '"', "{", "}", "\\", "x", "%E2%80%AE", "%F0%9F%92%A9", "&stage=", ";"]
    for number in range(100_000):
        text = "".join(chance.choices(alphabet, k=4))
        made.get(f"stage={text}{number}".encode(), f"/funds/{text.replace('/', '')}{number}/companies", f"c{number}")
    assert made.samples().keys() == before
    requests = made.nonzero("stagenorm_requests_total")
    assert sum(requests.values()) == 100_000
    assert made.nonzero("stagenorm_boundary_failures_total") == {}


def test_two_boundaries_need_two_registries(counted):
    made = counted(Mode.WARN)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        PrometheusHook(made.boundary, made.registry)
    PrometheusHook(made.boundary, CollectorRegistry())
    assert "stagenorm_mode" not in REGISTRY._names_to_collectors
