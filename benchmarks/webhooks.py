"""Measure what verifying a webhook costs, against one hmac.digest of its body.

    python benchmarks/webhooks.py [--json] [--short]

Each ratio is the median over interleaved rounds. Exit 1 if a ratio is over twice its bound.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hmac import digest

from cases import Case
from ratios import ratio
from table import Row, main

from stagenorm.ops.credentials import WebhookSecret, fresh_secret
from stagenorm.ops.signatures import Admitted, sign, standard_webhooks

NOW = 1_700_000_000.0
ALERT = {
    "status": "firing",
    "labels": {"alertname": "StagenormEnforceRejects", "endpoint": "simulate", "stagenorm": "downgrade"},
    "annotations": {"summary": "enforce rejects more than 1% of the requests to simulate"},
    "startsAt": "2026-01-01T00:00:00.000Z",
}


def case(alerts: int) -> Case:
    """Verifying a delivery of so many alerts, with one secret."""
    body = json.dumps({"version": "4", "status": "firing", "alerts": [ALERT] * alerts}).encode()
    key = WebhookSecret.parse(fresh_secret()).key
    headers = {name.encode(): value.encode() for name, value in sign(key, "msg_1", NOW, body).items()}
    keys = [key]

    def verify() -> None:
        assert isinstance(standard_webhooks(headers, body, keys, NOW), Admitted)

    def one_digest() -> None:
        digest(key, body, "sha256")

    name = f"verify a webhook of {len(body):,} bytes / hmac.digest of its body"
    return Case(name, 3.0, verify, one_digest, loops=max(1, 2000 // alerts))


def rows(short: bool) -> Iterator[Row]:
    """The whole table."""
    for alerts in (1, 4, 40, 800):
        made = case(alerts)
        yield Row(made.name, ratio(made, 5 if short else 25), made.bound)


if __name__ == "__main__":
    sys.exit(main(__doc__.splitlines()[0], rows))
