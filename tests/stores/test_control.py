"""Changing what a store holds: who may, what follows, and what the trail says of it."""

import pytest

from stagenorm import INVESTMENT_STAGES, Mode, ModeState, StoreError, TransitionRefusedError
from stagenorm.core.modes import Actor
from stagenorm.core.overlays import temporary_alias
from stagenorm.errors import StoreConflictError
from stagenorm.stores import MemoryModeStore, control
from tests.stores.changes import ALERT, CONTROLLER, DEFAULT, OPERATOR, by, set_mode, standing


@pytest.fixture
def store():
    return MemoryModeStore()


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
@pytest.mark.parametrize("action", ["unlatch", "undo"])
def test_only_an_operator_clears(store, change, action):
    control.downgrade(store, ALERT, default=DEFAULT)
    with pytest.raises(TransitionRefusedError, match=f"{action}: not for the {change.actor.value}"):
        getattr(control, action)(store, change)
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
    control.undo(store, OPERATOR)
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
