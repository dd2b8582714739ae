"""The audit: what logs and code tell of the endpoints' consumers within the window, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stagenorm.consumers.log_scan import Found, clock_of
from stagenorm.consumers.tally import Seen, Tally
from stagenorm.consumers.verdicts import Standing, Verdict, judged, standing
from stagenorm.core.conclusion import Conclusion


@dataclass(frozen=True, slots=True)
class LogAudit:
    """What access logs tell.

    Attributes:
        lines: how many were read.
        malformed: how many of them could not be.
        samples: some of those, each with its file and number.
        jumped: lines that a clock wrote which was wrong for a while.
        begin: of the window, in seconds since the epoch; None if no line has a moment.
        end: of the window: the log's own clock.
        oldest: the hour of the oldest line, in seconds since the epoch.
        endpoints: the consumers of each endpoint within the window, most requests first.
    """

    lines: int
    malformed: int
    samples: tuple[tuple[str, int, str], ...]
    jumped: int
    begin: int | None
    end: int | None
    oldest: int | None
    endpoints: Mapping[str, tuple[Seen, ...]]

    def requests(self, endpoint: str) -> int:
        """The requests to an endpoint within the window."""
        return sum(seen.requests for seen in self.endpoints[endpoint])

    @property
    def matched(self) -> int:
        """The requests to all endpoints within the window."""
        return sum(map(self.requests, self.endpoints))


_SAMPLES = 10
_ORDER = (Standing.EXTERNAL, Standing.MITIGATED, Standing.INTERNAL)


def audit_logs(found: Mapping[str, Found], endpoints: Sequence[str], window: int) -> LogAudit:
    """Lay the window over what was found.

    Args:
        found: by the name of the log.
        endpoints: the names of all.
        window: in seconds.
    """
    tally = Tally()
    for each in found.values():
        tally.merge(each.tally)
    clock = clock_of(found.values(), window)
    seen = list(tally.since(clock.now - window, clock.now)) if clock else []
    samples = [
        (name, number, line.decode("utf-8", "backslashreplace"))
        for name, each in found.items()
        for number, line in each.samples
    ]
    return LogAudit(
        lines=sum(each.lines for each in found.values()),
        malformed=sum(each.malformed for each in found.values()),
        samples=tuple(samples[:_SAMPLES]),
        jumped=clock.jumped if clock else 0,
        begin=clock.now - window if clock else None,
        end=clock.now if clock else None,
        oldest=min((hour for each in found.values() for hour in each.hours), default=None),
        endpoints={
            name: tuple(
                sorted(
                    (each for each in seen if each.consumer.endpoint == name),
                    key=lambda each: (-each.requests, each.consumer),
                )
            )
            for name in endpoints
        },
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """A consumer of an endpoint, and what it is to the rollout.

    Attributes:
        seen: its requests.
        standing: what it is.
        verdict: the operator's, if there is one.
    """

    seen: Seen
    standing: Standing
    verdict: Verdict | None


def judge(audit: LogAudit, verdicts: Sequence[Verdict]) -> list[Judged]:
    """What each consumer is, in the order of the endpoints; external ones first."""
    judgements: list[Judged] = []
    for consumers in audit.endpoints.values():
        of_endpoint = []
        for seen in consumers:
            verdict = judged(seen.consumer, verdicts)
            of_endpoint.append(Judged(seen, standing(seen.consumer, verdict), verdict))
        judgements += sorted(of_endpoint, key=lambda each: _ORDER.index(each.standing))
    return judgements


def conclude(audit: LogAudit | None, judgements: Sequence[Judged]) -> tuple[Conclusion, str]:
    """Whether the consumers are clear, and why, in words.

    Zero requests are no proof that nobody calls: the log may be of another service, so they hold.
    """
    external = [each for each in judgements if each.standing is Standing.EXTERNAL]
    if external:
        who = {each.seen.consumer[1:] for each in external}
        stand = "consumer stands" if len(who) == 1 else "consumers stand"
        reason = (
            f"{len(who)} external {stand}, with {sum(each.seen.requests for each in external):,} requests: talk to them, "
            "then stagenorm consumers classify NETWORK mitigated --reason TEXT"
        )
        return Conclusion.FAIL, reason
    if audit is None:
        return Conclusion.HOLD, "no access log was read, so nobody knows who calls: give --log FILE"
    if not audit.matched:
        reason = (
            f"none of {audit.lines:,} lines is a request to an endpoint: is it the log of this service, with the paths of "
            "stagenorm.toml?"
        )
        return Conclusion.HOLD, reason
    return (
        Conclusion.PASS,
        f"all {len({each.seen.consumer[1:] for each in judgements})} consumers are internal or mitigated",
    )
