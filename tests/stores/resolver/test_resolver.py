"""ModeResolver with a clock and a store that the test holds in its hands; no thread matters here."""

import logging

import pytest

from stagenorm import ConfigurationError, Mode, ModeState, StoreError
from stagenorm.events import StoreRead
from stagenorm.stores import Ceiling, ModeResolver, Snapshot
from tests.stores.resolver.conftest import ENFORCE, OFF, WARN, mode


def test_where_the_mode_comes_from(store, clock, resolve):
    resolver = resolve()
    assert (resolver.status().source, resolver.status().stale_seconds) == ("store", 0.0)
    store.answer = StoreError("gone")
    resolver.refresh()
    clock.now += 7
    assert resolver.status().source == "last-known"
    assert resolver.status().stale_seconds == 7
    assert resolver.status().error == "gone"
    assert mode(resolver) is Mode.ENFORCE
    store.answer = Snapshot(4, WARN)
    resolver.refresh()
    assert (resolver.status().source, resolver.status().stale_seconds, resolver.status().error) == ("store", 0.0, None)


def test_nothing_stored_is_the_default(store, resolve):
    store.answer = Snapshot()
    resolver = resolve(default=OFF)
    assert resolver.status().source == "default"
    assert mode(resolver) is Mode.OFF


def test_an_unreachable_store_at_the_start_is_the_default(store, resolve):
    store.answer = StoreError("gone")
    resolver = resolve()
    assert (resolver.status().source, resolver.status().error) == ("default", "gone")
    assert mode(resolver) is Mode.WARN


def test_an_endpoint_s_state_goes_before_the_global_one(store, resolve):
    store.answer = Snapshot(3, WARN, {"simulate": ENFORCE})
    resolver = resolve(default=OFF)
    assert (mode(resolver), mode(resolver, "companies")) == (Mode.ENFORCE, Mode.WARN)


def test_staleness_relaxes_enforce_and_nothing_else(store, clock, resolve):
    store.answer = Snapshot(3, ENFORCE, {"off": OFF})
    resolver = resolve(relax_when_stale=60)
    store.answer = StoreError("gone")
    for seconds, expected in ((0, Mode.ENFORCE), (59, Mode.ENFORCE), (1, Mode.WARN), (1, Mode.WARN)):
        clock.now += seconds
        resolver.refresh()
        assert mode(resolver) is expected
        assert mode(resolver, "off") is Mode.OFF
    store.answer = Snapshot(4, ENFORCE)
    resolver.refresh()
    assert mode(resolver) is Mode.ENFORCE


def test_without_relax_when_stale_enforce_stays(store, clock, resolve):
    resolver = resolve()
    store.answer = StoreError("gone")
    resolver.refresh()
    clock.now += 1e9
    resolver.refresh()
    assert mode(resolver) is Mode.ENFORCE


def test_each_change_of_a_mode_is_logged_once_with_who_and_why(store, resolve, caplog, tmp_path):
    caplog.set_level(logging.INFO, "stagenorm")
    force = tmp_path / "force"
    canary = ModeState(Mode.ENFORCE, 10, 1, 1.0, "ada", "a\ncanary")
    off = ModeState(Mode.OFF, 0, 1, 2.0, "bob", "free text")
    store.answer = Snapshot()
    resolver = resolve(ceiling=Ceiling(file=force))
    assert caplog.messages == []
    steps = [
        (Snapshot(1, canary), ["mode of everywhere: warn -> enforce 10%, by 'ada': 'a\\ncanary'"]),
        (Snapshot(2, canary, {"simulate": off}), ["mode of simulate: enforce 10% -> off, by 'bob': 'free text'"]),
        (
            Snapshot(3, ModeState(Mode.ENFORCE, 50, 2, 3.0, "ada", "went well"), {"simulate": off, "b": canary}),
            [
                "mode of everywhere: enforce 10% -> enforce 50%, by 'ada': 'went well'",
            ],
        ),
        (Snapshot(4, None, {"simulate": off, "b": canary}), ["mode of everywhere: enforce 50% -> warn, by default"]),
    ]
    for answer, messages in steps:
        caplog.clear()
        store.answer = answer
        for _ in range(3):
            resolver.refresh()
        assert caplog.messages == messages
        assert {record.levelno for record in caplog.records} == {logging.INFO}
    caplog.clear()
    force.touch()
    resolver.refresh()
    force.unlink()
    resolver.refresh()
    assert caplog.messages == [
        "mode of b: enforce 10% -> warn, this process allows warn at most",
        "mode of b: warn -> enforce 10%, this process has no ceiling now",
    ]


