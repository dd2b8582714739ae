"""Scenario: what happens to a service, told beforehand. Only values and their rules; files of them lie in scenarios/."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from stagenorm.core.token import Token
from stagenorm.errors import ConfigurationError


class Doing(Token):
    """What an operator does in a scenario."""

    UNLATCH = "unlatch"
    HOLD = "hold"
    RESUME = "resume"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the service's clients do to each endpoint, all day long.

    Attributes:
        requests_a_day: to each endpoint.
        unknown: the share of values that the vocabulary does not hold.
        slow: the share of checks that take longer than a millisecond.
        prometheus: whether it answers.

    Raises:
        ConfigurationError: one of them cannot be.
    """

    requests_a_day: float = 1_000_000
    unknown: float = 0.0002
    slow: float = 0.0001
    prometheus: bool = True

    def __post_init__(self) -> None:
        if not (isfinite(self.requests_a_day) and self.requests_a_day >= 0):
            raise ConfigurationError(f"requests_a_day is {self.requests_a_day:g}: give a number from 0 on")
        for name in ("unknown", "slow"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name} is {getattr(self, name):g}: give a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens once.

    Attributes:
        after: seconds since the beginning, or since the step began that ``step`` names.
        step: the name of a plan's step, or empty.
        traffic: how it is from then on; None leaves it as it is.
        endpoint: whose traffic changes; empty is all of them.
        alert: the name of an alert that pulls enforcement back then, or empty.
        operator: what an operator does then, or None.
    """

    after: float
    step: str = ""
    traffic: Traffic | None = None
    endpoint: str = ""
    alert: str = ""
    operator: Doing | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story.

    Attributes:
        name: of it.
        about: in a sentence.
        days: how long it is told.
        traffic: how it begins.
        happenings: what comes then, in any order.
        backfill_takes: seconds from the backfill step's begin until it is verified.

    Raises:
        ConfigurationError: it has no days.
    """

    name: str
    about: str
    days: float = 30
    traffic: Traffic = Traffic()
    happenings: tuple[Happening, ...] = ()
    backfill_takes: float = 12 * 3600.0

    def __post_init__(self) -> None:
        if not 0 < self.days <= 3650:
            raise ConfigurationError(f"days is {self.days:g}: give a number above 0, at most 3650")


SCENARIOS = ("healthy", "noisy-client", "traffic-gone", "prometheus-down", "alert-at-50")
"""Those that come with the package."""
