"""Each claim falls with any single witness that contradicts it."""

from copy import deepcopy

import pytest

from stagenorm.core.canary import in_share
from stagenorm.core.modes import Mode
from stagenorm.demo.phases import PHASES, Answer, PhaseResult
from stagenorm.demo.proof import claims
from stagenorm.demo.traffic import make_calls
from stagenorm.events import FindingKind, Inspected, Outcome

CALLS = make_calls(300, seed=3)


def ideal():
    """The results of a faultless walk, made without a server."""
    results = [PhaseResult(phase) for phase in PHASES]
    for result in results:
        for call in CALLS:
            play(result, call)
    return results


def play(result, call):
    phase = result.phase
    enforced = phase.mode is Mode.ENFORCE and in_share(call.consumer, phase.share, "salt")
    kinds = [form.kind for form in call.forms]
    unknown = FindingKind.UNKNOWN in kinds
    rejected = enforced and unknown
    warned = phase.mode is not Mode.OFF and unknown and not rejected
    read = [form.raw if phase.mode is Mode.OFF else form.meaning or form.raw for form in call.forms]
    result.boundary(
        Inspected(
            endpoint="any",
            mode=phase.mode,
            in_share=enforced,
            outcome=Outcome.REJECT if rejected else Outcome.PASS,
            would_reject=warned,
            logged=False,
            counts={kind: kinds.count(kind) for kind in kinds},
            findings=(),
            consumer=call.consumer,
            seconds=0,
        )
    )
    if not rejected:
        result.handlers.read(read)
    result.clients.hear(call, Answer(400 if rejected else 200, warned, None if rejected else read))


def test_a_faultless_walk_bears_out_every_claim():
    assert all(claim.holds for claim in claims(ideal()))


OFF, WARN, TEN, FIFTY, FULL = range(5)


def one_more(*path):
    """A fault that adds one to an attribute of a witness."""
    *parents, name = path

    def fault(result):
        witness = result
        for parent in parents:
            witness = getattr(witness, parent)
        setattr(witness, name, getattr(witness, name) + 1)

    return fault


def consumer_drops_out(result):
    dropped = min(result.clients.refused)
    result.clients.refused.remove(dropped)
    result.boundary.enforced.remove(dropped)


def only_those_of_the_smaller_share(result):
    result.clients.refused = set(ideal()[TEN].clients.refused)


def one_value_slips_through(result):
    result.clients.noncanonical[min(result.boundary.enforced)] += 1


def an_alias_is_taken_for_unknown(result):
    result.boundary.values[FindingKind.ALIAS] -= 1
    result.boundary.values[FindingKind.UNKNOWN] += 1


@pytest.mark.parametrize(
    ("phase", "fault", "falls"),
    [
        (OFF, one_more("clients", "misread"), "In off nothing was touched"),
        (OFF, one_more("clients", "rejected"), "In off nothing was touched"),
        (OFF, one_more("clients", "warned"), "In off nothing was touched"),
        (WARN, one_more("clients", "rejected"), "In warn nobody was refused"),
        (WARN, one_more("clients", "misread"), "In warn nobody was refused"),
        (WARN, one_more("handlers", "noncanonical"), "In warn nobody was refused"),
        (TEN, one_more("clients", "misread"), "At 10%"),
        (TEN, one_more("clients", "rejected"), "At 10%"),
        (TEN, one_value_slips_through, "At 10%"),
        (FIFTY, one_value_slips_through, "At 50%"),
        (FIFTY, lambda result: result.clients.refused.clear(), "At 50%"),
        (FIFTY, lambda result: result.clients.refused.clear(), "The share only grew"),
        (TEN, lambda result: result.clients.refused.clear(), "The share only grew"),
        (FULL, consumer_drops_out, "The share only grew"),
        (FIFTY, only_those_of_the_smaller_share, "The share only grew"),
        (FULL, one_more("handlers", "noncanonical"), "At 100%"),
        (FULL, one_more("clients", "misread"), "At 100%"),
        (FULL, one_more("clients", "warned"), "At 100%"),
        (FULL, one_more("clients", "rejected"), "At 100%"),
        *((phase, an_alias_is_taken_for_unknown, "Clients, boundary") for phase in range(5)),
        *((phase, one_more("clients", "failed"), "Clients, boundary") for phase in range(5)),
        *((phase, one_more("boundary", "requests"), "Clients, boundary") for phase in range(5)),
        *((phase, one_more("boundary", "rejected"), "Clients, boundary") for phase in range(5)),
        *((phase, one_more("boundary", "would_reject"), "Clients, boundary") for phase in range(5)),
        *((phase, one_more("handlers", "requests"), "Clients, boundary") for phase in range(5)),
        *((phase, one_more("handlers", "noncanonical"), "Clients, boundary") for phase in range(5)),
    ],
)
def test_one_contradiction_refutes_a_claim(phase, fault, falls):
    results = deepcopy(ideal())
    fault(results[phase])
    (claim,) = [claim for claim in claims(results) if claim.statement.startswith(falls)]
    assert not claim.holds
