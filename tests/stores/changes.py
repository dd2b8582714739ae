"""Who changes a store, and how it stands then."""

from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import control

DEFAULT = ModeState(Mode.WARN)


def by(actor, *, now=100.0, reason="because"):
    return control.Change(actor, f"{actor.value}-1", reason, now)


OPERATOR, CONTROLLER, ALERT = (by(actor) for actor in (Actor.OPERATOR, Actor.CONTROLLER, Actor.ALERT))


def set_mode(store, change, mode, share=100, endpoint=None):
    return control.set_mode(store, change, Mode(mode), share, endpoint=endpoint, default=DEFAULT)


def standing(store, endpoint=None):
    state = store.read().state(endpoint)
    return state and (state.mode.value, state.share, state.latched)
