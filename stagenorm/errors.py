"""Every exception that stagenorm raises, in one tree under ``StagenormError``.

Only exception classes live here. Each message names what was wrong, where, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagenorm.core.normalizer import Unknown


class StagenormError(Exception):
    """The root of everything that stagenorm raises on purpose."""


class ConfigurationError(StagenormError, ValueError):
    """Something a host declared (an endpoint, a field, a setting) cannot work. Raised while building, never later."""


class VocabularyError(ConfigurationError):
    """A vocabulary contradicts itself or cannot be printed. Raised when it is built or loaded."""


class PathExpressionError(ConfigurationError):
    """A JSON path is outside the subset that a field takes. The message points at the place."""


class UnknownValueError(StagenormError, ValueError):
    """A written form that the vocabulary does not hold.

    Attributes:
        unknown: the whole answer, with reason and suggestions.
    """

    def __init__(self, unknown: Unknown, allowed: tuple[str, ...]) -> None:
        hint = f" Did you mean {' or '.join(unknown.suggestions)}?" if unknown.suggestions else ""
        super().__init__(f"{unknown.explanation}.{hint} Allowed values: {', '.join(allowed)}.")
        self.unknown = unknown


class TransitionRefusedError(StagenormError):
    """A mode change that the transition table does not allow. The message says what would make it possible."""


class TokenRefusedError(StagenormError):
    """An operator's token that is missing, forged or expired."""


class StoreError(StagenormError):
    """A mode store could not be reached, refused, or holds content that is not a mode state."""


class StoreConflictError(StoreError):
    """Somebody else changed the store between a read and the change that followed it: read again, and decide again."""

    def __init__(self, expected: int, stored: int) -> None:
        super().__init__(f"the store is at revision {stored}, not {expected}: somebody else changed it; try again")


class OverlayError(StagenormError, ValueError):
    """A temporary alias or an exemption that contradicts its vocabulary or itself."""


class DataFileError(StagenormError):
    """A file of data cannot be read or written as asked. The message names the file, the line and what to do."""


class DatabaseError(StagenormError):
    """A database could not be reached, refused a statement, or holds what cannot be. The message says what to do."""


class BackfillRefusedError(StagenormError):
    """A backfill must not begin or go on: its target, its receipt or another run stands against it."""


class BackupError(StagenormError):
    """A backup could not be made, is not what its manifest says, or did not restore."""


class ServiceError(StagenormError):
    """A service's ops app could not be reached, refused, or answered something else. The message names the URL."""


class MissingExtraError(StagenormError, ImportError):
    """An optional dependency is not installed. The message holds the install command.

    Args:
        feature: what the caller tried to use, in words.
        extra: the name of the stagenorm extra that brings it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'stagenorm[{extra}]'")
