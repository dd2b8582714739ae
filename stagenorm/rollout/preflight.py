"""Preflight: what must be proved before the first week, each judged from what was observed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from stagenorm.core.conclusion import Conclusion
from stagenorm.observe.rules.alerts import ALERTS
from stagenorm.rollout.gates import Result
from stagenorm.rollout.observations import NotKnown
from stagenorm.rollout.review import Review
from stagenorm.times import moment

READS = 1000
"""Reads of the mode store of which the 99th percentile is taken."""
READ_SECONDS = 0.010
"""What that percentile must be under."""
RESTORE_SECONDS = 300.0
"""What a restore must take less than."""
ROWS = 1000
"""What a test database must hold at least."""


def mode_store(seconds: Sequence[float] | NotKnown, where: str) -> Result:
    """Whether the mode store answers, and fast enough.

    Args:
        seconds: how long each read took; or why it cannot be read.
        where: how people are told of it.
    """
    remedy = "stagenorm doctor looks at the store; reads wait for the network and for nothing else"
    if isinstance(seconds, NotKnown):
        return Result("mode store", Conclusion.FAIL, seconds.why, remedy)
    if len(seconds) < READS:
        return Result(
            "mode store", Conclusion.HOLD, f"{len(seconds):,} reads are too few, {READS:,} are asked for", remedy
        )
    p99 = sorted(seconds)[ceil(len(seconds) * 0.99) - 1]
    verdict = Conclusion.PASS if p99 < READ_SECONDS else Conclusion.FAIL
    told = (
        f"{where}: p99 of {len(seconds):,} reads is {p99 * 1000:.2g} ms, and must be under {READ_SECONDS * 1000:g} ms"
    )
    return Result("mode store", verdict, told, "" if verdict is Conclusion.PASS else remedy)


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a resolver did when its store fell silent.

    Attributes:
        changes: modes that it showed otherwise than while the store answered, in words.
        source: where it took them from, as ``Status.source`` tells.
        warned: what it logged at WARNING or above.
        seconds: until it had given the store up.
    """

    changes: Sequence[str]
    source: str
    warned: Sequence[str]
    seconds: float


def fallback(seen: Fallback | NotKnown) -> Result:
    """Whether the last known modes held against a silent port, and somebody was told."""
    gate = "fallback drill"
    if isinstance(seen, NotKnown):
        return Result(gate, Conclusion.HOLD, seen.why)
    if seen.changes:
        return Result(gate, Conclusion.FAIL, f"against a silent port modes changed: {'; '.join(seen.changes)}")
    if seen.source == "store":
        return Result(gate, Conclusion.FAIL, "a silent port was taken for a store that answers")
    if not seen.warned:
        return Result(gate, Conclusion.FAIL, "the modes held, and nothing was logged", "let the logger stagenorm warn")
    told = f"against a silent port, given up after {seen.seconds:.1f} s, the modes held, from {seen.source}; WARNING logged"
    return Result(gate, Conclusion.PASS, told)


def restored(seconds: float | NotKnown, *, failed: bool = False) -> Result:
    """Whether the backup is what its manifest says, and restores in time.

    Args:
        seconds: how long restoring took; or why it was not proved.
        failed: whether it was tried.
    """
    remedy = "stagenorm backup create, then stagenorm backup restore-test"
    if isinstance(seconds, NotKnown):
        return Result("backup", Conclusion.FAIL if failed else Conclusion.HOLD, seconds.why, remedy)
    told = f"its checksum is right, and it restored in {seconds:.1f} s of {RESTORE_SECONDS:g} s"
    return Result("backup", Conclusion.PASS if seconds < RESTORE_SECONDS else Conclusion.FAIL, told)


def rehearsal(rows: int | NotKnown, *, failed: bool = False) -> Result:
    """Whether there is a database to rehearse on, with enough in it.

    Args:
        rows: how many its table holds; or why that is not known.
        failed: whether one was named.
    """
    remedy = "stagenorm backfill seed --rows 100000 --database URL, of a database to rehearse on"
    if isinstance(rows, NotKnown):
        return Result("test database", Conclusion.FAIL if failed else Conclusion.HOLD, rows.why, remedy)
    enough = rows >= ROWS
    told = f"{rows:,} rows, {ROWS:,} are the least"
    return Result("test database", Conclusion.PASS if enough else Conclusion.FAIL, told, "" if enough else remedy)


