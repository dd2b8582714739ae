"""What the exit codes mean: the same for every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    """Refused or failed."""
    USAGE = 2
    """Wrong usage."""
    HOLD = 3
    """Nothing failed, and yet: do not go on."""
