"""What every mode store is: a snapshot that is read and replaced as a whole.

One snapshot with one revision makes each change atomic, a downgrade of every endpoint at once included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from stagenorm.core.modes import ModeState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a store holds at one revision.

    Attributes:
        revision: grows by one with every change; 0 means that nothing was ever stored.
        everywhere: the global state, if any.
        endpoints: states by endpoint name.
    """

    revision: int = 0
    everywhere: ModeState | None = None
    endpoints: Mapping[str, ModeState] = field(default_factory=lambda: MappingProxyType({}))


class ModeStore(Protocol):
    """Keeps one snapshot."""

    def read(self) -> Snapshot:
        """The stored snapshot. Raises StoreError where it cannot be read or is damaged."""

    def replace(self, snapshot: Snapshot) -> None:
        """Store the snapshot that follows the stored one.

        Raises:
            StoreError: its revision is not the stored one plus one: somebody else changed it meanwhile.
        """

    def watch(self, changed: Callable[[], None]) -> None:
        """Have a function called after every change, from any thread."""
