"""Undo: what was before, under a new revision, and never more than whoever asks can mean."""

from dataclasses import replace

import pytest

from stagenorm import Mode, ModeState, TransitionRefusedError
from stagenorm.core.modes import Actor
from stagenorm.core.overlays import Exemption
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.stores import Entry, MemoryModeStore, Snapshot, control
from tests.stores.changes import ALERT, DEFAULT, OPERATOR, by, set_mode, standing


@pytest.fixture
def store():
    return MemoryModeStore()


def test_undo_restores_exactly_as_a_new_revision(store):
    set_mode(store, by(Actor.OPERATOR, now=1.0, reason="first"), "enforce", 10)
    set_mode(store, by(Actor.OPERATOR, now=2.0, reason="second"), "enforce", 10, "simulate")
    before = store.read()
    control.downgrade(store, ALERT, default=DEFAULT)
    entry = control.undo(store, OPERATOR)
    assert (entry.action, entry.author, entry.revision) == ("undo", "operator-1", 4)
    for endpoint in (None, "simulate"):
        was, now = before.state(endpoint), store.read().state(endpoint)
        assert (now.mode, now.share, now.latched) == (was.mode, was.share, was.latched)
        assert (now.changed_at, now.changed_by, now.reason) == (was.changed_at, was.changed_by, was.reason)
        assert now.revision == was.revision + 2  # after the downgrade's, never one of before


def test_undo_of_the_first_change_leaves_nothing_stored(store):
    set_mode(store, OPERATOR, "enforce", 10)
    control.undo(store, OPERATOR)
    assert store.read().everywhere is None
    assert store.read().revision == 2


def test_undo_of_an_endpoint_s_first_change_gives_it_back_to_all(store):
    set_mode(store, OPERATOR, "warn")
    set_mode(store, OPERATOR, "off", endpoint="simulate")
    control.undo(store, OPERATOR)
    assert store.read().endpoints == {}
    assert store.read().everywhere.revision == 1  # it was not touched


def test_undo_of_one_endpoint_leaves_what_was_changed_elsewhere_since(store):
    set_mode(store, OPERATOR, "enforce", 10, "simulate")
    set_mode(store, OPERATOR, "enforce", 50, "simulate")
    set_mode(store, OPERATOR, "enforce", 100)
    set_mode(store, OPERATOR, "off", endpoint="companies")
    elsewhere = store.read().everywhere, store.read().state("companies")
    control.undo(store, OPERATOR, endpoint="simulate")
    assert standing(store, "simulate") == ("enforce", 10, False)
    assert store.read().state("simulate").revision == 3
    assert (store.read().everywhere, store.read().state("companies")) == elsewhere
    control.undo(store, OPERATOR, endpoint="companies")
    assert list(store.read().endpoints) == ["simulate"]
    with pytest.raises(TransitionRefusedError, match="holds no change of the own mode of strategies that"):
        control.undo(store, OPERATOR, endpoint="strategies")


def test_a_long_trail_is_read_to_its_end_once_though_it_grows(store):
    for number in range(120):
        set_mode(store, OPERATOR, "enforce", number % 50, "simulate" if number == 3 else None)

    class Growing:
        def __getattr__(self, name):
            return getattr(store, name)

        def trail(self, limit):
            entries = store.trail(limit)
            set_mode(store, OPERATOR, "off" if limit > 100 else "warn")
            return entries

    told = [entry.revision for entry in control.newest_first(Growing())]
    assert told == list(range(120, 0, -1))
    control.undo(store, OPERATOR, endpoint="simulate")
    assert store.read().endpoints == {}


def test_undo_twice_brings_back_what_was_undone(store):
    set_mode(store, OPERATOR, "enforce", 10)
    set_mode(store, OPERATOR, "enforce", 50)
    control.undo(store, OPERATOR)
    assert standing(store) == ("enforce", 10, False)
    control.undo(store, OPERATOR)
    assert standing(store) == ("enforce", 50, False)


def test_undo_passes_over_overlays_and_keeps_them(store):
    set_mode(store, OPERATOR, "enforce", 10)
    set_mode(store, OPERATOR, "enforce", 50)
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    control.undo(store, OPERATOR)
    assert standing(store) == ("enforce", 10, False)
    assert store.read().overlays.exemptions == (exempt,)


