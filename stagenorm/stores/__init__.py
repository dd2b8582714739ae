"""Where modes are kept, and how a process keeps its view of them current."""

from stagenorm.stores.memory import MemoryModeStore
from stagenorm.stores.opening import open_store
from stagenorm.stores.protocol import ModeStore, Snapshot
from stagenorm.stores.resolver import ModeResolver

__all__ = ["MemoryModeStore", "ModeResolver", "ModeStore", "Snapshot", "open_store"]
