"""Offenders from what LogHook and JsonFormatter wrote: one JSON object a line. Pure but for the lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from stagenorm.events import FindingKind
from stagenorm.observe.offenders import Offenders

_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[\\'nrt])")


def offenders_in_logs(lines: Iterable[bytes]) -> Offenders:
    """Count the unknown values of logged requests, each by the number of requests that its record stands for.

    Args:
        lines: of any log; what is no record of a request is passed over.
    """
    offenders = Offenders()
    for line in lines:
        try:
            record = json.loads(line)["stagenorm"]
            sent = [(record["endpoint"], value, record["consumer"]) for value in _unknown(record["findings"])]
            weight = float(record["stands_for"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        for endpoint, value, consumer in sent:
            offenders.add(str(endpoint), value, None if consumer is None else str(consumer), max(weight, 0))
    return offenders


def _unknown(findings: list[dict[str, Any]]) -> list[str]:
    return [_as_sent(each["value"]) for each in findings if each["kind"] == FindingKind.UNKNOWN.value]


def _as_sent(escaped: str) -> str:
    """A value as the client wrote it; LogHook escapes what is not printable ASCII."""
    return _ESCAPE.sub(lambda found: found[0].encode().decode("unicode_escape"), escaped)
