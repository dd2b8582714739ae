"""Settings: what ``[rollout]`` of ``stagenorm.toml`` says. Only values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stagenorm.rollout.plan import Plan


@dataclass(frozen=True, slots=True)
class EvidenceFiles:
    """Where the operator's commands leave what they found; None where it is not named.

    Attributes:
        consumers: of ``stagenorm consumers report --out``.
        backfill: of ``stagenorm backfill verify --out``.
        receipt: of ``stagenorm backup restore-test``.
    """

    consumers: Path | None = None
    backfill: Path | None = None
    receipt: Path | None = None


@dataclass(frozen=True, slots=True)
class Watching:
    """Whom to ask for numbers.

    Attributes:
        prometheus: its URL; None where it is not named.
        job: the ``job`` label of the service's series; empty takes the only one that there is.
        scrape: seconds between two scrapes of the service, at most.
    """

    prometheus: str | None = None
    job: str = ""
    scrape: float = 15.0


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """The whole section.

    Attributes:
        plan: the way.
        watching: whom to ask for numbers.
        files: of evidence.
        alertmanager: its URL, for pages; None where nobody is to be paged.
    """

    plan: Plan
    watching: Watching = Watching()
    files: EvidenceFiles = EvidenceFiles()
    alertmanager: str | None = None
