"""What the exit codes mean: the same for every command."""

from __future__ import annotations

from enum import IntEnum

from stagenorm.core.conclusion import Conclusion


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    """Refused or failed."""
    USAGE = 2
    """Wrong usage."""
    HOLD = 3
    """Nothing failed, and yet: do not go on."""

    @classmethod
    def of(cls, conclusion: Conclusion) -> ExitCode:
        """How a command ends that concludes this."""
        return {Conclusion.PASS: cls.DONE, Conclusion.FAIL: cls.FAILED, Conclusion.HOLD: cls.HOLD}[conclusion]
