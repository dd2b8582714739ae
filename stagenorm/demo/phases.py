"""The demo's phases, and what each of its three witnesses saw of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.modes import Mode
from stagenorm.demo.traffic import Call
from stagenorm.events import Event, FindingKind, Inspected, Outcome

_CANONICAL = frozenset(INVESTMENT_STAGES.values)


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the rollout.

    Attributes:
        mode: that holds.
        share: the percentage of consumers that are enforced; 0 in off and warn, where nobody is.
    """

    mode: Mode
    share: float = 0


PHASES = (
    Phase(Mode.OFF),
    Phase(Mode.WARN),
    Phase(Mode.ENFORCE, 10),
    Phase(Mode.ENFORCE, 50),
    Phase(Mode.ENFORCE, 100),
)


@dataclass(slots=True)
class BoundarySaw:
    """The boundary's own events: a hook.

    Attributes:
        values: how many values of each kind it found.
        rejected: requests that it answered itself.
        would_reject: requests that it let pass and full enforcement would not.
        enforced: the consumers it held in the share.
    """

    requests: int = 0
    values: Counter[FindingKind] = field(default_factory=Counter)
    rejected: int = 0
    would_reject: int = 0
    enforced: set[str | None] = field(default_factory=set)

    def __call__(self, event: Event, /) -> None:
        """Hear one event."""
        if not isinstance(event, Inspected):
            return
        self.requests += 1
        self.values.update(event.counts)
        self.rejected += event.outcome is Outcome.REJECT
        self.would_reject += event.would_reject
        if event.in_share:
            self.enforced.add(event.consumer)


@dataclass(slots=True)
class HandlersSaw:
    """What the service's own code read, whatever the boundary thinks.

    Attributes:
        requests: that reached a handler.
        noncanonical: values read that are not canonical to the letter.
    """

    requests: int = 0
    noncanonical: int = 0

    def read(self, values: Sequence[object]) -> None:
        """Record what a handler read in one request."""
        self.requests += 1
        self.noncanonical += sum(value not in _CANONICAL for value in values)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got.

    Attributes:
        status: of the response.
        warned: whether the response says that a value is unknown.
        read: the values that the handler says it read; None where no handler answered.
    """

    status: int
    warned: bool
    read: list[str] | None


@dataclass(slots=True)
class ClientsSaw:
    """What the clients sent and got, told by the written forms' labels and the responses alone.

    Attributes:
        mode: that held.
        values: how many values of each kind they sent.
        rejected: requests answered with 400.
        warned: requests that passed with a notice of an unknown value.
        refused: the consumers that got a 400.
        offenders: the consumers that sent an unknown value.
        misread: requests that passed, but in which the handler read something else than it should have.
        failed: requests answered with anything but 200 and 400.
        noncanonical: values that handlers say they read which are not canonical, by consumer.
    """

    mode: Mode
    requests: int = 0
    values: Counter[FindingKind] = field(default_factory=Counter)
    rejected: int = 0
    warned: int = 0
    refused: set[str | None] = field(default_factory=set)
    offenders: set[str | None] = field(default_factory=set)
    misread: int = 0
    failed: int = 0
    noncanonical: Counter[str] = field(default_factory=Counter)

    def hear(self, call: Call, answer: Answer) -> None:
        """Record one request and its answer."""
        self.requests += 1
        self.values.update(form.kind for form in call.forms)
        self.warned += answer.warned
        if any(form.meaning is None for form in call.forms):
            self.offenders.add(call.consumer)
        if answer.read is not None:
            rewritten = self.mode is not Mode.OFF
            due = [(form.meaning if rewritten else None) or form.raw for form in call.forms]
            self.misread += answer.read != due
            self.noncanonical[call.consumer] += sum(value not in _CANONICAL for value in answer.read)
        elif answer.status == 400:
            self.rejected += 1
            self.refused.add(call.consumer)
        else:
            self.failed += 1


@dataclass(slots=True)
class PhaseResult:
    """One phase with all its witnesses."""

    phase: Phase
    boundary: BoundarySaw = field(default_factory=BoundarySaw)
    handlers: HandlersSaw = field(default_factory=HandlersSaw)
    clients: ClientsSaw = field(init=False)

    def __post_init__(self) -> None:
        self.clients = ClientsSaw(self.phase.mode)