def vocabulary(review: Review | NotKnown, fingerprint: str) -> Result:
    """Whether somebody reviewed the very vocabulary that is used."""
    remedy = "stagenorm vocabulary lint, then stagenorm vocabulary review --reason TEXT"
    if isinstance(review, NotKnown):
        return Result("vocabulary", Conclusion.HOLD, review.why, remedy)
    told = f"reviewed by {review.author} at {moment(review.at)}: {review.reason}"
    if review.fingerprint != fingerprint:
        said = f"{told}; but it has changed since ({review.fingerprint[:12]} then, {fingerprint[:12]} now)"
        return Result("vocabulary", Conclusion.FAIL, said, remedy)
    return Result("vocabulary", Conclusion.PASS, told)


def alert_rules(loaded: Mapping[str, str] | NotKnown) -> Result:
    """Whether Prometheus evaluates every alert.

    Args:
        loaded: the health of each alerting rule by its name; or why it is not known.
    """
    remedy = "stagenorm rules write DIR, name the file under rule_files of prometheus.yml, and reload it"
    if isinstance(loaded, NotKnown):
        return Result("alert rules", Conclusion.HOLD, loaded.why, remedy)
    missing = [alert.name for alert in ALERTS if alert.name not in loaded]
    broken = [alert.name for alert in ALERTS if loaded.get(alert.name) == "err"]
    if missing:
        return Result("alert rules", Conclusion.FAIL, f"not loaded: {', '.join(missing)}", remedy)
    if broken:
        return Result("alert rules", Conclusion.FAIL, f"their evaluation fails: {', '.join(broken)}", remedy)
    return Result("alert rules", Conclusion.PASS, f"all {len(ALERTS)} are loaded")


def loaded_alerts(answer: str) -> Mapping[str, str] | NotKnown:
    """The health of each alerting rule by its name, from what Prometheus answers at ``/api/v1/rules``."""
    try:
        groups: Any = json.loads(answer)["data"]["groups"]
        return {
            str(rule["name"]): str(rule["health"])
            for group in groups
            for rule in group["rules"]
            if rule["type"] == "alerting"
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return NotKnown("what answers there is no Prometheus")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a test alert.

    Attributes:
        status: of HTTP.
        result: what the webhook says that it did.
        before: the revision of the mode store before it.
        after: the revision after it.
        follows: the revision that the service holds.
    """

    status: int
    result: str
    before: int
    after: int
    follows: int


TEST_ALERT = {
    "version": "4",
    "status": "firing",
    "alerts": [{"status": "firing", "labels": {"alertname": "StagenormPreflight", "severity": "none"}}],
}
"""An alert as Alertmanager delivers it, which pulls nothing back: it has no label that says so."""


def webhook(delivered: Delivered | NotKnown, *, failed: bool = False) -> Result:
    """Whether a test alert arrives, is believed, and pulls nothing back.

    Args:
        delivered: what became of it; or why that is not known.
        failed: whether it was tried.
    """
    if isinstance(delivered, NotKnown):
        return Result(
            "webhook", Conclusion.FAIL if failed else Conclusion.HOLD, delivered.why, "stagenorm doctor --url URL"
        )
    if delivered.status in {401, 403}:
        told = f"the test alert was not believed ({delivered.status})"
        return Result("webhook", Conclusion.FAIL, told, "give preflight and the service the same secrets")
    if delivered.status != 200:
        told = f"the test alert was answered {delivered.status}"
        return Result("webhook", Conclusion.FAIL, told, "is the ops app mounted at ops_url of stagenorm.toml?")
    if delivered.result != "ignored" or delivered.before != delivered.after:
        told = f"the test alert was {delivered.result}, and the store went from {delivered.before} to {delivered.after}"
        return Result("webhook", Conclusion.FAIL, told, "look at stagenorm mode history: who changed it meanwhile?")
    if delivered.follows != delivered.after:
        told = f"the service is at revision {delivered.follows} of its store, and the store here at {delivered.after}"
        remedy = "give the service and stagenorm.toml the same store; if somebody changed it this moment, ask again"
        return Result("webhook", Conclusion.FAIL, told, remedy)
    return Result("webhook", Conclusion.PASS, "a test alert arrived and was believed, and pulled nothing back")
