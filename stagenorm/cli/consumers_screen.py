"""What ``stagenorm consumers`` shows to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagenorm.cli import output
from stagenorm.times import moment

if TYPE_CHECKING:
    from stagenorm.consumers.audit import LogAudit
    from stagenorm.consumers.report import Report
    from stagenorm.consumers.source_tree import Searched

_STYLES = {"external": "red", "mitigated": "yellow", "internal": "green", "high": "green", "medium": "yellow"}
_SHOWN = 50
_RESULTS = {"PASS": "green", "FAIL": "red", "HOLD": "yellow"}


def show_logs(audit: LogAudit) -> None:
    """The clients of each endpoint."""
    rows = output.table(
        "endpoint",
        "network",
        "",
        "user agent",
        "requests",
        "first seen",
        "last seen",
        numeric=("requests",),
        whole=("network",),
    )
    for name, seen in audit.endpoints.items():
        total = audit.requests(name)
        rows.add_row(output.cell(name, "bold"), "", "", "", output.number(total), "", "")
        for each in seen[:_SHOWN]:
            what = "internal" if each.consumer.internal else "external"
            rows.add_row(
                "",
                output.cell(each.consumer.network),
                output.cell(what, _STYLES[what]),
                output.cell(each.consumer.family),
                output.number(each.requests),
                moment(each.first),
                moment(each.last),
            )
        if len(seen) > _SHOWN:
            rest = sum(each.requests for each in seen[_SHOWN:])
            rows.add_row("", f"and {len(seen) - _SHOWN:,} more", "", "", output.number(rest), "", "")
    output.show(rows)
    _show_facts(audit)
    if not audit.matched:
        output.show(
            "HOLD: none is a request to an endpoint: is it this service's log, with the paths of stagenorm.toml?"
        )


def _show_facts(audit: LogAudit) -> None:
    if audit.begin is not None and audit.end is not None and audit.oldest is not None:
        output.show(f"window: {moment(audit.begin)} to {moment(audit.end)}, by the log's own clock")
        if audit.oldest > audit.begin:
            output.show(f"the log begins within it, at {moment(audit.oldest)}: what was before is not known")
    if audit.jumped:
        output.show(f"{audit.jumped:,} lines claim to be much newer than all others: their clock was wrong")
    output.show(f"{audit.lines:,} lines, {audit.malformed:,} malformed")
    for log, number, text in audit.samples:
        output.show(f"  {log}:{number}: {text}")


def show_code(found: Searched) -> None:
    """The places that call endpoints, the surest first."""
    from stagenorm.consumers.report import CODE_COLUMNS, code_rows  # noqa: PLC0415 - an extra

    rows = output.table(*CODE_COLUMNS)
    for endpoint, where, sure, text in code_rows(found):
        rows.add_row(
            output.cell(endpoint), output.cell(where), output.cell(sure, _STYLES.get(sure, "")), output.cell(text)
        )
    if found.places:
        output.show(rows)
    output.show(f"{len(found.places):,} places in {found.files:,} files; {found.binary:,} hold no text")
    for file, why in found.unread:
        output.show(f"not read: {file}: {why}")


def show_report(report: Report) -> None:
    """Everything, and the conclusion at its end."""
    from stagenorm.consumers.report import consumer_row  # noqa: PLC0415 - an extra

    if report.judgements:
        rows = output.table(
            "endpoint",
            "network",
            "user agent",
            "is",
            "requests",
            "last seen",
            "because",
            numeric=("requests",),
            whole=("network", "is"),
        )
        for each in report.judgements[:_SHOWN]:
            endpoint, network, family, standing, requests, _, last, because = consumer_row(each)
            rows.add_row(
                output.cell(endpoint),
                output.cell(network),
                output.cell(family),
                output.cell(standing, _STYLES[standing]),
                requests,
                last,
                output.cell(because),
            )
        output.show(rows)
        if len(report.judgements) > _SHOWN:
            output.show(f"and {len(report.judgements) - _SHOWN:,} more: --out FILE or --html FILE has them all")
    if report.logs:
        _show_facts(report.logs)
    if report.code:
        sure = [place for _, place in report.code.places]
        output.show(f"{len(sure):,} places in source code call: stagenorm consumers code PATH lists them")
    result, reason = report.conclusion
    output.show(output.cell(f"{result.value}: {reason}", _RESULTS[result.value]))
