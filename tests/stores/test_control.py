"""Changing what a store holds: who may, what follows, and what the trail says of it."""

from dataclasses import replace

import pytest

from stagenorm import INVESTMENT_STAGES, Mode, ModeState, StoreError, TransitionRefusedError
from stagenorm.core.modes import Actor
from stagenorm.core.overlays import Exemption, temporary_alias
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.errors import StoreConflictError
from stagenorm.stores import Entry, MemoryModeStore, Snapshot, control

DEFAULT = ModeState(Mode.WARN)


def by(actor, *, now=100.0, reason="because"):
    return control.Change(actor, f"{actor.value}-1", reason, now)


OPERATOR, CONTROLLER, ALERT = (by(actor) for actor in (Actor.OPERATOR, Actor.CONTROLLER, Actor.ALERT))


@pytest.fixture
def store():
    return MemoryModeStore()


def set_mode(store, change, mode, share=100, endpoint=None):
    return control.set_mode(store, change, Mode(mode), share, endpoint=endpoint, default=DEFAULT)


def standing(store, endpoint=None):
    state = store.read().state(endpoint)
    return state and (state.mode.value, state.share, state.latched)


def test_a_change_says_who_what_why_and_when(store):
    entry = set_mode(store, by(Actor.OPERATOR, now=7.5, reason="a canary"), "enforce", 10)
    state = store.read().everywhere
    assert state == ModeState(Mode.ENFORCE, 10, 1, 7.5, "operator-1", "a canary")
    assert (entry.actor, entry.author, entry.action, entry.reason, entry.at) == (
        Actor.OPERATOR,
        "operator-1",
        "set",
        "a canary",
        7.5,
    )
    assert (entry.before.revision, entry.after, store.trail(1)) == (0, store.read(), [entry])


def test_an_endpoint_begins_with_the_global_state(store):
    set_mode(store, OPERATOR, "enforce", 10)
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match="latched since alert-1 pulled it back"):
        set_mode(store, CONTROLLER, "enforce", 10, "simulate")
    assert standing(store, "simulate") is None


def test_a_refused_change_stores_nothing(store):
    with pytest.raises(TransitionRefusedError, match="warn to off: not for the controller; who may: operator"):
        set_mode(store, CONTROLLER, "off")
    with pytest.raises(TransitionRefusedError, match="a change needs a reason"):
        set_mode(store, by(Actor.OPERATOR, reason=" "), "off")
    assert store.trail(10) == []


@pytest.mark.parametrize("endpoint", [None, "simulate"])
def test_setting_what_is_stored_changes_nothing(store, endpoint):
    first = set_mode(store, OPERATOR, "enforce", 10, endpoint)
    assert set_mode(store, by(Actor.OPERATOR, now=200.0, reason="another"), "enforce", 10, endpoint) is None
    assert store.trail(10) == [first]
    assert set_mode(store, OPERATOR, "enforce", 20, endpoint).revision == 2
    control.downgrade(store, ALERT, default=DEFAULT)
    assert set_mode(store, OPERATOR, "warn", 20, endpoint) is None
    assert standing(store, endpoint) == ("warn", 20, True)


def test_a_mode_of_its_own_is_a_change_even_if_it_holds_already(store):
    assert set_mode(store, OPERATOR, "warn").revision == 1
    assert set_mode(store, OPERATOR, "warn", endpoint="simulate").revision == 2


def test_an_alert_latches_even_where_the_mode_is_low_enough(store):
    set_mode(store, OPERATOR, "warn")
    set_mode(store, ALERT, "warn")
    assert standing(store) == ("warn", 100, True)


def test_a_downgrade_lowers_everything_in_one_change(store):
    set_mode(store, OPERATOR, "enforce", 50)
    set_mode(store, OPERATOR, "enforce", 10, "simulate")
    set_mode(store, OPERATOR, "off", 100, "companies")
    entry = control.downgrade(store, ALERT, default=DEFAULT)
    assert entry.revision == 4
    assert standing(store) == ("warn", 50, True)
    assert standing(store, "simulate") == ("warn", 10, True)
    assert standing(store, "companies") == ("off", 100, True)
    assert control.downgrade(store, ALERT, default=DEFAULT) is None
    assert store.read().revision == 4


def test_a_downgrade_of_one_endpoint_leaves_the_others(store):
    set_mode(store, OPERATOR, "enforce", 50)
    control.downgrade(store, ALERT, endpoint="simulate", default=DEFAULT)
    assert standing(store) == ("enforce", 50, False)
    assert standing(store, "simulate") == ("warn", 50, True)


