"""What the boundary tells the outside, as frozen events, and the Hook protocol that hears them.

Metrics, logs and tests listen to these and to nothing else. Raw values stand in ``Finding.raw`` only; a hook that
prints them escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from stagenorm.core.modes import Actor, Mode
from stagenorm.core.token import Token


class FindingKind(Token):
    """What the boundary found in one place of a request; the value is the token in notices and problems."""

    CANONICAL = "canonical"
    ALIAS = "alias"
    SEALED_ALIAS = "sealed-alias"  # an alias that must not be rewritten: a digest or signature covers it
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too-large"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


class Finding(NamedTuple):
    """One value, or one place where no value could be read.

    Attributes:
        kind: what it is.
        field: the label of the declared field, or the part of the request ("body") that concerns every field in it.
        where: JSON pointer (RFC 6901), parameter name, or empty where the whole part is meant.
        raw: the value as the client wrote it; None where there is none.
        detail: why, as a sentence in ASCII without its full stop.
        suggestions: canonical values that a typing error could have meant.
        allowed: the canonical values of the field.
    """

    kind: FindingKind
    field: str
    where: str = ""
    raw: object = None
    detail: str = ""
    suggestions: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


class Outcome(Token):
    """What became of a request."""

    PASS = "pass"  # noqa: S105
    REWRITE = "rewrite"
    REJECT = "reject"


class Inspected(NamedTuple):
    """One guarded request was judged. A named tuple, because one is made for every request.

    Attributes:
        endpoint: the endpoint's name.
        mode: the mode that held.
        in_share: whether enforce holds for this consumer; False in the other modes.
        outcome: what became of the request.
        would_reject: whether full enforcement would have rejected a request that passed in warn or outside the share.
        logged: whether the decision table has this logged.
        counts: how many findings of each kind, canonical values included.
        findings: the first findings that are not canonical, at most ``MAX_FINDINGS`` of a part.
        consumer: the consumer's key, or None.
        seconds: how long judging took.
        error: what failed inside the boundary, or None.
    """

    endpoint: str
    mode: Mode
    in_share: bool
    outcome: Outcome
    would_reject: bool
    logged: bool
    counts: Mapping[FindingKind, int]
    findings: tuple[Finding, ...]
    consumer: str | None
    seconds: float
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class StoreRead:
    """A process read its mode store, well or not.

    Attributes:
        seconds: how long it took.
        error: what was wrong, or None. A damaged content is an error too.
        stale_seconds: since when the store has not been read well; 0.0 after a good read.
    """

    seconds: float
    error: str | None
    stale_seconds: float


class WebhookResult(Token):
    """What became of one webhook delivery."""

    DONE = "done"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"  # authentic, but nothing in it is configured to act
    NOT_AUTHENTIC = "not-authentic"
    NOT_UNDERSTOOD = "not-understood"
    NOT_STORED = "not-stored"  # this process fell back to warn on its own


@dataclass(frozen=True, slots=True)
class WebhookDelivered:
    """An alert's webhook was answered.

    Attributes:
        sender: the name of the sender's policy.
        result: what became of it.
    """

    sender: str
    result: WebhookResult


@dataclass(frozen=True, slots=True)
class Downgraded:
    """Enforcement was pulled back.

    Attributes:
        trigger: who did it.
        endpoint: the endpoint's name, or None for all.
    """

    trigger: Actor
    endpoint: str | None


Event = Inspected | StoreRead | WebhookDelivered | Downgraded
"""Everything that a hook may hear; it passes over what it does not know."""


class Hook(Protocol):
    """Hears every event. It must not block; what it raises is logged and goes no further."""

    def __call__(self, event: Event, /) -> None:
        """Hear one event."""
