"""ModeStoreContract: what every mode store must do. A store's author subclasses it and gives ``make_store``.

class TestMyStore(ModeStoreContract):
    def make_store(self):
        return MyStore(...)  # empty, and the same store each time it is made within one test
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.core.overlays import Exemption, Overlays, TemporaryAlias
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.errors import StoreConflictError, StoreError, TransitionRefusedError
from stagenorm.stores import control
from stagenorm.stores.protocol import Entry, ModeStore, Snapshot, Subscription

_DEADLINE = 5.0


def entry_after(before: Snapshot, state: ModeState | None = None, *, action: str = "set") -> Entry:
    """The entry of a change that follows a snapshot."""
    after = replace(before, revision=before.revision + 1, everywhere=state or ModeState(Mode.ENFORCE, share=10))
    return Entry(after.revision, 1_700_000_000.5, Actor.OPERATOR, "ada", action, "because", before, after)


class ModeStoreContract:
    """Subclass it, give ``make_store``, and pytest runs the suite."""

    def make_store(self) -> ModeStore:
        """A store that was never written to; within one test, each call gives another handle on the same store."""
        raise NotImplementedError

    def test_an_untouched_store_holds_nothing(self) -> None:
        """Nothing stored is an empty snapshot at revision 0, and no error."""
        store = self.make_store()
        assert store.read() == Snapshot()
        assert store.trail(10) == []

    def test_what_is_stored_is_read_back_whole(self) -> None:
        """Every field survives, odd text included."""
        store = self.make_store()
        state = ModeState(Mode.WARN, 12.5, 3, 1_700_000_000.25, "ada \U0001f680", 'a "reason"\n\\ \x00', latched=True)
        overlays = Overlays(
            (TemporaryAlias("stages", "a-轮", "series-a", 1_800_000_000.0, "ada", "import", "simulate"),),
            (Exemption("partner", None, 1_800_000_000.0, "ada", "contract"), Exemption("p", "e", 1.0, "b", "c")),
        )
        rollout = {
            EVERYWHERE: Progress("warn", 1.5, pulled_back=True),
            "e": Progress("enforce 10%", 2.0, halted="a 轮"),
        }
        after = Snapshot(1, state, {"simulate": ModeState(Mode.OFF), "companies": state}, overlays, rollout)
        store.replace(Entry(1, 1.5, Actor.CONTROLLER, "ada", "set", "why", Snapshot(), after))
        assert store.read() == after
        assert self.make_store().read() == after

    def test_a_change_follows_what_it_was_decided_on(self) -> None:
        """A writer who decided on an older revision is refused, and nothing is stored of his change."""
        store = self.make_store()
        first = entry_after(Snapshot())
        store.replace(first)
        with pytest.raises(StoreConflictError):
            store.replace(entry_after(Snapshot(), ModeState(Mode.OFF)))
        with pytest.raises(StoreConflictError):
            store.replace(entry_after(replace(first.after, revision=7), ModeState(Mode.OFF)))
        assert store.read() == first.after
        assert store.trail(10) == [first]

    def test_the_trail_is_newest_first_and_limited(self) -> None:
        """Each change appends one entry."""
        store = self.make_store()
        entries: list[Entry] = []
        for number in range(5):
            before = entries[-1].after if entries else Snapshot()
            entries.append(entry_after(before, ModeState(Mode.ENFORCE, number)))
            store.replace(entries[-1])
        assert store.trail(10) == entries[::-1]
        assert store.trail(2) == entries[:2:-1]
        assert store.trail(0) == []

    def test_undo_follows_the_trail_from_what_is_stored(self) -> None:
        """Entries are given back as they were stored, so undo finds its way, and keeps out of a history that was lost."""
        store = self.make_store()
        operator = control.Change(Actor.OPERATOR, "ada", "because", 1_700_000_001.5)
        default = ModeState(Mode.WARN)
        control.set_mode(store, operator, Mode.ENFORCE, 12.5, default=default)
        exemption = Overlays(exemptions=(Exemption("partner", None, 1_800_000_000.0, "ada", "contract"),))
        control.change_overlays(store, operator, "exempt add", lambda _: exemption)
        control.downgrade(store, operator, default=default)
        control.undo(store, operator)
        assert store.read().everywhere == ModeState(Mode.ENFORCE, 12.5, 3, 1_700_000_001.5, "ada", "because")
        anew = Snapshot(4)  # a state that began anew, while the trail stayed
        store.replace(Entry(5, 2.5, Actor.OPERATOR, "ada", "exempt add", "", anew, Snapshot(5, overlays=exemption)))
        with pytest.raises(TransitionRefusedError, match="nothing to undo"):
            control.undo(store, operator)

    def test_racing_writers_lose_nothing(self) -> None:
        """Two handles race: every change is stored once, and the trail is complete and in order."""
        rounds = 50
        failures: list[Exception] = []

        def write(author: str) -> None:
            store = self.make_store()
            try:
                for _ in range(rounds):
                    while True:
                        entry = replace(entry_after(store.read()), author=author)
                        try:
                            store.replace(entry)
                            break
                        except StoreConflictError:
                            continue
            except Exception as error:  # noqa: BLE001 - told to the test below
                failures.append(error)

        store = self.make_store()
        threads = [threading.Thread(target=write, args=(author,)) for author in ("ada", "bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert store.read().revision == 2 * rounds
        trail = store.trail(3 * rounds)
        assert [entry.revision for entry in trail] == list(range(2 * rounds, 0, -1))
        assert [entry.author for entry in trail].count("ada") == rounds

    def test_a_subscriber_hears_of_a_change(self) -> None:
        """From another handle too, and well before a TTL."""
        store = self.make_store()
        subscription = store.subscribe()
        try:
            writer = threading.Timer(0.05, lambda: self.make_store().replace(entry_after(Snapshot())))
            writer.start()
            assert _hears(subscription)
            writer.join()
        finally:
            subscription.close()

    def test_a_subscriber_hears_of_a_change_made_before_it_waits(self) -> None:
        """What happens between subscribing and waiting is not lost."""
        store = self.make_store()
        subscription = store.subscribe()
        try:
            store.replace(entry_after(Snapshot()))
            assert _hears(subscription)
            assert not subscription.wait(0.01)
        finally:
            subscription.close()

    def test_closing_ends_a_wait(self) -> None:
        """Another thread may close a subscription; the one that waits returns, or is told that it is over."""
        subscription = self.make_store().subscribe()
        waiting = threading.Event()

        def wait() -> None:
            waiting.set()
            with suppress(StoreError):
                subscription.wait(10 * _DEADLINE)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        waiting.wait(_DEADLINE)
        subscription.close()
        thread.join(_DEADLINE)
        assert not thread.is_alive()

    def test_the_lease_is_held_by_one(self) -> None:
        """From another handle too; who has it keeps it, and only who has it gives it back."""
        store, other = self.make_store(), self.make_store()
        assert store.leader() is None
        assert store.lease("ada", 60)
        assert not other.lease("bob", 60)
        assert not other.lease("bob", 0)
        assert other.leader() == "ada"
        assert store.lease("ada", 60)
        assert not store.lease("ada", 0)
        assert other.leader() is None
        assert other.lease("bob", 60)
        assert store.read() == Snapshot()

    def test_a_lease_ends_by_itself(self) -> None:
        """Whoever held it may have been killed."""
        store, other = self.make_store(), self.make_store()
        assert store.lease("ada", 0.05)
        deadline = time.monotonic() + _DEADLINE
        while not other.lease("bob", 60):
            assert time.monotonic() < deadline
        assert store.leader() == "bob"
        assert not store.lease("ada", 60)

    def test_one_of_many_gets_the_lease(self) -> None:
        """Handles race for it, and exactly one is told that it is theirs."""
        got: list[str] = []
        start = threading.Barrier(4)

        def take(name: str) -> None:
            store = self.make_store()
            start.wait(_DEADLINE)
            if store.lease(name, 60):
                got.append(name)

        threads = [threading.Thread(target=take, args=(f"process {number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [self.make_store().leader()]


def _hears(subscription: Subscription) -> bool:
    """Whether a subscription tells of a change before the deadline; it may return early without one."""
    deadline = time.monotonic() + _DEADLINE
    while time.monotonic() < deadline:
        if subscription.wait(0.5):
            return True
    return False
