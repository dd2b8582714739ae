"""Modes: who may move what where, the one-way ratchet, and which state holds for an endpoint."""

import dataclasses
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm import ConfigurationError, FixedModes, Mode, ModeState, ModeView, TransitionRefusedError
from stagenorm.core.modes import Actor, change, downgrade, in_words, unlatch
from stagenorm.core.overlays import Overlays, TemporaryAlias

OFF, WARN, ENFORCE = Mode.OFF, Mode.WARN, Mode.ENFORCE
OPERATOR, CONTROLLER, ALERT = Actor.OPERATOR, Actor.CONTROLLER, Actor.ALERT

# The transition table once more, written by hand: who may move from where to where.
MAY = {
    (OFF, OFF): {OPERATOR},
    (OFF, WARN): {OPERATOR, CONTROLLER},
    (OFF, ENFORCE): {OPERATOR},
    (WARN, OFF): {OPERATOR},
    (WARN, WARN): {OPERATOR, ALERT},
    (WARN, ENFORCE): {OPERATOR, CONTROLLER},
    (ENFORCE, OFF): {OPERATOR},
    (ENFORCE, WARN): {OPERATOR, CONTROLLER, ALERT},
    (ENFORCE, ENFORCE): {OPERATOR, CONTROLLER},
}
BY = {"changed_by": "anna", "reason": "as planned", "now": 17.5}


@pytest.mark.parametrize(("before", "after", "actor"), [*product(Mode, Mode, Actor)], ids=lambda each: each.value)
def test_the_transition_table(before, after, actor):
    state = ModeState(before, share=30, revision=4)
    if actor in MAY[before, after]:
        changed = ModeState(after, 50, 5, 17.5, "anna", "as planned", latched=actor is ALERT)
        assert change(state, after, 50, actor=actor, **BY) == changed
    else:
        with pytest.raises(TransitionRefusedError) as failure:
            change(state, after, 50, actor=actor, **BY)
        may = ", ".join(sorted(each.value for each in MAY[before, after]))
        assert str(failure.value) == f"{before.value} to {after.value}: not for the {actor.value}; who may: {may}"


@pytest.mark.parametrize(("before", "actor"), [*product(Mode, [OPERATOR, CONTROLLER])])
def test_nobody_enforces_past_a_latch(before, actor):
    state = ModeState(before, changed_by="alertmanager", reason="too many rejections", latched=True)
    with pytest.raises(TransitionRefusedError) as failure:
        change(state, ENFORCE, 100, actor=actor, **BY)
    if actor in MAY[before, ENFORCE]:
        assert str(failure.value) == (
            f"{before.value} to enforce: latched since alertmanager pulled it back (too many rejections); "
            "an operator must unlatch it first"
        )


def test_any_other_change_keeps_the_latch():
    assert change(ModeState(WARN, latched=True), OFF, 0, actor=OPERATOR, **BY).latched


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_change_needs_a_reason(reason):
    with pytest.raises(TransitionRefusedError, match="warn to off: a change needs a reason"):
        change(ModeState(WARN), OFF, 0, actor=OPERATOR, changed_by="anna", reason=reason, now=1.0)


@pytest.mark.parametrize("share", [-0.1, 100.1, float("nan"), float("inf")])
def test_a_share_is_a_percentage(share):
    with pytest.raises(ConfigurationError, match=r"share .* is no percentage: give a number from 0 to 100"):
        ModeState(ENFORCE, share)
    with pytest.raises(ConfigurationError):
        change(ModeState(WARN), ENFORCE, share, actor=OPERATOR, **BY)


@pytest.mark.parametrize(("before", "after"), [(ENFORCE, WARN), (WARN, WARN), (OFF, OFF)])
def test_a_downgrade_lowers_enforce_to_warn_and_latches(before, after):
    state = ModeState(before, 30, 4, 1.0, "bert", "before")
    assert downgrade(state, **BY) == ModeState(after, 30, 5, 17.5, "anna", "as planned", latched=True)


@pytest.mark.parametrize("mode", [OFF, WARN])
def test_a_repeated_downgrade_changes_nothing(mode):
    state = ModeState(mode, 30, 4, 1.0, "bert", "before", latched=True)
    assert downgrade(state, **BY) is state


def test_a_latched_enforce_of_damaged_history_is_lowered_too():
    assert downgrade(ModeState(ENFORCE, latched=True, revision=1), **BY).mode is WARN


@given(st.sampled_from(Mode), st.floats(0, 100), st.booleans(), st.integers(1, 5))
def test_no_chain_of_downgrades_raises_a_mode(mode, share, latched, times):
    state = ModeState(mode, share, latched=latched)
    for _ in range(times):
        lowered = downgrade(state, **BY)
        assert lowered.mode.strictness <= state.mode.strictness
        assert lowered.latched
        assert lowered.mode is not ENFORCE
        state = lowered


def test_unlatching_clears_the_latch_and_nothing_else():
    state = ModeState(WARN, 30, 4, 1.0, "bert", "before", latched=True)
    assert unlatch(state, **BY) == ModeState(WARN, 30, 5, 17.5, "anna", "as planned", latched=False)


def test_strictness_orders_the_modes():
    assert [mode.strictness for mode in (OFF, WARN, ENFORCE)] == [0, 1, 2]


def test_a_state_is_frozen_and_has_a_default_share_of_all():
    assert ModeState(ENFORCE).share == 100
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModeState(WARN).mode = OFF


def test_the_endpoint_comes_before_the_global_state_and_that_before_the_default():
    default, everywhere, own = ModeState(OFF), ModeState(WARN), ModeState(ENFORCE)
    assert ModeView().state("a") == ModeState(WARN)
    assert ModeView(default).state("a") is default
    assert ModeView(default, everywhere).state("a") is everywhere
    both = ModeView(default, everywhere, {"a": own})
    assert (both.state("a"), both.state("b")) == (own, everywhere)
    assert ModeView(default, None, {"a": own}).state("b") is default


