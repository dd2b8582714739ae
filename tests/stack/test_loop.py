"""The real loop: a bad client appears, and the service pulls itself back with nobody awake."""

import pytest

from stagenorm import Mode
from stagenorm.core.modes import Actor
from stagenorm.stores import open_store

BOUND = 30.0
"""Seconds from the first reject to the last worker in warn, with the settings that are shipped."""
LONG = 180.0
FIRES = 'ALERTS{alertname="StagenormEnforceRejects",alertstate="firing"}'


@pytest.fixture
def pull_back(start_fleet, until, clock, capsys):
    """Starts a fleet that enforces, and a bad client beside the good ones, until no worker rejects any more."""

    def pull_back(**options):
        fleet = start_fleet(**options)
        until(lambda: len(fleet.query("stagenorm_rejects_total")) == 6, within=LONG)
        fleet.command("mode", "set", "enforce", "--share", 100, "--reason", "test", "--store", fleet.store)
        # Some scrapes of good traffic in enforce come first: what counts is how long it takes from a healthy service.
        until(lambda: fleet.query("min_over_time(stagenorm_mode[10s]) == 2"), within=LONG)

        began = clock()
        fleet.clients.bad.set()
        until(lambda: all(fleet.clients.rejecting))
        until(lambda: not any(fleet.clients.rejecting), within=LONG)
        took = clock() - began
        with capsys.disabled():
            print(f"\nfrom the first reject to the last worker in warn: {took:.1f} s")  # noqa: T201
        return fleet, open_store(fleet.store, timeout=5), took

    return pull_back


def pulled_back_by(store, sender):
    """The state of the endpoint, once it is seen that this sender pulled back it and nothing else."""
    (entry, *_) = store.trail(1)
    assert (entry.actor, entry.author) == (Actor.ALERT, sender)
    assert entry.reason.startswith("alert StagenormEnforceRejects fires on companies")
    state = store.read().state("companies")
    assert (state.mode, state.latched) == (Mode.WARN, True)
    assert store.read().everywhere.mode is Mode.ENFORCE  # nobody else is touched
    return state


def test_a_bad_client_appears_and_every_worker_goes_back_to_warn(pull_back, until):
    fleet, store, took = pull_back()
    state = pulled_back_by(store, "alertmanager")
    assert took <= BOUND

    until(lambda: not fleet.query(FIRES), within=LONG)  # it resolves, while the bad client goes on
    assert store.read().state("companies") == state
    assert not any(fleet.clients.rejecting)


def test_it_does_so_as_fast_through_the_relay(pull_back):
    _, store, took = pull_back(through_relay=True)
    pulled_back_by(store, "standard-webhooks")
    assert took <= BOUND