@pytest.mark.parametrize(("environ", "warnings"), [({}, 1), ({"STAGENORM_STORE": "memory://"}, 0)])
def test_an_environment_without_a_store_is_warned_of(environ, warnings, caplog):
    ModeResolver.from_environment(environ).close()
    told = "no STAGENORM_STORE: modes are in this process alone, and no command reaches it"
    assert caplog.messages == [told] * warnings


def test_an_outage_is_logged_once_at_each_end(store, clock, resolve, caplog):
    resolver = resolve()
    for error in ("first", "second", "third"):
        store.answer = StoreError(error)
        resolver.refresh()
        clock.now += 2
    store.answer = Snapshot(3, ENFORCE)
    for _ in range(3):
        resolver.refresh()
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert caplog.messages == [
        "mode store degraded: first; the last confirmed state holds",
        "mode store recovered after 6.0 s",
    ]


def test_an_outage_from_the_start_names_the_default(store, resolve, caplog):
    store.answer = StoreError("gone")
    resolve(default=OFF)
    assert caplog.messages == ["mode store degraded: gone; off, the default, holds"]


def test_every_read_is_told(store, clock, resolve):
    events = []
    resolver = resolve(hooks=[events.append])
    store.answer = StoreError("gone")
    resolver.refresh()
    clock.now += 3
    resolver.refresh()
    store.answer = Snapshot(3, ENFORCE)
    resolver.refresh()
    assert events == [
        StoreRead(0.0, None, 0.0),
        StoreRead(0.0, "gone", 0.0),
        StoreRead(0.0, "gone", 3.0),
        StoreRead(0.0, None, 0.0),
    ]


def test_a_hook_that_raises_goes_no_further(store, resolve, caplog):
    def broken(event):
        raise ValueError("a bug")

    events = []
    resolver = resolve(hooks=[broken, events.append])
    assert len(events) == 1
    assert mode(resolver) is Mode.ENFORCE
    assert "failed" in caplog.text


def test_a_store_with_a_bug_is_an_outage(store, resolve):
    resolver = resolve()
    for bug in (KeyError("x"), RuntimeError("y")):
        store.answer = bug
        resolver.refresh()
        assert resolver.status().error == f"{type(bug).__name__} in ScriptedStore.read"
        assert mode(resolver) is Mode.ENFORCE
    store.answer = "no snapshot"
    resolver.refresh()
    assert resolver.status().error == "AttributeError in ScriptedStore.read"


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
def test_a_ttl_is_positive(store, ttl):
    with pytest.raises(ConfigurationError, match=r"ttl is .*: give a number of seconds above 0"):
        ModeResolver(store, ttl=ttl)


def test_the_environment_names_store_default_and_ceiling(tmp_path):
    environ = {
        "STAGENORM_STORE": f"file://{tmp_path}/modes.json",
        "STAGENORM_DEFAULT_MODE": "enforce",
        "STAGENORM_FORCE_FILE": str(tmp_path / "force"),
    }
    resolver = ModeResolver.from_environment(environ)
    assert resolver.view.state("a") == ModeState(Mode.ENFORCE)
    resolver.close()
    resolver = ModeResolver.from_environment({**environ, "STAGENORM_FORCE_MODE": "off"})
    assert resolver.view.state("a").mode is Mode.OFF
    resolver.close()


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"STAGENORM_DEFAULT_MODE": "strict"}, "STAGENORM_DEFAULT_MODE is 'strict': use one of off, warn, enforce"),
        ({"STAGENORM_FORCE_MODE": "strict"}, "STAGENORM_FORCE_MODE is 'strict': use one of off, warn, enforce"),
        (
            {"STAGENORM_STORE": "ftp://x"},
            "store URL with scheme 'ftp': use file:///path, redis://, rediss://, unix:///path",
        ),
    ],
)
def test_a_wrong_environment_is_named(environ, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        ModeResolver.from_environment(environ)


def test_a_clock_that_is_ahead_does_not_end_a_hold(store, resolve):
    """Whoever set it had a clock that is ahead: it stands since before the alert all the same."""
    store.answer = Snapshot(3, ModeState(Mode.ENFORCE, 100, 3, changed_at=1030.0))
    resolver = resolve()
    resolver.refresh()
    resolver.hold_at_warn(None, 1010.0)
    resolver.refresh()
    assert (resolver.view.state("e").mode, resolver.status().held) == (Mode.WARN, True)
    store.answer = Snapshot(4, ModeState(Mode.ENFORCE, 100, 4, changed_at=1031.0))
    resolver.refresh()
    assert (resolver.view.state("e").mode, resolver.status().held) == (Mode.ENFORCE, False)
