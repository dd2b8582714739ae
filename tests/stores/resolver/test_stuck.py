"""A store that does not answer and does not fail: only one thread waits for it, and nothing else does."""

import contextlib
import threading

import pytest

from stagenorm import Mode, ModeState, StoreError
from stagenorm.stores import Ceiling, MemoryModeStore, ModeResolver, Snapshot
from stagenorm.testing.stores import entry_after

ENFORCE, WARN = (ModeState(mode, share=40) for mode in (Mode.ENFORCE, Mode.WARN))


class StuckStore(MemoryModeStore):
    """Between ``stick`` and ``unstick``, whoever reads waits for the gate that ``stick`` returned; it pushes nothing."""

    def __init__(self, snapshot):
        self._gate, self.asked = threading.Event(), threading.Event()
        self._gate.set()
        super().__init__(snapshot)

    def stick(self):
        self.asked.clear()
        self._gate = threading.Event()
        return self._gate

    def unstick(self):
        self._gate = threading.Event()
        self._gate.set()

    def read(self):
        answer, gate = super().read(), self._gate  # what it held when it was asked
        self.asked.set()
        assert gate.wait(60)
        return answer

    def subscribe(self):
        raise StoreError("pushes nothing")


@pytest.fixture
def store():
    return StuckStore(Snapshot(3, ENFORCE))


def mode(resolver):
    return resolver.view.state("simulate").mode


@pytest.fixture
def stick(store, clock):
    """Has the resolver's thread read, and be stuck in it."""

    gates = []

    def stick():
        gates.append(store.stick())
        clock.now += 5.0
        assert store.asked.wait(20)
        return gates[-1]

    yield stick
    for gate in gates:
        gate.set()


def test_the_outage_is_told_once_and_counts_from_the_start(resolve, clock, stick, until, caplog):
    events = []
    resolver = resolve(hooks=[events.append])
    gate = stick()
    clock.now += 4.0
    resolver.tick()
    assert resolver.status().error is None
    clock.now += 2.0
    until(lambda: resolver.status().error)  # the thread that is not stuck tells
    assert (resolver.status().source, resolver.status().stale_seconds) == ("last-known", 6.0)
    until(lambda: [event.error for event in events] == [None, "no answer within 5 s"])
    assert (events[-1].seconds, events[-1].stale_seconds) == (6.0, 6.0)
    clock.now += 1.0
    resolver.tick()
    clock.now += 5.0
    until(lambda: len(events) == 3)
    gate.set()
    until(lambda: resolver.status().error is None)
    until(lambda: len(caplog.messages) == 2)
    assert caplog.messages == [
        "mode store degraded: no answer within 5 s; the last confirmed state holds",
        "mode store recovered after 12.0 s",
    ]


def test_the_ceiling_and_relaxing_go_on(resolve, clock, stick, tmp_path, until):
    file = tmp_path / "force"
    resolver = resolve(ceiling=Ceiling(file=file), relax_when_stale=60)
    stick()
    file.write_text("off")
    until(lambda: mode(resolver) is Mode.OFF)
    file.unlink()
    until(lambda: mode(resolver) is Mode.ENFORCE)
    clock.now += 60.0
    until(lambda: mode(resolver) is Mode.WARN)


def test_holding_at_warn_waits_for_nobody(resolve, stick):
    resolver = resolve()
    stick()
    holder = threading.Thread(target=resolver.hold_at_warn, args=(None, 1.0))
    holder.start()
    holder.join(20)
    assert not holder.is_alive()
    assert mode(resolver) is Mode.WARN


def test_an_answer_that_another_read_overtook_takes_nothing_back(resolve, clock, stick, store, until, caplog):
    events = []
    resolver = resolve(hooks=[events.append])
    gate = stick()
    store.unstick()
    store.replace(entry_after(Snapshot(3, ENFORCE), ModeState(Mode.ENFORCE, share=50)))
    resolver.refresh()
    assert resolver.view.state("simulate").share == 50
    gate.set()  # it answers revision 3
    clock.now += 5.0
    until(lambda: len(events) == 3)  # the first, the one that overtook, and the one after
    assert resolver.view.state("simulate").share == 50
    assert not caplog.messages


def test_a_service_starts_without_an_answer(clock, store, monkeypatch):
    gate = store.stick()
    monkeypatch.setattr("stagenorm.stores.resolver._PATIENCE", 0.05)
    with contextlib.closing(ModeResolver(store, ttl=0.05)) as resolver:
        assert mode(resolver) is Mode.WARN
        assert (resolver.status().source, resolver.status().error) == ("default", "no answer within 0.05 s")
        gate.set()
