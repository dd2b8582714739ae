"""Plan: the steps of a rollout, how long each lasts at least, and the limits of its gates. Checked when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite

from stagenorm.core.modes import Mode, ModeState, weight
from stagenorm.core.token import Token
from stagenorm.errors import ConfigurationError

_HOUR, _DAY = 3600.0, 86400.0


class Kind(Token):
    """What a step is for."""

    OFF = "off"
    WARN = "warn"
    BACKFILL = "backfill"
    ENFORCE = "enforce"


_MODES = {Kind.OFF: Mode.OFF, Kind.WARN: Mode.WARN, Kind.BACKFILL: Mode.WARN, Kind.ENFORCE: Mode.ENFORCE}
_ORDER = list(Kind)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        kind: what it is for.
        share: percentage of the consumers that enforce holds; only of an enforcing step.
        at_least: seconds that it lasts, whatever the gates say.

    Raises:
        ConfigurationError: it contradicts itself.
    """

    kind: Kind
    share: float = 0
    at_least: float = 0

    def __post_init__(self) -> None:
        if not (isfinite(self.at_least) and self.at_least >= 0):
            raise ConfigurationError(f"{self.name}: at_least is {self.at_least:g}: give a duration such as 2h")
        if self.kind is Kind.ENFORCE and not 0 < self.share <= 100:
            raise ConfigurationError(f"{self.name}: give a share above 0, at most 100")
        if self.kind is not Kind.ENFORCE and self.share:
            raise ConfigurationError(f"{self.name}: only enforce has a share: remove it")

    @property
    def name(self) -> str:
        """How it is called: kind, and share if it has one."""
        return f"{self.kind.value} {self.share:g}%" if self.kind is Kind.ENFORCE else self.kind.value

    @property
    def mode(self) -> Mode:
        """The mode that holds while it lasts."""
        return _MODES[self.kind]

    def holds(self, state: ModeState) -> bool:
        """Whether a mode is this step's."""
        return state.mode is self.mode and (self.kind is not Kind.ENFORCE or state.share == self.share)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gates hold their counts against. Durations are in seconds.

    Attributes:
        requests: that every endpoint must have had in off.
        unknown: the share of unknown values that a quiet day must stay under.
        quiet_days: so many of them in a row end warn.
        extended_days: and so many end the warn that an alert brought back.
        warn_cap: when warn has lasted so long it holds and pages.
        unknown_now: the share of unknown values within ``window`` that keeps enforce away.
        window: of the gate that looks at now.
        refused: the share of requests in enforce that may be refused.
        slow: the share of checks over a millisecond, and of store reads over 10 ms; 0.01 is a p99.
        evidence: how old a report may be.
        receipt: how old a backup may be when the backfill begins.
        day: how long a day is. Only rehearsals change it.

    Raises:
        ConfigurationError: one of them cannot be.
    """

    requests: int = 10_000
    unknown: float = 0.005
    quiet_days: int = 7
    extended_days: int = 7
    warn_cap: float = 30 * _DAY
    unknown_now: float = 0.01
    window: float = 600.0
    refused: float = 0.001
    slow: float = 0.01
    evidence: float = 7 * _DAY
    receipt: float = _DAY
    day: float = _DAY

    def __post_init__(self) -> None:
        for name in ("unknown", "unknown_now", "refused", "slow"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigurationError(f"limits: {name} is {getattr(self, name):g}: give a share above 0 and below 1")
        for name in ("warn_cap", "window", "evidence", "receipt", "day"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigurationError(f"limits: {name} is {getattr(self, name):g}: give a duration such as 10m")
        for name in ("requests", "quiet_days", "extended_days"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"limits: {name} is {getattr(self, name)}: give 1 or more")
        longest = max(self.quiet_days, self.extended_days)
        if self.warn_cap < (longest + 1) * self.day:  # the first day is seldom a whole one
            raise ConfigurationError(
                f"limits: warn_cap is {self.warn_cap / self.day:g} days, and {longest} whole ones can take "
                f"{longest + 1}: give more"
            )


FOUR_WEEKS = (
    Step(Kind.OFF, at_least=7 * _DAY),
    Step(Kind.WARN),
    Step(Kind.BACKFILL),
    Step(Kind.ENFORCE, 10, 2 * _HOUR),
    Step(Kind.ENFORCE, 50, 4 * _HOUR),
    Step(Kind.ENFORCE, 100),
)
"""A week in off, warn until seven days in a row are quiet, the backfill, and the canary within a day."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole way.

    Attributes:
        endpoints: their names; at least one.
        steps: in order.
        limits: of the gates.
        per_endpoint: whether each endpoint goes its own way, instead of all together.
        partial: whether the service has other endpoints, which the rollout leaves alone.

    Raises:
        ConfigurationError: a step is missing, stands twice or in the wrong place, or the shares do not rise.
    """

    endpoints: Sequence[str]
    steps: tuple[Step, ...] = FOUR_WEEKS
    limits: Limits = field(default_factory=Limits)
    per_endpoint: bool = False
    partial: bool = False

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise ConfigurationError("a rollout needs an endpoint")
        kinds = [step.kind for step in self.steps]
        if Kind.WARN not in kinds:
            raise ConfigurationError("steps: warn is missing: no plan goes to enforce without it")
        if kinds[-1] is not Kind.ENFORCE:
            raise ConfigurationError(f"steps: the last one is {kinds[-1].value}: end with enforce")
        for number, (one, next_) in enumerate(pairwise(self.steps), 2):
            place = f"step {number}, {next_.name}"
            if _ORDER.index(next_.kind) < _ORDER.index(one.kind):
                raise ConfigurationError(
                    f"{place}: it comes before {one.name}: order them off, warn, backfill, enforce"
                )
            if one.kind is next_.kind is not Kind.ENFORCE:
                raise ConfigurationError(f"{place}: it stands there twice: remove one")
            if one.kind is next_.kind and next_.share <= one.share:
                raise ConfigurationError(f"{place}: it follows {one.name}: shares only rise")

    def step(self, name: str) -> Step | None:
        """The step of a name."""
        return next((step for step in self.steps if step.name == name), None)

    def after(self, step: Step) -> Step | None:
        """The step that follows, or None behind the last."""
        number = self.steps.index(step) + 1
        return self.steps[number] if number < len(self.steps) else None

    @property
    def warn(self) -> Step:
        """The step that everything goes back to."""
        return next(step for step in self.steps if step.kind is Kind.WARN)

    def standing(self, state: ModeState) -> Step:
        """The step that a mode stands for: the strictest that is no stricter, or the first one."""
        below = [
            step
            for step in self.steps
            if step.kind is not Kind.BACKFILL and (step.mode.strictness, step.share) <= weight(state)
        ]
        return below[-1] if below else self.steps[0]
