"""Pace: how large the next batch is, and how long to wait after a failure. Decisions only: no clock, no randomness."""

from __future__ import annotations

from dataclasses import dataclass

from stagenorm.errors import ConfigurationError

_GROWTH = 2.0
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The bounds of a batch.

    Attributes:
        start: rows of the first batch.
        least: rows that no batch goes below.
        most: rows that no batch exceeds.
        seconds: how long a batch may hold its locks, about.
        patience: failures in a row, each waited for longer, until the run gives up.

    Raises:
        ConfigurationError: the bounds contradict each other.
    """

    start: int = 5_000
    least: int = 10
    most: int = 50_000
    seconds: float = 0.1
    patience: int = 20

    def __post_init__(self) -> None:
        if not (1 <= self.least <= self.start <= self.most and self.seconds > 0 and self.patience >= 0):
            raise ConfigurationError(
                f"batches of {self.start} rows between {self.least} and {self.most} in {self.seconds} s: "
                "each must be positive, and the first between the others"
            )

    def next_size(self, size: int, took: float) -> int:
        """Rows of the batch after one that went well.

        Args:
            size: of that one.
            took: how long it held its locks, in seconds.
        """
        factor = min(_GROWTH, max(1 / _GROWTH, self.seconds / took if took > 0 else _GROWTH))
        return min(self.most, max(self.least, int(size * factor)))

    def halved(self, size: int) -> int:
        """Rows of the batch after one that failed."""
        return max(1, size // 2)

    @staticmethod
    def wait(failures: int, chance: float) -> float:
        """Seconds to wait after a number of failures in a row.

        Args:
            failures: 1 or more.
            chance: uniform in 0 to 1; it keeps those who failed together from meeting again.
        """
        longest: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(failures - 1, 16))
        return longest * (0.5 + chance / 2)
