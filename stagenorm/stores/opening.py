"""open_store: from a store URL to a store."""

from __future__ import annotations

from urllib.parse import urlsplit

from stagenorm.errors import ConfigurationError
from stagenorm.stores.memory import MemoryModeStore
from stagenorm.stores.protocol import ModeStore


def open_store(url: str) -> ModeStore:
    """The store that a URL names.

    Args:
        url: ``memory://``.

    Raises:
        ConfigurationError: no store has this scheme.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryModeStore()
    raise ConfigurationError(f"store URL with scheme {scheme!r}: use memory://")
