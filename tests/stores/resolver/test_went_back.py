"""A store that went back: followed where it lowers, and never to enforce more."""

from dataclasses import replace

import pytest

from stagenorm import Mode, ModeState, StoreError
from stagenorm.core.overlays import Exemption, Overlays
from stagenorm.stores import Ceiling, Snapshot
from tests.stores.resolver.conftest import ENFORCE, WARN, mode

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


def test_the_first_downgrade_of_an_endpoint_is_not_brought_back_by_the_next_change(store, resolve):
    """It leaves no own mode whose revision could fall; but no revision is there twice."""
    before = Snapshot(1, at(Mode.ENFORCE, 50.0))
    store.answer = replace(before, revision=2, endpoints={"companies": at(Mode.WARN, 100.0)})
    resolver = resolve()
    exempt = Overlays(exemptions=(Exemption("p", None, 1e12, "", ""),))
    store.answer = replace(before, revision=2, overlays=exempt)
    resolver.refresh()
    assert "went back behind revision 2" in resolver.status().error
    assert (mode(resolver, "simulate"), mode(resolver, "companies")) == (Mode.ENFORCE, Mode.WARN)


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