def test_undo_past_an_overlay_never_enforces_more(store):
    """Whoever undoes after an exemption may mean the exemption: enforcement must not come back for it."""
    set_mode(store, OPERATOR, "enforce", 50)
    control.downgrade(store, OPERATOR, default=ModeState(Mode.WARN))
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    with pytest.raises(TransitionRefusedError, match="the last change is revision 3, exempt add, which is no mode's"):
        control.undo(store, OPERATOR)
    assert standing(store) == ("warn", 50, True)


def test_undo_past_an_overlay_never_goes_back_to_a_default_that_enforces(store):
    set_mode(store, OPERATOR, "warn")
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    with pytest.raises(TransitionRefusedError, match="which is no mode's"):
        control.undo(store, OPERATOR)
    assert standing(store)[0] == "warn"


def test_undo_past_an_overlay_never_enforces_where_nothing_is_stored_by_now(store):
    set_mode(store, OPERATOR, "enforce", endpoint="simulate")
    control.clear(store, OPERATOR, "simulate")
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    for endpoint in (None, "simulate"):
        with pytest.raises(TransitionRefusedError, match="exempt add, which is no mode's"):
            control.undo(store, OPERATOR, endpoint=endpoint)


def test_undo_of_an_own_mode_past_an_overlay_never_enforces_more(store):
    for mode in ("enforce", "warn"):
        control.set_mode(
            store, OPERATOR, Mode(mode), 100 if mode == "enforce" else 0, endpoint="simulate", default=DEFAULT
        )
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    with pytest.raises(TransitionRefusedError, match="exempt add, which is no mode's"):
        control.undo(store, OPERATOR, endpoint="simulate")


def test_undo_past_a_hold_of_the_rollout_never_enforces_more(store):
    set_mode(store, OPERATOR, "enforce")
    set_mode(store, OPERATOR, "warn")

    def hold(snapshot):
        return replace(snapshot, rollout={EVERYWHERE: Progress("warn", 1.0, halted="ada: wait")})

    control.change_rollout(store, OPERATOR, "rollout hold", hold)
    with pytest.raises(TransitionRefusedError, match="the last change is revision 3, rollout hold, which is no mode's"):
        control.undo(store, OPERATOR)


def test_undo_of_one_endpoint_never_enforces_past_the_latch_of_all(store):
    set_mode(store, OPERATOR, "enforce", 100, "companies")
    control.clear(store, OPERATOR, "companies")
    set_mode(store, OPERATOR, "enforce", 10)
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match="companies would enforce again, and everywhere is latched"):
        control.undo(store, OPERATOR, endpoint="companies")
    control.unlatch(store, OPERATOR)
    control.undo(store, OPERATOR, endpoint="companies")
    assert standing(store, "companies") == ("enforce", 100, False)


def test_undo_of_an_own_mode_never_enforces_past_the_latch_of_all(store):
    set_mode(store, OPERATOR, "enforce", 100, "companies")
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match="companies would enforce again, and everywhere is latched"):
        control.undo(store, OPERATOR, endpoint="companies")
    control.unlatch(store, OPERATOR, endpoint="companies")
    set_mode(store, OPERATOR, "enforce", 100, "companies")
    control.clear(store, OPERATOR, "companies")
    with pytest.raises(TransitionRefusedError, match="companies would enforce again, and everywhere is latched"):
        control.undo(store, OPERATOR)


def test_undo_takes_an_alert_s_downgrade_back_though_the_controller_followed_it(store):
    set_mode(store, OPERATOR, "enforce")
    control.downgrade(store, ALERT, default=DEFAULT)
    back = {EVERYWHERE: Progress("warn", 1.0, pulled_back=True)}
    before = store.read()
    after = replace(before, revision=before.revision + 1, rollout=back)
    store.replace(Entry(after.revision, 101.0, Actor.CONTROLLER, "rollout", "rollout back", "because", before, after))
    control.undo(store, OPERATOR)
    assert standing(store) == ("enforce", 100, False)


def test_undo_does_not_reach_into_the_history_before_a_loss(store):
    """The state was lost, the trail was not: what it tells of later revisions is of another history."""
    set_mode(store, OPERATOR, "enforce", 10)
    set_mode(store, OPERATOR, "warn")

    class Restarted:
        trail = store.trail

        def read(self):
            return Snapshot()

    with pytest.raises(TransitionRefusedError, match="there is nothing to undo"):
        control.undo(Restarted(), OPERATOR)


def test_there_may_be_nothing_to_undo(store):
    with pytest.raises(TransitionRefusedError, match="there is nothing to undo"):
        control.undo(store, OPERATOR)
