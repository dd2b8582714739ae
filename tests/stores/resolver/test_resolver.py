"""ModeResolver with a clock and a store that the test holds in its hands; no thread matters here."""

import logging

import pytest

from stagenorm import ConfigurationError, Mode, ModeState, StoreError
from stagenorm.core.overlays import Exemption, Overlays
from stagenorm.events import StoreRead
from stagenorm.stores import Ceiling, ModeResolver, Snapshot

ENFORCE, WARN, OFF = (ModeState(mode, share=40) for mode in (Mode.ENFORCE, Mode.WARN, Mode.OFF))


def mode(resolver, endpoint="simulate"):
    return resolver.view.state(endpoint).mode


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


BACK = {
    "empty, and the default enforces": Snapshot(),
    "enforce": Snapshot(2, ENFORCE),
    "a larger share": Snapshot(2, ModeState(Mode.ENFORCE, share=41, changed_at=9.0), {"b": WARN}),
    "one endpoint": Snapshot(2, WARN, {"b": WARN, "c": ENFORCE}),
    "the exemption lost": Snapshot(2, ENFORCE, {"b": WARN}),
}


@pytest.mark.parametrize("back", BACK.values(), ids=BACK)
def test_a_store_that_went_back_is_not_followed_to_enforce_more(store, resolve, back):
    exempt = Overlays(exemptions=(Exemption("partner", None, 1e12, "ada", "contract"),))
    confirmed = ModeState(Mode.ENFORCE, share=40, changed_at=10.0)
    store.answer = Snapshot(5, confirmed, {"b": WARN}, exempt)
    resolver = resolve(default=ModeState(Mode.ENFORCE))
    before = resolver.view
    store.answer = back
    resolver.refresh()
    assert "went back from revision 5" in resolver.status().error
    assert not resolver.view.exceeding(before)
    assert resolver.view.state("a") in (confirmed, back.everywhere)  # where it lowers it is followed
    assert resolver.view.overlays == exempt
    store.answer = Snapshot(3, ModeState(Mode.ENFORCE, changed_at=10.5))  # somebody set the mode since
    resolver.refresh()
    assert (resolver.status().error, resolver.view.state("a").share) == (None, 100)


def at(mode, changed_at, revision=1):
    return ModeState(mode, revision=revision, changed_at=changed_at)


CAUGHT_UP = {
    "by an exemption": Snapshot(
        2, at(Mode.ENFORCE, 50.0), {}, Overlays(exemptions=(Exemption("p", None, 1e12, "", ""),))
    ),
    "past it": Snapshot(7, at(Mode.ENFORCE, 50.0)),
    "by lowering another endpoint": Snapshot(2, at(Mode.ENFORCE, 50.0), {"companies": at(Mode.WARN, 200.0)}),
    "by enforcing at another endpoint": Snapshot(2, at(Mode.ENFORCE, 50.0), {"companies": at(Mode.ENFORCE, 200.0)}),
}


@pytest.mark.parametrize("refused", [True, False], ids=["after a read that was refused", "between two reads"])
@pytest.mark.parametrize("caught_up", CAUGHT_UP.values(), ids=CAUGHT_UP)
def test_a_revision_that_caught_up_does_not_bring_back_what_was_pulled_back(store, resolve, caught_up, refused):
    store.answer = Snapshot(2, at(Mode.WARN, 100.0, revision=2))
    resolver = resolve()
    if refused:
        store.answer = Snapshot(1, at(Mode.ENFORCE, 50.0))  # the downgrade is lost
        resolver.refresh()
    store.answer = caught_up
    resolver.refresh()
    assert "went back behind revision 2, and is at" in resolver.status().error
    assert (mode(resolver), mode(resolver, "companies")) == (Mode.WARN, Mode.WARN)
    store.answer = Snapshot(9, at(Mode.ENFORCE, 300.0))
    resolver.refresh()
    assert (resolver.status().error, mode(resolver)) == (None, Mode.ENFORCE)


def test_a_store_that_was_refused_stays_refused_though_its_modes_caught_up_too(store, resolve):
    store.answer = Snapshot(2, at(Mode.WARN, 100.0, revision=2))
    resolver = resolve()
    store.answer = Snapshot(1, at(Mode.ENFORCE, 50.0))
    resolver.refresh()
    store.answer = Snapshot(9, at(Mode.ENFORCE, 60.0, revision=9))
    resolver.refresh()
    assert mode(resolver) is Mode.WARN
    assert "(everywhere): there, stagenorm mode set warn, and then what it shall be" in resolver.status().error


def test_a_store_that_is_refused_still_lowers(store, resolve):
    """One endpoint went back to more; a downgrade of another one must come through, and be taken back by an operator."""
    enforce, lowered = at(Mode.ENFORCE, 10.0), at(Mode.WARN, 200.0, revision=2)
    store.answer = Snapshot(5, None, {"a": at(Mode.WARN, 100.0, revision=3), "c": enforce})
    resolver = resolve()
    store.answer = Snapshot(4, None, {"a": at(Mode.ENFORCE, 50.0, revision=2), "c": lowered})
    resolver.refresh()
    assert "(a): there, stagenorm mode set warn" in resolver.status().error
    assert (mode(resolver, "a"), mode(resolver, "c")) == (Mode.WARN, Mode.WARN)
    store.answer = StoreError("gone")
    resolver.refresh()
    assert mode(resolver, "c") is Mode.WARN
    for lost in (Snapshot(3, None, {"a": WARN, "c": enforce}), Snapshot(9, None, {"a": WARN, "c": enforce})):
        store.answer = lost  # what was lowered meanwhile is lost too, and does not come back for it
        resolver.refresh()
        assert mode(resolver, "c") is Mode.WARN
        assert "(c): there, stagenorm mode set warn" in resolver.status().error
    store.answer = Snapshot(10, None, {"a": at(Mode.ENFORCE, 300.0, revision=4), "c": at(Mode.ENFORCE, 301.0)})
    resolver.refresh()
    assert (mode(resolver, "a"), mode(resolver, "c")) == (Mode.ENFORCE, Mode.ENFORCE)


