"""What a walk proved: claims about its phases, each computed from what the witnesses saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from stagenorm.core.modes import Mode
from stagenorm.demo.phases import PhaseResult
from stagenorm.events import FindingKind

if TYPE_CHECKING:
    from stagenorm.demo.incident import Incident


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence.

    Attributes:
        statement: for a person, without markup.
        holds: whether what was seen bears it out.
    """

    statement: str
    holds: bool


def claims(results: Sequence[PhaseResult]) -> list[Claim]:
    """What a whole walk shows.

    Args:
        results: of all phases, in their order.
    """
    off, warn, *canaries, full = results
    return [
        _untouched(off),
        _only_warned(warn),
        *(_only_the_share(canary, warn) for canary in canaries),
        _only_grew([*canaries, full]),
        _nothing_gets_through(full, warn),
        _all_agree(results),
    ]


def incident_claims(incident: Incident) -> list[Claim]:
    """What an incident shows."""
    before, during, after = incident.before, incident.during, incident.after
    passed, refused = before.clients.requests, during.clients.rejected
    return [
        Claim(
            f"With every client mended, the canary at {before.phase.share:g}% refused none of {passed:,} requests.",
            before.clients.rejected == before.clients.failed == 0,
        ),
        Claim(
            f"Then {incident.consumer} shipped a bad release: {refused} of {during.clients.requests} requests were "
            f"refused, and the alert fired.",
            during.clients.refused == {incident.consumer} and during.clients.failed == 0,
        ),
        Claim(
            f"The alert's signed webhook pulled enforcement back in {incident.seconds:.2f} s, to {incident.state.mode.value}.",
            incident.status == 200 and incident.state.mode is Mode.WARN,
        ),
        Claim(
            f"The same release then passed, {after.clients.warned} requests with a notice and none refused.",
            after.clients.rejected == after.clients.failed == 0 and after.clients.warned > 0,
        ),
        Claim(
            f"Nothing enforces again by itself: {incident.refusal or 'the switch was not latched'}.",
            incident.state.latched and bool(incident.refusal),
        ),
    ]


def _untouched(off: PhaseResult) -> Claim:
    saw = off.clients
    return Claim(
        f"In off nothing was touched: the handlers read all {saw.values.total():,} values as they were written, "
        f"{off.handlers.noncanonical:,} of them not canonical.",
        saw.misread == saw.rejected == saw.warned == 0,
    )


def _only_warned(warn: PhaseResult) -> Claim:
    saw = warn.clients
    return Claim(
        f"In warn nobody was refused: {saw.values[FindingKind.ALIAS]:,} aliases reached the handlers as canonical "
        f"values, and {saw.warned:,} requests with an unknown value passed with a notice.",
        saw.misread == saw.rejected == 0 and warn.handlers.noncanonical == saw.values[FindingKind.UNKNOWN],
    )


def _only_the_share(canary: PhaseResult, warn: PhaseResult) -> Claim:
    saw, held = canary.clients, canary.boundary.enforced
    return Claim(
        f"At {canary.phase.share:g}% the {len(held)} consumers in the share were held to the vocabulary: "
        f"{saw.rejected:,} of their requests were refused, and everybody else was served as in warn.",
        saw.refused == held & saw.offenders
        and saw.misread == 0
        and saw.rejected + saw.warned == warn.clients.warned
        and not any(saw.noncanonical[consumer] for consumer in held if consumer),
    )


def _only_grew(enforcing: Sequence[PhaseResult]) -> Claim:
    shares = [result.clients.refused for result in enforcing]
    steps = ", then ".join(
        f"{len(share)} at {each.phase.share:g}%" for share, each in zip(shares, enforcing, strict=True)
    )
    return Claim(
        f"The share only grew: {steps}, and whoever was in a smaller share was in every larger one.",
        bool(shares[0]) and all(small < large for small, large in pairwise(shares)),
    )


def _nothing_gets_through(full: PhaseResult, warn: PhaseResult) -> Claim:
    saw = full.clients
    return Claim(
        f"At 100% the handlers read {full.handlers.noncanonical:,} values outside the vocabulary: "
        f"{full.handlers.requests:,} requests reached them, {saw.rejected:,} were answered with a 400 that says why.",
        full.handlers.noncanonical == saw.misread == saw.warned == 0 and saw.rejected == warn.clients.warned,
    )


def _all_agree(results: Sequence[PhaseResult]) -> Claim:
    requests = sum(result.clients.requests for result in results)
    values = sum(result.clients.values.total() for result in results)
    return Claim(
        f"Clients, boundary and handlers saw the same: {requests:,} requests with {values:,} values, "
        "in every phase and of every kind.",
        all(_agree(result) for result in results),
    )


def _agree(result: PhaseResult) -> bool:
    clients, boundary, handlers = result.clients, result.boundary, result.handlers
    return (
        clients.failed == 0
        and clients.requests == boundary.requests
        and clients.values == boundary.values
        and clients.rejected == boundary.rejected
        and clients.warned == boundary.would_reject
        and handlers.requests == clients.requests - clients.rejected
        and handlers.noncanonical == clients.noncanonical.total()
    )
