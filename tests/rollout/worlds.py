"""A service whose numbers are all good, a plan, a store and a clock: what the controller's tests share."""

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.rollout.controller import tracks
from stagenorm.rollout.driver import Driver
from stagenorm.rollout.observations import STORE, Counted, Evidence, Proved, Report
from stagenorm.rollout.plan import Plan
from stagenorm.stores import MemoryModeStore, control
from stagenorm.stores.control import Change

OFF = ModeState(Mode.OFF)
DAY, HOUR = 86400.0, 3600.0
BEGAN = 20_000 * DAY


class Service:
    """A source whose numbers are all good, until a test says otherwise."""

    def __init__(self):
        self.counted = Counted(0, 1_000_000)
        self.alerts = ()

    def counts(self, measure, endpoints, start, end, *, whole):
        return dict.fromkeys(endpoints or (STORE,), self.counted)

    def firing(self, endpoints, now):
        return self.alerts

    def evidence(self, now):
        return Evidence(Report(Conclusion.PASS, now), Report(Conclusion.PASS, now), Proved(now - 60))


class World:
    """A plan, a store and a clock."""

    def __init__(self, store=None, **plan):
        self.now = BEGAN
        self.store = store or MemoryModeStore()
        self.service = Service()
        self.plan = Plan(("simulate", "companies"), **plan)
        self.driver = Driver(self.plan, self.store, self.service, OFF, lambda: self.now)
        (self.track, *_) = tracks(self.plan)

    def later(self, seconds):
        self.now += seconds
        (told, *_) = self.driver.tick()
        return told.outcome

    def until(self, step):
        """Go on until a step is reached."""
        for _ in range(400):
            if self.step == step:
                return self
            self.later(HOUR)
        raise AssertionError(f"{step} did not come: {self.later(0)}")

    @property
    def step(self):
        progress = self.store.read().rollout.get(self.track.name)
        return progress and progress.step

    def mode(self, endpoint=None):
        state = self.store.read().state(endpoint)
        return (state.mode, state.share if state.mode is Mode.ENFORCE else 0, state.latched)

    def alert(self, endpoint=None):
        change = Change(Actor.ALERT, "alertmanager", "alert X fires", self.now)
        return control.downgrade(self.store, change, endpoint=endpoint, default=OFF)

    def operator(self, reason="because"):
        return Change(Actor.OPERATOR, "ada", reason, self.now)

    def set(self, mode, share=0, endpoint=None):
        control.set_mode(self.store, self.operator(), mode, share, endpoint=endpoint, default=OFF)

    def operate(self, what):
        return self.driver.operate(self.track, what, self.operator())

    def trail(self):
        return [entry.action for entry in reversed(self.store.trail(100))]
