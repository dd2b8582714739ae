"""open_store: from a store URL to a store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from stagenorm.errors import ConfigurationError
from stagenorm.stores.file import FileModeStore
from stagenorm.stores.memory import MemoryModeStore
from stagenorm.stores.protocol import ModeStore

_REDIS = ("redis", "rediss", "unix", "redis+sentinel")


def open_store(url: str, *, timeout: float = 0.1) -> ModeStore:
    """The store that a URL names. Nothing is connected or read yet.

    Args:
        url: ``memory://``, ``file:///path/to/modes.json``, ``redis://host:6379/0``, ``rediss://...`` (TLS),
            ``unix:///path`` or ``redis+sentinel://host:26379,host:26379/service/0``; Redis URLs take a ``prefix``
            parameter for their keys.
        timeout: for each step of a Redis store, in seconds.

    Raises:
        ConfigurationError: no store has this scheme, or the URL is incomplete.
        MissingExtraError: the client of this store is not installed.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # it may hold a password, so it is not shown
        raise ConfigurationError("the store URL cannot be read: check its host") from None
    if parts.scheme == "memory":
        return MemoryModeStore()
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.strip("/"):
            # What stands before the path may be a password, so it is not shown.
            raise ConfigurationError("store URL file://: write file:///absolute/path/to/modes.json, and no host")
        return FileModeStore(Path(unquote(parts.path)))
    if parts.scheme in _REDIS:
        from stagenorm.stores.redis import RedisModeStore  # noqa: PLC0415 - an extra, needed only here

        return RedisModeStore(url, timeout=timeout)
    if url.startswith("/"):
        raise ConfigurationError(f"store URL {url!r}: write file://{url}")
    raise ConfigurationError(
        f"store URL with scheme {parts.scheme!r}: use file:///path, redis://, rediss://, unix:///path or redis+sentinel://"
    )