def test_a_downgrade_of_an_untouched_store_latches_the_default(store):
    control.downgrade(store, ALERT, default=ModeState(Mode.ENFORCE))
    assert standing(store) == ("warn", 100, True)


def test_what_an_alert_lowers_by_name_is_latched_too(store):
    set_mode(store, OPERATOR, "enforce")
    set_mode(store, ALERT, "warn")
    assert standing(store) == ("warn", 100, True)


@pytest.mark.parametrize("change", [OPERATOR, CONTROLLER], ids=["operator", "controller"])
@pytest.mark.parametrize("endpoint", [None, "simulate", "never named"])
def test_nobody_enforces_past_a_latch(store, change, endpoint):
    set_mode(store, OPERATOR, "warn", endpoint="simulate")
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match="an operator must unlatch it first"):
        set_mode(store, change, "enforce", endpoint=endpoint)


@pytest.mark.parametrize("change", [CONTROLLER, ALERT], ids=["controller", "alert"])
@pytest.mark.parametrize(("action", "more"), [("unlatch", {}), ("undo", {"default": DEFAULT})])
def test_only_an_operator_clears(store, change, action, more):
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match=f"{action}: not for the {change.actor.value}"):
        getattr(control, action)(store, change, **more)
    assert store.read().revision == 1


def test_unlatching_everything(store):
    set_mode(store, OPERATOR, "enforce", 10, "simulate")
    control.downgrade(store, ALERT, default=DEFAULT)
    control.unlatch(store, OPERATOR)
    assert (standing(store), standing(store, "simulate")) == (("warn", 100, False), ("warn", 10, False))
    set_mode(store, CONTROLLER, "enforce", 10, "simulate")
    assert control.unlatch(store, OPERATOR) is None


def test_unlatching_one_endpoint_that_is_latched_with_all(store):
    control.downgrade(store, ALERT, default=DEFAULT)
    control.unlatch(store, OPERATOR, endpoint="simulate")
    assert (standing(store), standing(store, "simulate")) == (("warn", 100, True), ("warn", 100, False))
    set_mode(store, CONTROLLER, "enforce", 10, "simulate")
    assert control.unlatch(store, OPERATOR, endpoint="simulate") is None
    assert standing(store, "simulate") == ("enforce", 10, False)


def test_clearing_gives_an_endpoint_back_to_all_and_undo_restores_its_mode(store):
    set_mode(store, OPERATOR, "enforce", 50)
    set_mode(store, OPERATOR, "off", endpoint="simulate")
    set_mode(store, OPERATOR, "warn", endpoint="companies")
    own = store.read().endpoints["simulate"]
    entry = control.clear(store, OPERATOR, "simulate")
    assert (entry.action, entry.author, entry.reason, entry.revision) == ("clear", "operator-1", "because", 4)
    assert (standing(store), list(store.read().endpoints)) == (("enforce", 50, False), ["companies"])
    assert store.trail(1) == [entry]
    assert control.clear(store, OPERATOR, "simulate") is None
    assert store.read().revision == 4
    control.undo(store, OPERATOR, default=DEFAULT)
    assert store.read().endpoints["simulate"] == own


def test_what_is_latched_is_not_cleared(store):
    set_mode(store, OPERATOR, "enforce", 50)
    control.downgrade(store, ALERT, endpoint="simulate", default=DEFAULT)
    with pytest.raises(
        TransitionRefusedError, match=r"clear simulate: latched since alert-1 pulled it back \(because\)"
    ):
        control.clear(store, OPERATOR, "simulate")
    assert standing(store, "simulate") == ("warn", 50, True)
    control.unlatch(store, OPERATOR, endpoint="simulate")
    control.clear(store, OPERATOR, "simulate")
    assert standing(store, "simulate") is None


@pytest.mark.parametrize("change", [CONTROLLER, ALERT], ids=["controller", "alert"])
def test_only_an_operator_takes_a_mode_away(store, change):
    set_mode(store, OPERATOR, "off", endpoint="simulate")
    with pytest.raises(TransitionRefusedError, match=f"clear: not for the {change.actor.value}"):
        control.clear(store, change, "simulate")
    assert standing(store, "simulate") == ("off", 100, False)


def test_undo_restores_exactly_as_a_new_revision(store):
    set_mode(store, by(Actor.OPERATOR, now=1.0, reason="first"), "enforce", 10)
    set_mode(store, by(Actor.OPERATOR, now=2.0, reason="second"), "enforce", 10, "simulate")
    before = store.read()
    control.downgrade(store, ALERT, default=DEFAULT)
    entry = control.undo(store, OPERATOR, default=DEFAULT)
    assert (entry.action, entry.author, entry.revision) == ("undo", "operator-1", 4)
    for endpoint in (None, "simulate"):
        was, now = before.state(endpoint), store.read().state(endpoint)
        assert (now.mode, now.share, now.latched) == (was.mode, was.share, was.latched)
        assert (now.changed_at, now.changed_by, now.reason) == (was.changed_at, was.changed_by, was.reason)
        assert now.revision == was.revision + 2  # after the downgrade's, never one of before


