"""What ``stagenorm consumers`` shows to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from stagenorm.cli import output
from stagenorm.times import moment

if TYPE_CHECKING:
    from stagenorm.consumers.audit import LogAudit
    from stagenorm.consumers.report import Report
    from stagenorm.consumers.source_tree import Searched
    from stagenorm.consumers.tally import Seen

_STYLES = {"external": "red", "mitigated": "yellow", "internal": "green", "high": "green", "medium": "yellow"}
_SHOWN = 50
_WHOLE = ("network", "is", "requests", "first seen", "last seen")


def show_logs(audit: LogAudit) -> None:
    """The clients of each endpoint."""
    for name, seen in audit.endpoints.items():
        output.show(output.cell(f"{name}: {audit.requests(name):,} requests", "bold"))
        if seen:
            _show_clients(seen)
    _show_facts(audit)
    if not audit.matched:
        output.show(
            "HOLD: none is a request to an endpoint: is it this service's log, with the paths of stagenorm.toml?"
        )


def _show_clients(seen: Sequence[Seen]) -> None:
    rows = output.table(
        "network", "is", "user agent", "requests", "first seen", "last seen", numeric=("requests",), whole=_WHOLE
    )
    for each in seen[:_SHOWN]:
        what = "internal" if each.consumer.internal else "external"
        rows.add_row(
            output.cell(each.consumer.network),
            output.cell(what, _STYLES[what]),
            output.cell(each.consumer.family),
            output.number(each.requests),
            _day(each.first),
            _day(each.last),
        )
    output.show(rows)
    if len(seen) > _SHOWN:
        rest = sum(each.requests for each in seen[_SHOWN:])
        output.show(f"and {len(seen) - _SHOWN:,} more, with {rest:,} requests: --json has them all")


def _day(at: int) -> str:
    return moment(at)[:10]


def _show_facts(audit: LogAudit) -> None:
    if audit.begin is not None and audit.end is not None and audit.oldest is not None:
        output.show(f"window: {moment(audit.begin)} to {moment(audit.end)}, by the log's own clock")
        if audit.oldest > audit.begin:
            output.show(
                f"the log begins within it, in the hour of {moment(audit.oldest)}: what was before is not known"
            )
    if audit.jumped:
        output.show(f"{audit.jumped:,} lines claim to be much newer than all others: their clock was wrong")
    output.show(f"{audit.lines:,} lines, {audit.malformed:,} malformed")
    for log, number, text in audit.samples:
        output.show(f"  {log}:{number}: {text}")


def show_code(found: Searched) -> None:
    """The places that call endpoints, as grep shows lines."""
    lines = []
    for file, place in found.places:
        sure = place.confidence.name.lower()
        line = output.cell(f"{file}:{place.line}: {place.endpoint} ")
        lines.append(line.append(f"({sure})", _STYLES.get(sure, "")).append(output.cell(f": {place.text}")))
    if lines:
        output.show(Text("\n").join(lines))  # at once: there may be thousands
    output.show(f"{len(found.places):,} places in {found.files:,} files; {found.binary:,} hold no text")
    for name in found.unsearchable:
        output.show(f"not looked for: {name}: its path is parameters alone; its logs tell more")
    for file, why in found.unread:
        output.show(f"not read: {file}: {why}")


def show_report(report: Report) -> None:
    """Everything, and the conclusion at its end."""
    if report.judgements:
        columns = ("endpoint", "network", "user agent", "is", "requests", "last seen", "because")
        because = any(each.verdict for each in report.judgements[:_SHOWN])
        rows = output.table(*columns[: None if because else -1], numeric=("requests",), whole=_WHOLE)
        for each in report.judgements[:_SHOWN]:
            consumer, said = each.seen.consumer, each.standing.value
            cells = (
                output.cell(consumer.endpoint),
                output.cell(consumer.network),
                output.cell(consumer.family),
                output.cell(said, _STYLES[said]),
                output.number(each.seen.requests),
                _day(each.seen.last),
                output.cell(each.verdict.reason if each.verdict else ""),
            )
            rows.add_row(*cells[: None if because else -1])
        output.show(rows)
        if len(report.judgements) > _SHOWN:
            output.show(f"and {len(report.judgements) - _SHOWN:,} more: --out FILE or --html FILE has them all")
    if report.logs:
        _show_facts(report.logs)
    if report.code:
        sure = [place for _, place in report.code.places]
        output.show(f"{len(sure):,} places in source code call: stagenorm consumers code PATH lists them")
    result, reason = report.conclusion
    output.show(output.conclusion(result).append(output.cell(f": {reason}")))
