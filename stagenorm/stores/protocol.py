"""What every mode store is: one snapshot that is read and replaced as a whole, a trail, and a way to hear of changes.

One snapshot with one revision makes each change atomic, a downgrade of every endpoint at once included. Only these
values and protocols live here, and how they are written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec

from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.core.overlays import Overlays
from stagenorm.core.progress import Progress
from stagenorm.errors import ConfigurationError, StoreError


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a store holds at one revision.

    Attributes:
        revision: grows by one with every change; 0 means that nothing was ever stored.
        everywhere: the global state, if any.
        endpoints: states by endpoint name.
        overlays: temporary aliases and exemptions.
        rollout: how far it has come, by endpoint name or under ``EVERYWHERE``. No request looks at it.

    Raises:
        ConfigurationError: the revision is negative.
    """

    revision: int = 0
    everywhere: ModeState | None = None
    endpoints: Mapping[str, ModeState] = field(default_factory=dict)
    overlays: Overlays = field(default_factory=Overlays)
    rollout: Mapping[str, Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.revision < 0:
            raise ConfigurationError(f"revision {self.revision} is none: it begins at 0 and grows")

    def state(self, endpoint: str | None) -> ModeState | None:
        """The stored state of one endpoint, or the global one for None."""
        return self.everywhere if endpoint is None else self.endpoints.get(endpoint)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit trail: who changed what, why, from what, to what, when.

    Attributes:
        revision: of the snapshot that the change made.
        at: seconds since the epoch.
        actor: operator, controller or alert.
        author: who it was.
        action: such as ``set``, ``downgrade``, ``unlatch``, ``undo``, ``alias add``.
        reason: why.
        before: the snapshot that was changed.
        after: the snapshot that the change made.
    """

    revision: int
    at: float
    actor: Actor
    author: str
    action: str
    reason: str
    before: Snapshot
    after: Snapshot


class Subscription(Protocol):
    """Hears of changes. Belongs to one thread."""

    def wait(self, timeout: float) -> bool:
        """Wait for a change, at most ``timeout`` seconds.

        Returns:
            Whether there may have been one.

        Raises:
            StoreError: the store cannot be heard; subscribe again later.
        """

    def close(self) -> None:
        """Stop hearing; a thread that waits returns soon."""


class ModeStore(Protocol):
    """Keeps one snapshot and its trail. Safe to share between threads, and usable after a fork."""

    def read(self) -> Snapshot:
        """The stored snapshot; an empty one where nothing was ever stored.

        Raises:
            StoreError: it cannot be reached, or what it holds is damaged.
        """

    def replace(self, entry: Entry) -> None:
        """Store ``entry.after`` and append the entry to the trail, both or neither.

        Raises:
            StoreConflictError: the stored revision is not that of ``entry.before``: somebody changed it meanwhile.
            StoreError: it cannot be reached, refuses, or what it holds is damaged.
        """

    def trail(self, limit: int) -> list[Entry]:
        """The newest entries, newest first. Raises StoreError as read does."""

    def subscribe(self) -> Subscription:
        """Begin to hear of changes. Raises StoreError where that cannot be."""

    def lease(self, holder: str, seconds: float) -> bool:
        """Take the one lease of this store, or keep it for longer. It saves work: what protects a change is ``replace``.

        Args:
            holder: who wants it; a name that nobody else uses.
            seconds: how long from now; 0 gives it back.

        Returns:
            Whether the holder has it now.

        Raises:
            StoreError: it cannot be reached, or refuses.
        """

    def leader(self) -> str | None:
        """Who has the lease, or None. Raises StoreError as read does."""


_Value = TypeVar("_Value", Snapshot, Entry)
_snapshots = msgspec.json.Decoder(Snapshot)
_entries = msgspec.json.Decoder(Entry)


def encode(value: Snapshot | Entry) -> bytes:
    """A snapshot or entry as one line of JSON. Raises StoreError if a text in it cannot be written as UTF-8."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        raise StoreError(f"{ascii(error.object)[:80]} is no text that can be stored: give it in UTF-8") from error


def decode_snapshot(data: bytes, where: str) -> Snapshot:
    """Read a stored snapshot strictly. Raises StoreError for anything that is none, naming where it was found."""
    fault = f"{where} holds no mode state"
    snapshot = _decode(_snapshots, data, fault)
    if snapshot.revision == 0:
        raise StoreError(f"{fault} (revision 0 is never stored): {_REMEDY}")
    states = [snapshot.everywhere, *snapshot.endpoints.values()]
    if any(state.latched and state.mode is Mode.ENFORCE for state in states if state):
        raise StoreError(f"{fault} (what is latched never enforces): {_REMEDY}")
    return snapshot


def decode_entry(data: bytes, where: str) -> Entry:
    """Read a line of the trail strictly. Raises StoreError for anything that is none, naming where it was found."""
    return _decode(_entries, data, f"{where} holds no trail entry")


_REMEDY = "restore it, or move it away to start anew"


def _decode(decoder: msgspec.json.Decoder[_Value], data: bytes, fault: str) -> _Value:
    try:
        value = decoder.decode(data)
        whole = _holds(msgspec.json.decode(data), msgspec.to_builtins(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{fault} ({error}): {_REMEDY}") from error
    if not whole:  # a default must not stand in for what was lost: "enforce" without its share is not all of it
        raise StoreError(f"{fault} (fields are missing): {_REMEDY}")
    return value


def _holds(written: object, read: object) -> bool:
    """Whether every field that was read was written; fields of a later version may be there too."""
    if isinstance(written, dict) and isinstance(read, dict):
        return all(name in written and _holds(written[name], part) for name, part in read.items())
    if isinstance(written, list) and isinstance(read, list):
        return all(_holds(*pair) for pair in zip(written, read, strict=True))
    return True
