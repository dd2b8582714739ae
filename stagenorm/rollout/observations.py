"""What is known of a service at one moment: counts, reports and alerts, or why they are not known. Only values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.token import Token


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Something could not be observed.

    Attributes:
        why: in words, without a full stop.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of how many, over some time.

    Attributes:
        hits: what a limit is for: unknown values, refused requests, slow ones.
        of: all of them.
        lost: how many more there may have been that nobody counted, because a process ended before it was asked.
    """

    hits: float
    of: float
    lost: float = 0


Counts = Mapping[str, Counted | NotKnown]
"""By endpoint. One that is missing is not known."""


class Measure(Token):
    """What can be counted of a service."""

    REQUESTS = "requests"
    UNKNOWN = "unknown values"
    REFUSED = "refused requests"
    SLOW = "slow checks"
    SLOW_STORE = "slow reads of the mode store"


@dataclass(frozen=True, slots=True)
class Report:
    """What a file of evidence says.

    Attributes:
        result: its verdict.
        generated_at: seconds since the epoch.
        began_at: when what it reports on began, likewise; None where it does not say.
        until: when what it saw ends, likewise; None where it does not say.
        filter: of the rows that it is of; empty is all of them.
        identity: of the database that it is of; None where it does not say.
    """

    result: Conclusion
    generated_at: float
    began_at: float | None = None
    until: float | None = None
    filter: str = ""
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """What a backup's receipt says.

    Attributes:
        backed_up_at: seconds since the epoch.
        identity: of the database, as a report of the backfill names it.
    """

    backed_up_at: float
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the operator's commands left behind."""

    consumers: Report | NotKnown
    backfill: Report | NotKnown
    receipt: Proved | NotKnown


_NOT_ASKED = NotKnown("nobody asked")


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything that the gates of one step ask for.

    Attributes:
        evidence: what the operator's commands left behind.
        requests: since the step began.
        days: unknown values in each of the last days that are over, oldest first.
        recent: unknown values in windows that all end now, shortest first.
        refused: requests that enforce refused or failed on, since the step began.
        slow: checks that took longer than a millisecond, in the last day.
        slow_store: reads of the mode store that took longer than 10 ms, in the last day.
        firing: the names of the alerts that fire and pull enforcement back.
    """

    evidence: Evidence = Evidence(_NOT_ASKED, _NOT_ASKED, _NOT_ASKED)
    requests: Counts = field(default_factory=dict)
    days: Sequence[Counts] = ()
    recent: Sequence[Counts] = ()
    refused: Counts = field(default_factory=dict)
    slow: Counts = field(default_factory=dict)
    slow_store: Counted | NotKnown = _NOT_ASKED
    firing: Sequence[str] | NotKnown = _NOT_ASKED


class Source(Protocol):
    """Where observations come from. What cannot be observed is NotKnown; nothing is raised."""

    def counts(self, measure: Measure, endpoints: Sequence[str], start: float, end: float, *, whole: bool) -> Counts:
        """Count something for each endpoint.

        Args:
            measure: what. ``SLOW_STORE`` has no endpoints: it is counted under ``STORE``.
            endpoints: of the service.
            start: seconds since the epoch.
            end: the same.
            whole: whether all of that time must have been watched.
        """

    def firing(self, endpoints: Sequence[str], now: float) -> Sequence[str] | NotKnown:
        """The alerts that fire now and pull enforcement back."""

    def evidence(self, now: float) -> Evidence:
        """What the operator's commands left behind."""


STORE = ""
"""Under which counts of the mode store stand."""