def test_a_lagging_store_that_is_whole_again_is_followed_though_it_was_milder_before(store, resolve):
    store.answer = whole = Snapshot(
        5, None, {"a": at(Mode.WARN, 100.0, revision=3), "c": at(Mode.ENFORCE, 90.0, revision=2)}
    )
    resolver = resolve()
    store.answer = Snapshot(
        2, None, {"a": at(Mode.ENFORCE, 50.0, revision=2), "c": at(Mode.WARN, 20.0)}
    )  # as it once was
    resolver.refresh()
    assert (mode(resolver, "a"), mode(resolver, "c")) == (Mode.WARN, Mode.WARN)
    store.answer = whole
    resolver.refresh()
    assert (resolver.status().error, mode(resolver, "c")) == (None, Mode.ENFORCE)


def test_a_mode_that_was_cleared_and_set_again_did_not_go_back(store, resolve):
    enforce = at(Mode.ENFORCE, 50.0, revision=9)
    store.answer = Snapshot(9, at(Mode.WARN, 1.0), {"a": at(Mode.WARN, 100.0, revision=4), "b": enforce})
    resolver = resolve()
    store.answer = Snapshot(
        12, at(Mode.WARN, 1.0), {"a": at(Mode.ENFORCE, 90.0, revision=5), "b": at(Mode.OFF, 200.0, revision=2)}
    )
    resolver.refresh()
    assert (resolver.status().error, mode(resolver, "a"), mode(resolver, "b")) == (None, Mode.ENFORCE, Mode.OFF)


def test_undo_brings_an_old_state_back_while_the_store_is_whole(store, resolve):
    store.answer = Snapshot(2, at(Mode.WARN, 100.0, revision=2))
    resolver = resolve()
    store.answer = Snapshot(3, at(Mode.ENFORCE, 50.0, revision=3))  # as undo leaves it
    resolver.refresh()
    assert (resolver.status().error, mode(resolver)) == (None, Mode.ENFORCE)


def test_a_store_that_comes_back_whole_is_followed_again(store, resolve):
    store.answer = whole = Snapshot(2, at(Mode.WARN, 100.0, revision=2))
    resolver = resolve()
    store.answer = Snapshot(1, at(Mode.ENFORCE, 50.0))  # a replica that lags
    resolver.refresh()
    store.answer = whole
    resolver.refresh()
    assert resolver.status().error is None
    store.answer = Snapshot(3, at(Mode.ENFORCE, 50.0, revision=3))  # undone on the primary
    resolver.refresh()
    assert (resolver.status().error, mode(resolver)) == (None, Mode.ENFORCE)


def test_a_store_that_went_back_is_followed_to_enforce_less(store, resolve, caplog):
    resolver = resolve()
    store.answer = Snapshot(2, WARN)
    resolver.refresh()
    assert (mode(resolver), resolver.status().error) == (Mode.WARN, None)
    assert caplog.messages == ["mode store went back from revision 3 to 2"]


def test_what_went_back_is_not_followed_because_a_ceiling_hides_it(store, clock, resolve, tmp_path):
    file = tmp_path / "force"
    store.answer = Snapshot(5, WARN)
    resolver = resolve(ceiling=Ceiling(file=file), relax_when_stale=3)
    file.touch()
    store.answer = Snapshot(4, ENFORCE)
    resolver.refresh()
    clock.now += 10
    resolver.refresh()  # stale, and so relaxed
    file.unlink()
    resolver.refresh()
    assert mode(resolver) is Mode.WARN
    store.answer = Snapshot(6, WARN)
    resolver.refresh()
    assert mode(resolver) is Mode.WARN


def test_an_undone_change_does_not_make_old_states_look_new(store, resolve):
    store.answer = Snapshot(5, ModeState(Mode.WARN, changed_at=50.0))
    resolver = resolve()
    store.answer = Snapshot(6, ModeState(Mode.OFF, changed_at=10.0))  # as undo leaves it
    resolver.refresh()
    store.answer = Snapshot(4, ModeState(Mode.ENFORCE, changed_at=40.0))  # a replica that lags
    resolver.refresh()
    assert mode(resolver) is Mode.OFF


def test_staleness_relaxes_enforce_and_nothing_else(store, clock, resolve):
    store.answer = Snapshot(3, ENFORCE, {"off": OFF})
    resolver = resolve(relax_when_stale=60)
    store.answer = StoreError("gone")
    for seconds, expected in ((0, Mode.ENFORCE), (59, Mode.ENFORCE), (1, Mode.WARN), (1, Mode.WARN)):
        clock.now += seconds
        resolver.refresh()
        assert mode(resolver) is expected
        assert mode(resolver, "off") is Mode.OFF
    store.answer = Snapshot(3, ENFORCE)
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