def test_undo_of_the_first_change_leaves_nothing_stored(store):
    set_mode(store, OPERATOR, "enforce", 10)
    control.undo(store, OPERATOR, default=DEFAULT)
    assert store.read().everywhere is None
    assert store.read().revision == 2


def test_undo_of_an_endpoint_s_first_change_gives_it_back_to_all(store):
    set_mode(store, OPERATOR, "warn")
    set_mode(store, OPERATOR, "off", endpoint="simulate")
    control.undo(store, OPERATOR, default=DEFAULT)
    assert store.read().endpoints == {}
    assert store.read().everywhere.revision == 1  # it was not touched


def test_undo_of_one_endpoint_leaves_what_was_changed_elsewhere_since(store):
    set_mode(store, OPERATOR, "enforce", 10, "simulate")
    set_mode(store, OPERATOR, "enforce", 50, "simulate")
    set_mode(store, OPERATOR, "enforce", 100)
    set_mode(store, OPERATOR, "off", endpoint="companies")
    elsewhere = store.read().everywhere, store.read().state("companies")
    control.undo(store, OPERATOR, endpoint="simulate", default=DEFAULT)
    assert standing(store, "simulate") == ("enforce", 10, False)
    assert store.read().state("simulate").revision == 3
    assert (store.read().everywhere, store.read().state("companies")) == elsewhere
    control.undo(store, OPERATOR, endpoint="companies", default=DEFAULT)
    assert list(store.read().endpoints) == ["simulate"]
    with pytest.raises(TransitionRefusedError, match="holds no change of the own mode of strategies that"):
        control.undo(store, OPERATOR, endpoint="strategies", default=DEFAULT)


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
    control.undo(store, OPERATOR, endpoint="simulate", default=DEFAULT)
    assert store.read().endpoints == {}


def test_undo_twice_brings_back_what_was_undone(store):
    set_mode(store, OPERATOR, "enforce", 10)
    set_mode(store, OPERATOR, "enforce", 50)
    control.undo(store, OPERATOR, default=DEFAULT)
    assert standing(store) == ("enforce", 10, False)
    control.undo(store, OPERATOR, default=DEFAULT)
    assert standing(store) == ("enforce", 50, False)


def test_undo_passes_over_overlays_and_keeps_them(store):
    set_mode(store, OPERATOR, "enforce", 10)
    set_mode(store, OPERATOR, "enforce", 50)
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    control.undo(store, OPERATOR, default=DEFAULT)
    assert standing(store) == ("enforce", 10, False)
    assert store.read().overlays.exemptions == (exempt,)


def test_undo_past_an_overlay_never_enforces_more(store):
    """Whoever undoes after an exemption may mean the exemption: enforcement must not come back for it."""
    set_mode(store, OPERATOR, "enforce", 50)
    control.downgrade(store, OPERATOR, default=ModeState(Mode.WARN))
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    with pytest.raises(TransitionRefusedError, match="the last change is revision 3, exempt add, which is no mode's"):
        control.undo(store, OPERATOR, default=DEFAULT)
    assert standing(store) == ("warn", 50, True)


def test_undo_past_an_overlay_never_goes_back_to_a_default_that_enforces(store):
    set_mode(store, OPERATOR, "warn")
    exempt = Exemption("partner", None, 1e9, "ada", "contract")
    control.change_overlays(store, OPERATOR, "exempt add", lambda overlays: overlays.with_exemption(exempt))
    with pytest.raises(TransitionRefusedError, match="which is no mode's"):
        control.undo(store, OPERATOR, default=ModeState(Mode.ENFORCE))
    control.undo(store, OPERATOR, default=DEFAULT)
    assert store.read().everywhere is None


def test_undo_past_a_hold_of_the_rollout_never_enforces_more(store):
    set_mode(store, OPERATOR, "enforce")
    set_mode(store, OPERATOR, "warn")

    def hold(snapshot):
        return replace(snapshot, rollout={EVERYWHERE: Progress("warn", 1.0, halted="ada: wait")})

    control.change_rollout(store, OPERATOR, "rollout hold", hold)
    with pytest.raises(TransitionRefusedError, match="the last change is revision 3, rollout hold, which is no mode's"):
        control.undo(store, OPERATOR, default=DEFAULT)


