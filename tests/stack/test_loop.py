"""The real loop: a bad client appears, and the service pulls itself back with nobody awake."""

import pytest

from stagenorm import Mode
from stagenorm.core.modes import Actor
from stagenorm.stores import open_store

BOUND = 30.0
"""Seconds from the first reject to the last worker in warn, with the settings that are shipped."""
LONG = 180.0
FIRES = 'ALERTS{alertname="StagenormEnforceRejects",alertstate="firing"}'


@pytest.mark.parametrize("through_relay", [False, True], ids=["bearer", "relay"])
def test_a_bad_client_appears_and_every_worker_goes_back_to_warn(start_fleet, until, clock, capsys, through_relay):
    fleet = start_fleet(through_relay=through_relay)
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

    store = open_store(fleet.store, timeout=5)
    (entry, *_) = store.trail(1)
    assert entry.actor is Actor.ALERT
    assert entry.author == ("standard-webhooks" if through_relay else "alertmanager")
    assert entry.reason.startswith("alert StagenormEnforceRejects fires on companies")
    state = store.read().state("companies")
    assert (state.mode, state.latched) == (Mode.WARN, True)
    assert store.read().everywhere.mode is Mode.ENFORCE  # nobody else is touched
    assert took <= BOUND

    until(lambda: not fleet.query(FIRES), within=LONG)  # it resolves, while the bad client goes on
    assert store.read().state("companies") == state
    assert not any(fleet.clients.rejecting)
