"""The walk over real HTTP, and the claims: true of a service that is guarded, refuted for one that is not."""

import pytest

from stagenorm import ConfigurationError, Mode
from stagenorm.asgi import StageNormMiddleware
from stagenorm.demo.phases import PHASES
from stagenorm.demo.proof import claims
from stagenorm.demo.server import serving
from stagenorm.demo.service import Service
from stagenorm.demo.traffic import make_calls
from stagenorm.demo.walk import walk
from stagenorm.events import FindingKind
from stagenorm.stores import MemoryModeStore

CALLS = make_calls(150, seed=7)


def go(service):
    results = []
    with serving(service.app, 0) as url:
        for result in walk(service, url, CALLS, results):
            assert result is results[-1]
    return results


@pytest.fixture(scope="module")
def results():
    return go(Service(MemoryModeStore()))


def test_it_walks_from_off_to_full_enforcement(results):
    assert [result.phase for result in results] == list(PHASES)
    assert [(phase.mode, phase.share) for phase in PHASES] == [
        (Mode.OFF, 0),
        (Mode.WARN, 0),
        (Mode.ENFORCE, 10),
        (Mode.ENFORCE, 50),
        (Mode.ENFORCE, 100),
    ]


def test_every_claim_holds(results):
    assert [claim.statement for claim in claims(results) if not claim.holds] == []


def test_the_claims_say_what_was_counted(results):
    off, warn, ten, fifty, full = results
    said = " ".join(claim.statement for claim in claims(results))
    assert f"read all {off.clients.values.total():,} values as they were written" in said
    assert f"{warn.clients.values[FindingKind.ALIAS]:,} aliases reached the handlers" in said
    assert f"{len(ten.clients.refused)} at 10%, then {len(fifty.clients.refused)} at 50%" in said
    assert f"{full.handlers.requests:,} requests reached them, {full.clients.rejected:,} were answered" in said
    assert f"{5 * len(CALLS):,} requests" in said


def test_only_the_last_phase_keeps_every_value_out(results):
    assert [result.handlers.noncanonical == 0 for result in results] == [False, False, False, False, True]


def test_a_service_without_its_boundary_is_found_out(monkeypatch):
    monkeypatch.setattr("stagenorm.demo.service.StageNormMiddleware", lambda app, **_: app)
    refuted = [claim.statement for claim in claims(go(Service(MemoryModeStore()))) if not claim.holds]
    assert any(statement.startswith("In warn nobody was refused") for statement in refuted)
    assert any(statement.startswith("At 100% the handlers read") for statement in refuted)
    assert any(statement.startswith("Clients, boundary and handlers saw the same") for statement in refuted)


def test_a_boundary_that_forgets_a_body_is_found_out(monkeypatch):
    class Forgetful(StageNormMiddleware):
        async def __call__(self, scope, receive, send):
            if scope["type"] == "http" and scope["method"] == "POST" and len(scope["path"]) % 2:
                await self.app(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    monkeypatch.setattr("stagenorm.demo.service.StageNormMiddleware", Forgetful)
    refuted = [claim.statement for claim in claims(go(Service(MemoryModeStore()))) if not claim.holds]
    assert any(statement.startswith("At 100% the handlers read") for statement in refuted)


def test_a_port_that_is_taken_is_named():
    with serving(Service(MemoryModeStore()).app, 0) as url:
        port = int(url.rpartition(":")[2])
        again = serving(Service(MemoryModeStore()).app, port)
        with pytest.raises(ConfigurationError, match=f"port {port} cannot be had .*give another, or 0 for any"), again:
            pass