@pytest.mark.parametrize(("stored", "ceiling"), [*product(Mode, Mode)])
def test_a_ceiling_only_lowers_and_changes_nothing_else(stored, ceiling):
    state = ModeState(stored, 30, 4, 17.5, "anna", "as planned", latched=True)
    lower = min(stored, ceiling, key=lambda mode: mode.strictness)
    expected = dataclasses.replace(state, mode=lower)
    assert ModeView(state, ceiling=ceiling).state("a") == expected
    assert ModeView(ModeState(OFF), state, ceiling=ceiling).state("a") == expected
    assert ModeView(ModeState(OFF), None, {"a": state}, ceiling=ceiling).state("a") == expected
    assert ModeView(state, ceiling=ceiling).ceiling is ceiling


ALIAS = TemporaryAlias("investment-stages", "serie-a", "series-a", 200.0, "anna", "an import")
HOLDING = Overlays((ALIAS,))


@pytest.mark.parametrize(
    ("stricter", "other"),
    [
        (ModeView(ModeState(ENFORCE)), ModeView(ModeState(WARN))),
        (ModeView(ModeState(WARN)), ModeView(ModeState(OFF))),
        (ModeView(ModeState(WARN, 0)), ModeView(ModeState(OFF, 100))),
        (ModeView(ModeState(ENFORCE, 0)), ModeView(ModeState(WARN, 100))),
        (ModeView(ModeState(ENFORCE, 50)), ModeView(ModeState(ENFORCE, 49.5))),
        (ModeView(ModeState(OFF), ModeState(WARN)), ModeView(ModeState(OFF))),
        (ModeView(endpoints={"a": ModeState(ENFORCE)}), ModeView()),
        (ModeView(), ModeView(endpoints={"a": ModeState(OFF)})),
        (ModeView(endpoints={"a": ModeState(OFF)}), ModeView(ModeState(OFF), endpoints={"a": ModeState(OFF)})),
        (ModeView(ModeState(ENFORCE)), ModeView(ModeState(ENFORCE), overlays=HOLDING)),
        (ModeView(endpoints={"a": ModeState(ENFORCE)}), ModeView(ModeState(ENFORCE), overlays=HOLDING)),
    ],
)
def test_a_view_that_is_stricter_anywhere_exceeds_another(stricter, other):
    assert stricter.exceeding(other)


@pytest.mark.parametrize(
    ("milder", "other"),
    [
        (ModeView(), ModeView()),
        (ModeView(ModeState(WARN)), ModeView(ModeState(ENFORCE, 0))),
        (ModeView(ModeState(WARN, 100)), ModeView(ModeState(WARN, 0))),  # a share means nothing in warn
        (ModeView(ModeState(ENFORCE, 50)), ModeView(ModeState(ENFORCE, 50))),
        (ModeView(ModeState(ENFORCE), ceiling=WARN), ModeView(ModeState(WARN))),
        (ModeView(endpoints={"a": ModeState(WARN)}), ModeView(endpoints={"b": ModeState(WARN)})),
        (ModeView(), ModeView(overlays=HOLDING)),  # without enforce an overlay spares nobody anything
        (ModeView(ModeState(ENFORCE), overlays=HOLDING), ModeView(ModeState(ENFORCE), overlays=HOLDING)),
        (ModeView(ModeState(ENFORCE), overlays=HOLDING), ModeView(ModeState(ENFORCE))),
    ],
)
def test_a_view_that_is_stricter_nowhere_does_not(milder, other):
    assert not milder.exceeding(other)


def test_the_milder_of_two_views_at_each_place():
    enforce, warn = ModeState(Mode.ENFORCE), ModeState(Mode.WARN)
    one = ModeView(warn, enforce, {"a": enforce, "b": warn}, ceiling=Mode.ENFORCE)
    other = ModeView(warn, warn, {"b": enforce})
    milder = one.milder(other)
    assert [milder.state(name).mode for name in "abcd"] == [Mode.WARN] * 4
    assert milder.ceiling is Mode.ENFORCE
    assert one.milder(ModeView(enforce)).state("a") is enforce


def test_fixed_modes_show_what_they_are_given():
    view = ModeView(ModeState(OFF))
    modes = FixedModes(view)
    assert modes.view is view
    modes.view = other = ModeView()
    assert modes.view is other


@pytest.mark.parametrize("token", [*Mode, *Actor])
def test_tokens_are_their_words_wherever_strings_go(token):
    assert token == token.value
    assert hash(token) == hash(token.value)
    assert {token.value: 1}[token] == 1


def test_what_changed_between_two_views_is_told_once_a_place_in_order():
    warn, tenth, half = ModeState(Mode.WARN), ModeState(Mode.ENFORCE, 10), ModeState(Mode.ENFORCE, 50)
    before = ModeView(warn, warn, {"b": tenth, "a": warn, "same": half})
    after = ModeView(warn, tenth, {"b": half, "same": half})
    assert list(after.changes_from(before)) == [(None, warn, tenth), ("a", warn, tenth), ("b", tenth, half)]
    assert list(after.changes_from(after)) == []
    quieter = ModeView(warn, ModeState(Mode.WARN, 30, reason="another reason"))
    assert list(quieter.changes_from(ModeView(warn))) == [], "a share holds in enforce alone"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ModeState(Mode.OFF), "off"),
        (ModeState(Mode.WARN, 40, latched=True), "warn, latched"),
        (ModeState(Mode.ENFORCE, 12.5), "enforce 12.5%"),
    ],
)
def test_a_mode_in_words(state, words):
    assert in_words(state) == words