def test_undo_of_one_endpoint_never_enforces_past_the_latch_of_all(store):
    set_mode(store, OPERATOR, "enforce", 100, "companies")
    control.clear(store, OPERATOR, "companies")
    set_mode(store, OPERATOR, "enforce", 10)
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match="companies would enforce again, and everywhere is latched"):
        control.undo(store, OPERATOR, endpoint="companies", default=DEFAULT)
    control.unlatch(store, OPERATOR)
    control.undo(store, OPERATOR, endpoint="companies", default=DEFAULT)
    assert standing(store, "companies") == ("enforce", 100, False)


def test_undo_of_an_own_mode_never_enforces_past_the_latch_of_all(store):
    set_mode(store, OPERATOR, "enforce", 100, "companies")
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match="companies would enforce again, and everywhere is latched"):
        control.undo(store, OPERATOR, endpoint="companies", default=DEFAULT)
    control.unlatch(store, OPERATOR, endpoint="companies")
    set_mode(store, OPERATOR, "enforce", 100, "companies")
    control.clear(store, OPERATOR, "companies")
    with pytest.raises(TransitionRefusedError, match="companies would enforce again, and everywhere is latched"):
        control.undo(store, OPERATOR, default=DEFAULT)


def test_undo_takes_an_alert_s_downgrade_back_though_the_controller_followed_it(store):
    set_mode(store, OPERATOR, "enforce")
    control.downgrade(store, ALERT, default=DEFAULT)
    back = {EVERYWHERE: Progress("warn", 1.0, pulled_back=True)}
    before = store.read()
    after = replace(before, revision=before.revision + 1, rollout=back)
    store.replace(Entry(after.revision, 101.0, Actor.CONTROLLER, "rollout", "rollout back", "because", before, after))
    control.undo(store, OPERATOR, default=DEFAULT)
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
        control.undo(Restarted(), OPERATOR, default=DEFAULT)


def test_there_may_be_nothing_to_undo(store):
    with pytest.raises(TransitionRefusedError, match="there is nothing to undo"):
        control.undo(store, OPERATOR, default=DEFAULT)


def test_overlays_are_added_once_and_removed(store):
    alias = temporary_alias(INVESTMENT_STAGES, "Serie A", "series-a", expires_at=9.0, author="a", reason="r", now=1.0)
    add = control.change_overlays(store, OPERATOR, "alias add", lambda overlays: overlays.with_alias(alias))
    assert (add.action, add.after.overlays.aliases) == ("alias add", (alias,))
    assert control.change_overlays(store, OPERATOR, "alias add", lambda overlays: overlays.with_alias(alias)) is None
    gone = control.change_overlays(
        store, OPERATOR, "alias remove", lambda overlays: overlays.without_alias(alias.vocabulary, alias.form, None)
    )
    assert not gone.after.overlays
    assert store.read().everywhere is None


def test_whoever_is_slower_decides_again(store):
    """Another writer comes between the reading and the writing: the change is decided on what that one left."""

    class Interrupted:
        interruptions = 3

        def read(self):
            return store.read()

        def replace(self, entry):
            if self.interruptions:
                self.interruptions -= 1
                set_mode(store, OPERATOR, "enforce", self.interruptions)
            store.replace(entry)

    control.downgrade(Interrupted(), ALERT, default=DEFAULT)
    assert standing(store) == ("warn", 0, True)
    assert [entry.revision for entry in store.trail(10)] == [4, 3, 2, 1]


def test_a_latch_that_came_between_refuses(store):
    class Interrupted:
        def read(self):
            return store.read()

        def replace(self, entry):
            control.downgrade(store, ALERT, default=DEFAULT)
            store.replace(entry)

    with pytest.raises(TransitionRefusedError, match="latched"):
        set_mode(Interrupted(), CONTROLLER, "enforce", 10)


@pytest.mark.parametrize("kind", ["file", "valkey"])
def test_a_text_that_cannot_be_stored_is_refused(request, tmp_path, kind):
    from stagenorm.stores import open_store  # noqa: PLC0415

    url = f"file://{tmp_path}/m.json" if kind == "file" else request.getfixturevalue("valkey").fresh_url()
    store = open_store(url, timeout=5)
    with pytest.raises(StoreError, match=r"'\\udcff' is no text that can be stored: give it in UTF-8"):
        set_mode(store, by(Actor.OPERATOR, reason="\udcff"), "warn")
    assert (store.read().revision, store.trail(1)) == (0, [])


def test_a_conflict_names_both_revisions(store):
    entry = set_mode(store, OPERATOR, "warn")
    with pytest.raises(StoreConflictError, match="the store is at revision 1, not 0: somebody else changed it"):
        store.replace(entry)
