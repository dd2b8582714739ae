"""The report as data: what logs, code and verdicts tell, for machines, and as Markdown for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.consumers.audit import Judged, LogAudit, conclude, judge
from stagenorm.consumers.source_tree import Searched
from stagenorm.consumers.verdicts import Standing, Verdict
from stagenorm.core.conclusion import Conclusion
from stagenorm.times import moment


@dataclass(frozen=True)
class Report:
    """Everything that is known of the consumers.

    Attributes:
        endpoints: that were looked for.
        logs: what access logs tell, or None where none was read.
        code: what source code tells, or None where none was read.
        verdicts: the operator's.
        at: when it was made, in seconds since the epoch.
    """

    endpoints: Sequence[Endpoint]
    logs: LogAudit | None
    code: Searched | None
    verdicts: Sequence[Verdict]
    at: float

    @cached_property
    def judgements(self) -> list[Judged]:
        """Every consumer with what it is."""
        return judge(self.logs, self.verdicts) if self.logs else []

    @property
    def conclusion(self) -> tuple[Conclusion, str]:
        """Whether the consumers are clear, and why."""
        return conclude(self.logs, self.judgements)

    def for_machines(self) -> dict[str, Any]:
        """The report as values of JSON."""
        result, reason = self.conclusion
        return {
            "generated_at": moment(self.at),
            "result": result.value,
            "reason": reason,
            "external": sum(each.standing is Standing.EXTERNAL for each in self.judgements),
            "consumers": [consumer_for_machines(each) for each in self.judgements],
            "logs": logs_for_machines(self.logs) if self.logs else None,
            "code": self.code.for_machines() if self.code else None,
        }

    def markdown(self) -> str:
        """The report for people, as Markdown."""
        result, reason = self.conclusion
        lines = ["# Consumers", "", f"**{result.value}**: {_plain(reason)}.", ""]
        lines += _markdown_table(CONSUMER_COLUMNS, map(consumer_row, self.judgements))
        if self.code:
            lines += ["", "## Calls in source code", ""]
            lines += _markdown_table(CODE_COLUMNS, code_rows(self.code))
        return "\n".join([*lines, "", f"Made {moment(self.at)}.", ""])


CONSUMER_COLUMNS = ("endpoint", "network", "user agent", "is", "requests", "first seen", "last seen", "because")
CODE_COLUMNS = ("endpoint", "where", "sure", "text")


def consumer_row(each: Judged) -> tuple[str, ...]:
    """A consumer as a line of a table."""
    consumer, seen = each.seen.consumer, each.seen
    first, last = moment(seen.first), moment(seen.last)
    because = each.verdict.reason if each.verdict else ""
    counted = f"{seen.requests:,}"
    return (consumer.endpoint, consumer.network, consumer.family, each.standing.value, counted, first, last, because)


def code_rows(code: Searched) -> list[tuple[str, ...]]:
    """The places in source code as lines of a table, the surest first."""
    ordered = sorted(code.places, key=lambda each: (each[1].endpoint, -each[1].confidence, each[0], each[1].line))
    return [
        (place.endpoint, f"{file}:{place.line}", place.confidence.name.lower(), place.text) for file, place in ordered
    ]


def consumer_for_machines(each: Judged) -> dict[str, Any]:
    """A consumer as values of JSON."""
    return {
        "endpoint": each.seen.consumer.endpoint,
        "network": each.seen.consumer.network,
        "family": each.seen.consumer.family,
        "standing": each.standing.value,
        "reason": each.verdict.reason if each.verdict else None,
        "author": each.verdict.author if each.verdict else None,
        "requests": each.seen.requests,
        "first_seen": moment(each.seen.first),
        "last_seen": moment(each.seen.last),
    }


def logs_for_machines(logs: LogAudit) -> dict[str, Any]:
    """What access logs tell as values of JSON."""
    return {
        "since": _moment(logs.begin),
        "until": _moment(logs.end),
        "oldest": _moment(logs.oldest),
        "lines": logs.lines,
        "malformed": logs.malformed,
        "samples": [{"log": log, "line": number, "text": text} for log, number, text in logs.samples],
        "clock_jumped": logs.jumped,
        "counts": {name: logs.requests(name) for name in logs.endpoints},
        "endpoints": {
            name: {
                "requests": logs.requests(name),
                "first_seen": _moment(min((each.first for each in seen), default=None)),
                "last_seen": _moment(max((each.last for each in seen), default=None)),
                "clients": [
                    {
                        "network": each.consumer.network,
                        "class": "internal" if each.consumer.internal else "external",
                        "family": each.consumer.family,
                        "requests": each.requests,
                        "first_seen": moment(each.first),
                        "last_seen": moment(each.last),
                    }
                    for each in seen
                ],
            }
            for name, seen in logs.endpoints.items()
        },
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else moment(at)


def _markdown_table(columns: Sequence[str], rows: Any) -> list[str]:
    written = [f"| {' | '.join(map(_plain, row))} |" for row in rows]
    return [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *written] if written else ["None."]


def _plain(text: str) -> str:
    """Text from outside on one line of Markdown, where nothing in it means anything."""
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#&" else each for each in shown)
