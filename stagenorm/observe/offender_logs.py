"""Offenders from what LogHook and JsonFormatter wrote: one JSON object a line. Pure but for the lines."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from stagenorm.errors import DataFileError
from stagenorm.events import FindingKind
from stagenorm.observe.offenders import Offenders

_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[\\'nrt])")


def records(lines: Iterable[bytes], where: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a log, whoever wrote them; other lines are passed over.

    Args:
        lines: of the log.
        where: what messages call it.

    Raises:
        DataFileError: there are lines, and none of them is a JSON object. It comes with the end of the lines.
    """
    found = number = 0
    for line in lines:
        number += 1
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found += 1
            yield record
    if number and not found:
        raise DataFileError(
            f"{where}: none of its {number} lines is a JSON record: log with JsonFormatter (docs/telemetry.md)"
        )


def offenders_in_logs(logged: Iterable[dict[str, Any]]) -> Offenders:
    """Count the unknown values of logged requests, each by the number of requests that its record stands for.

    Args:
        logged: records of any log; what is no record of a request is passed over.
    """
    offenders = Offenders()
    for each in logged:
        try:
            record = each["stagenorm"]
            sent = [(record["endpoint"], value, record["consumer"]) for value in _unknown(record["findings"])]
            weight = float(record["stands_for"])
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if not 0 < weight < math.inf:  # and no NaN, which somebody else's line may say
            continue
        for endpoint, value, consumer in sent:
            offenders.add(str(endpoint), value, None if consumer is None else str(consumer), weight)
    return offenders


def _unknown(findings: list[dict[str, Any]]) -> list[str]:
    return [_as_sent(each["value"]) for each in findings if each["kind"] == FindingKind.UNKNOWN.value]


def _as_sent(escaped: str) -> str:
    """A value as the client wrote it; LogHook escapes what is not printable ASCII."""
    return _ESCAPE.sub(lambda found: found[0].encode().decode("unicode_escape"), escaped)
