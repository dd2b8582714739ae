"""Where modes are kept, and how a process keeps its view of them current."""

from typing import TYPE_CHECKING, Any

from stagenorm.stores.ceiling import Ceiling
from stagenorm.stores.file import FileModeStore
from stagenorm.stores.lastknown import Status
from stagenorm.stores.memory import MemoryModeStore
from stagenorm.stores.opening import open_store
from stagenorm.stores.protocol import Entry, ModeStore, Snapshot, Subscription
from stagenorm.stores.resolver import ModeResolver

if TYPE_CHECKING:
    from stagenorm.stores.redis import RedisModeStore

__all__ = [
    "Ceiling",
    "Entry",
    "FileModeStore",
    "MemoryModeStore",
    "ModeResolver",
    "ModeStore",
    "RedisModeStore",
    "Snapshot",
    "Status",
    "Subscription",
    "open_store",
]


def __getattr__(name: str) -> Any:
    # Its client is an extra, so it is imported when it is first asked for.
    if name == "RedisModeStore":
        from stagenorm.stores.redis import RedisModeStore  # noqa: PLC0415

        return RedisModeStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
