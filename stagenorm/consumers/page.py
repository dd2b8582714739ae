"""The report as one self-contained HTML page with plots. It imports jinja2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from importlib import resources
from typing import NamedTuple

from stagenorm.consumers.audit import Judged
from stagenorm.consumers.report import CODE_COLUMNS, CONSUMER_COLUMNS, Report, code_rows, consumer_row
from stagenorm.consumers.verdicts import Standing
from stagenorm.errors import MissingExtraError
from stagenorm.times import moment

try:
    from jinja2 import Environment
except ModuleNotFoundError as error:
    raise MissingExtraError("a report as HTML", "consumers") from error

_FAMILIES = 12


class Part(NamedTuple):
    """A part of a bar.

    Attributes:
        standing: of the consumers that it counts.
        requests: how many.
        begin: where it begins, as a share of the longest bar in percent.
        length: how long it is, likewise.
    """

    standing: str
    requests: int
    begin: float
    length: float


class Bar(NamedTuple):
    """One bar of a plot.

    Attributes:
        label: what it counts.
        requests: how many.
        parts: from its beginning on.
    """

    label: str
    requests: int
    parts: tuple[Part, ...]


def page(report: Report) -> str:
    """The page: it asks the network for nothing, and runs no script."""
    template = resources.files("stagenorm.consumers").joinpath("page.html").read_text(encoding="utf-8")
    result, reason = report.conclusion
    judgements = report.judgements
    by_day = _bars(judgements, lambda each: {_day(day): count for day, count in sorted(each.seen.days.items())})
    by_family = _bars(judgements, lambda each: {each.seen.consumer.family: each.seen.requests})
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        result=result.value,
        reason=reason,
        at=moment(report.at),
        logs=report.logs,
        window=[moment(at) for at in (report.logs.begin, report.logs.end) if at is not None] if report.logs else [],
        plots=[
            ("Requests by day (UTC)", sorted(by_day)),
            ("Requests by user agent", sorted(by_family, key=lambda bar: -bar.requests)[:_FAMILIES]),
        ],
        standings=[standing.value for standing in Standing],
        consumer_columns=CONSUMER_COLUMNS,
        consumers=[consumer_row(each) for each in judgements],
        code=report.code,
        code_columns=CODE_COLUMNS,
        places=code_rows(report.code) if report.code else [],
    )


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d")


def _bars(judgements: Iterable[Judged], counted: Callable[[Judged], Mapping[str, int]]) -> list[Bar]:
    """A bar for each label that is counted, its parts by standing."""
    counts: dict[str, Counter[str]] = {}
    for each in judgements:
        for label, requests in counted(each).items():
            counts.setdefault(label, Counter())[each.standing.value] += requests
    longest = max((count.total() for count in counts.values()), default=1)
    bars = []
    for label, count in counts.items():
        parts, begin = [], 0.0
        for standing in Standing:
            length = 100 * count[standing.value] / longest
            if length:
                parts.append(Part(standing.value, count[standing.value], begin, length))
            begin += length
        bars.append(Bar(label, count.total(), tuple(parts)))
    return bars
