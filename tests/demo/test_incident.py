"""The incident: a bad release trips the rule, the signed webhook pulls the service back, and it stays down."""

from dataclasses import replace

import pytest

from stagenorm import Mode
from stagenorm.core.canary import in_share
from stagenorm.demo.incident import suffer
from stagenorm.demo.phases import PHASES
from stagenorm.demo.proof import incident_claims
from stagenorm.demo.server import serving
from stagenorm.demo.service import Service
from stagenorm.demo.traffic import CONSUMERS, make_calls, mended
from stagenorm.stores import MemoryModeStore

CALLS = mended(make_calls(400, seed=7))
HELD = next(each for each in CONSUMERS if in_share(each, PHASES[2].share, "stagenorm"))
FREE = next(each for each in CONSUMERS if not in_share(each, PHASES[2].share, "stagenorm"))


def go(consumer):
    service = Service(MemoryModeStore())
    with serving(service.app, 0) as url:
        try:
            yield service, suffer(service, url, CALLS, consumer)
        finally:
            service.close()


@pytest.fixture(scope="module")
def held():
    yield from go(HELD)


@pytest.fixture(scope="module")
def free():
    yield from go(FREE)


def test_a_bad_release_in_the_share_pulls_everything_back_for_good(held):
    _, incident = held
    assert [claim.statement for claim in incident_claims(incident) if not claim.holds] == []
    assert (incident.state.mode, incident.state.latched) == (Mode.WARN, True)
    assert "StagenormEnforceRejects" in incident.refusal
    assert incident.during.clients.rejected >= 5


def test_only_an_operator_brings_it_back(held):
    service, _ = held
    service.recover()
    assert (service.state.mode, service.state.share, service.state.latched) == (Mode.ENFORCE, 100, False)


def test_a_release_outside_the_share_refutes_the_claims(free):
    _, incident = free
    assert incident.during.clients.rejected == 0
    assert not incident_claims(incident)[1].holds


@pytest.mark.parametrize(
    ("change", "refuted"), [({"status": 401}, 2), ({"refusal": ""}, 4)], ids=["webhook refused", "not latched"]
)
def test_what_did_not_happen_is_not_claimed(held, change, refuted):
    _, incident = held
    assert not incident_claims(replace(incident, **change))[refuted].holds
