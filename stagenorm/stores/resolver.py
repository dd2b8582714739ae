"""ModeResolver: keeps this process's view of a store current. A request only ever reads one attribute of it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from stagenorm.core.modes import Mode, ModeState, ModeView
from stagenorm.errors import ConfigurationError
from stagenorm.stores.opening import open_store
from stagenorm.stores.protocol import ModeStore


class ModeResolver:
    """Reads a store and shows its newest state as ``view``.

    Args:
        store: where the modes are kept.
        default: what holds while the store holds nothing.

    Attributes:
        view: what requests read.
    """

    def __init__(self, store: ModeStore, default: ModeState | None = None) -> None:
        self.store = store
        self._default = default or ModeState(Mode.WARN)
        self.view = ModeView(self._default)
        store.watch(self.refresh)
        self.refresh()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ModeResolver:
        """A resolver as the environment says.

        ``STAGENORM_STORE`` is the store's URL (``memory://`` without it), ``STAGENORM_DEFAULT_MODE`` the mode while
        the store holds none (warn without it; enforce means the whole share).

        Raises:
            ConfigurationError: one of them names nothing that there is.
        """
        name = environ.get("STAGENORM_DEFAULT_MODE", Mode.WARN.value)
        try:
            mode = Mode(name)
        except ValueError:
            raise ConfigurationError(
                f"STAGENORM_DEFAULT_MODE is {name!r}: use one of {', '.join(mode.value for mode in Mode)}"
            ) from None
        return cls(open_store(environ.get("STAGENORM_STORE", "memory://")), ModeState(mode))

    def refresh(self) -> None:
        """Take over what the store holds now. Raises StoreError where it cannot be read."""
        snapshot = self.store.read()
        self.view = ModeView(self._default, snapshot.everywhere, snapshot.endpoints)
