"""The local ceiling: the strictest mode that one host allows, whatever the store says. It works while the store is gone.

It can only lower. A content that is no mode is taken for ``warn``: whoever made the file wanted less.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stagenorm.core.modes import Mode
from stagenorm.errors import ConfigurationError

_LONGEST = 4096  # bytes that are read of the file


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Where the ceiling of this host comes from.

    Attributes:
        forced: from ``STAGENORM_FORCE_MODE``, or None.
        file: a file that an operator makes to lower this host; empty means warn, else the mode that it names.
    """

    forced: Mode | None = None
    file: Path | None = None

    @classmethod
    def parse(cls, mode: str | None, file: str | None) -> Ceiling:
        """A ceiling from two settings. Raises ConfigurationError if the mode is none."""
        try:
            return cls(Mode(mode) if mode else None, Path(file) if file else None)
        except ValueError:
            known = ", ".join(each.value for each in Mode)
            raise ConfigurationError(f"STAGENORM_FORCE_MODE is {mode!r}: use one of {known}") from None

    def read(self) -> Mode | None:
        """The ceiling now, or None."""
        ceilings = [mode for mode in (self.forced, self._from_file()) if mode is not None]
        return min(ceilings, key=lambda mode: mode.strictness, default=None)

    def _from_file(self) -> Mode | None:
        try:
            text = self.content()
            return None if text is None else Mode(text or Mode.WARN.value)
        except (OSError, ValueError):
            return Mode.WARN

    def content(self) -> str | None:
        """What the file holds; None where there is none. Raises OSError where it cannot be read."""
        if self.file is None:
            return None
        try:
            opened = os.open(self.file, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must keep nobody waiting
            try:
                text = os.read(opened, _LONGEST).decode("ascii", "replace").strip()
                return f"more than {_LONGEST} bytes" if os.read(opened, 1) else text
            finally:
                os.close(opened)
        except FileNotFoundError:
            return None
