"""The decision table: what each finding leads to in each mode. Nothing else decides.

The rows are the findings, the columns are the four situations a request can be in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from stagenorm.core.modes import Mode
from stagenorm.core.token import Token
from stagenorm.events import FindingKind, Outcome


class Situation(Token):
    """The column of the table that a request falls into."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce, in the canary share"
    OUTSIDE = "enforce, outside the share"

    @classmethod
    def of(cls, mode: Mode, in_share: bool) -> Situation:
        """The situation of a request under a mode."""
        if mode is _ENFORCING:
            return _ENFORCE if in_share else _OUTSIDE
        return _OFF if mode is _OFF_MODE else _WARN


@dataclass(frozen=True, slots=True)
class Decision:
    """One cell of the table. Every cell is counted.

    Attributes:
        outcome: what becomes of the request, as far as this finding goes.
        notice: whether the response says so in a header.
        logged: whether it is worth a log record.
        would_reject: whether full enforcement would reject what passes here.
        status: of the problem document, where the request is rejected.
    """

    outcome: Outcome = Outcome.PASS
    notice: bool = False
    logged: bool = False
    would_reject: bool = False
    status: int = 0


def _reject(status: int) -> Decision:
    return Decision(Outcome.REJECT, logged=True, status=status)


_PASS = Decision()
_NOTICE = Decision(notice=True, would_reject=True)
_NOTICE_LOGGED = Decision(notice=True, logged=True, would_reject=True)
_LOGGED = Decision(logged=True, would_reject=True)
_REWRITE = Decision(Outcome.REWRITE)
_REWRITE_NOTICE = Decision(Outcome.REWRITE, notice=True)

_OFF, _WARN, _ENFORCE, _OUTSIDE = Situation
_ENFORCING, _OFF_MODE = Mode.ENFORCE, Mode.OFF  # looked up once: before Python 3.12 that is slow
_TABLE: Mapping[FindingKind, Mapping[Situation, Decision]] = MappingProxyType(
    {
        FindingKind.CANONICAL: {_OFF: _PASS, _WARN: _PASS, _ENFORCE: _PASS, _OUTSIDE: _PASS},
        FindingKind.ALIAS: {_OFF: _PASS, _WARN: _REWRITE_NOTICE, _ENFORCE: _REWRITE, _OUTSIDE: _REWRITE_NOTICE},
        FindingKind.SEALED_ALIAS: {_OFF: _PASS, _WARN: _NOTICE, _ENFORCE: _reject(400), _OUTSIDE: _NOTICE},
        FindingKind.UNKNOWN: {_OFF: _PASS, _WARN: _NOTICE_LOGGED, _ENFORCE: _reject(400), _OUTSIDE: _NOTICE_LOGGED},
        FindingKind.UNREADABLE: {_OFF: _PASS, _WARN: _NOTICE_LOGGED, _ENFORCE: _reject(400), _OUTSIDE: _NOTICE_LOGGED},
        FindingKind.TOO_LARGE: {_OFF: _PASS, _WARN: _NOTICE, _ENFORCE: _reject(413), _OUTSIDE: _NOTICE},
        FindingKind.UNSUPPORTED: {_OFF: _PASS, _WARN: _NOTICE, _ENFORCE: _reject(415), _OUTSIDE: _NOTICE},
        FindingKind.FAILED: {_OFF: _PASS, _WARN: _LOGGED, _ENFORCE: _reject(500), _OUTSIDE: _LOGGED},
    }
)


def decide(kind: FindingKind, situation: Situation) -> Decision:
    """What one finding leads to."""
    return _TABLE[kind][situation]


def strictest(decisions: Sequence[Decision]) -> Decision:
    """What several findings of one request lead to together; a plain pass if there are none.

    A rejection outweighs a rewrite and a rewrite outweighs a pass; of two rejections the higher status is told, and
    a notice or a log record that one asks for is given.
    """
    if len(decisions) == 1:
        return decisions[0]
    return Decision(
        max((each.outcome for each in decisions), key=_WEIGHT.__getitem__, default=Outcome.PASS),
        notice=any(each.notice for each in decisions),
        logged=any(each.logged for each in decisions),
        would_reject=any(each.would_reject for each in decisions),
        status=max((each.status for each in decisions), default=0),
    )


_WEIGHT = {Outcome.PASS: 0, Outcome.REWRITE: 1, Outcome.REJECT: 2}
