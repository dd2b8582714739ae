"""Whatever operator, controller and alert do in whatever order: the ratchet holds, on every store."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from stagenorm import Mode, ModeState, TransitionRefusedError
from stagenorm.core.modes import Actor, ModeView
from stagenorm.stores import FileModeStore, MemoryModeStore, ModeResolver, control, open_store

ENDPOINTS = ("simulate", "companies")
DEFAULT = ModeState(Mode.WARN)
endpoints = st.sampled_from([None, *ENDPOINTS])
modes = st.sampled_from(Mode)
shares = st.sampled_from([0, 10, 50, 100])
automation = st.sampled_from([Actor.CONTROLLER, Actor.ALERT])


class Ratchet(RuleBasedStateMachine):
    """Two handles on one store, so that every change is decided on what another one may have written.

    ``latched`` is the model: the scopes that an alert pulled back and no operator has cleared since.
    """

    make_store = None

    @initialize()
    def begin(self):
        self.handles = type(self).make_store()
        self.resolver = ModeResolver(self.handles[0], DEFAULT, ttl=1000.0)
        self.latched = set()
        self.revision = 0

    def teardown(self):
        if hasattr(self, "resolver"):
            self.resolver.close()

    def change(self, actor):
        self.handles.reverse()
        return self.handles[0], control.Change(actor, actor.value, "because", 1.0)

    def view(self):
        snapshot = self.handles[0].read()
        return ModeView(DEFAULT, snapshot.everywhere, snapshot.endpoints)

    def is_latched(self, endpoint):
        stored = self.handles[0].read().endpoints
        return (endpoint if endpoint in stored else None) in self.latched

    def scopes(self, endpoint):
        return {endpoint} if endpoint else {None, *self.handles[0].read().endpoints}

    @rule(mode=modes, share=shares, endpoint=endpoints, actor=st.sampled_from(Actor))
    def set(self, mode, share, endpoint, actor):
        store, change = self.change(actor)
        before, latched = self.view(), self.is_latched(endpoint)
        try:
            control.set_mode(store, change, mode, share, endpoint=endpoint, default=DEFAULT)
        except TransitionRefusedError:
            assert store.read().revision == self.revision
            assert latched or actor is not Actor.OPERATOR
            return
        assert not (latched and mode is Mode.ENFORCE)
        if actor is Actor.ALERT:
            assert not self.is_stricter(before)
        if latched or actor is Actor.ALERT:
            self.latched.add(endpoint)

    @rule(endpoint=endpoints, actor=st.sampled_from(Actor))
    def downgrade(self, endpoint, actor):
        store, change = self.change(actor)
        before = self.view()
        control.downgrade(store, change, endpoint=endpoint, default=DEFAULT)
        assert not self.is_stricter(before)
        self.latched |= self.scopes(endpoint)
        assert control.downgrade(store, change, endpoint=endpoint, default=DEFAULT) is None

    @rule(endpoint=endpoints, actor=st.sampled_from(Actor))
    def unlatch(self, endpoint, actor):
        store, change = self.change(actor)
        before = self.view()
        try:
            control.unlatch(store, change, endpoint=endpoint)
        except TransitionRefusedError:
            assert actor is not Actor.OPERATOR
            return
        assert actor is Actor.OPERATOR
        assert not self.is_stricter(before)
        self.latched -= self.scopes(endpoint)

    @rule(endpoint=st.sampled_from(ENDPOINTS), actor=st.sampled_from(Actor))
    def clear(self, endpoint, actor):
        store, change = self.change(actor)
        try:
            control.clear(store, change, endpoint)
        except TransitionRefusedError:
            assert actor is not Actor.OPERATOR or endpoint in self.latched
            return
        assert actor is Actor.OPERATOR
        assert endpoint not in store.read().endpoints

    @rule(actor=st.sampled_from(Actor))
    def undo(self, actor):
        store, change = self.change(actor)
        last = next(iter(store.trail(1)), None)  # no overlay is ever changed here
        try:
            control.undo(store, change)
        except TransitionRefusedError:
            assert actor is not Actor.OPERATOR or last is None
            return
        assert actor is Actor.OPERATOR
        assert modes_of(store.read()) == modes_of(last.before)
        self.latched = {
            endpoint for endpoint in (None, *ENDPOINTS) if (state := store.read().state(endpoint)) and state.latched
        }

    def is_stricter(self, before):
        """In its mode alone: an alert that moves no mode may not move a share either, but that is no raise."""
        return any(self.view().state(name).mode.strictness > before.state(name).mode.strictness for name in ENDPOINTS)

    @invariant()
    def what_is_latched_never_enforces(self):
        if not hasattr(self, "latched"):
            return
        snapshot = self.handles[0].read()
        for endpoint in (None, *ENDPOINTS):
            state = snapshot.state(endpoint)
            if state:
                assert state.latched == (endpoint in self.latched)
                assert not (state.latched and state.mode is Mode.ENFORCE)
        for name in ENDPOINTS:
            if self.is_latched(name):
                assert self.view().state(name).mode is not Mode.ENFORCE

    @invariant()
    def the_trail_tells_all_of_it(self):
        if not hasattr(self, "latched"):
            return
        snapshot, trail = self.handles[0].read(), self.handles[1].trail(10_000)
        assert snapshot.revision >= self.revision
        self.revision = snapshot.revision
        assert [entry.revision for entry in trail] == list(range(snapshot.revision, 0, -1))
        assert not trail or trail[0].after == snapshot

    @invariant()
    def a_worker_acts_on_exactly_that(self):
        if not hasattr(self, "latched"):
            return
        self.resolver.refresh()
        assert self.resolver.status().error is None
        for name in ENDPOINTS:
            assert self.resolver.view.state(name) == self.view().state(name)


def modes_of(snapshot):
    """The modes of a snapshot without the revisions, which always grow."""
    states = {None: snapshot.everywhere, **snapshot.endpoints}
    return {name: (state.mode, state.share, state.latched) for name, state in states.items() if state}


def memory(request, tmp_path):
    store = MemoryModeStore()
    return [store, store]


def file(request, tmp_path):
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
    return [FileModeStore(path), FileModeStore(path)]


def valkey(request, tmp_path):
    url = request.getfixturevalue("valkey").fresh_url()
    return [open_store(url, timeout=5), open_store(url, timeout=5)]


@pytest.mark.parametrize(
    ("make", "examples"), [(memory, 60), (file, 20), (valkey, 20)], ids=["memory", "file", "valkey"]
)
def test_the_ratchet_holds(request, tmp_path, make, examples):
    class OnThisStore(Ratchet):
        @staticmethod
        def make_store():
            return make(request, tmp_path)

    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        OnThisStore,
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, database=None, suppress_health_check=checks
        ),
    )
