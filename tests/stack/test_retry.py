"""A downgrade that the store did not take: Alertmanager itself comes again, and nothing is lost."""

import signal

import httpx

from stagenorm import Mode
from stagenorm.core.modes import Actor
from stagenorm.stores import open_store
from tests.stack.conftest import BAD

ALERT = {"alertname": "StagenormEnforceRejects", "endpoint": "companies", "stagenorm": "downgrade"}
NOT_STORED = 'stagenorm_webhook_deliveries_total{result="not-stored",sender="alertmanager"}'


def test_an_alert_that_could_not_be_stored_comes_again_until_it_is(start_fleet, start_server, until):
    server = start_server()
    fleet = start_fleet(server.url)
    fleet.command("mode", "set", "enforce", "--share", 100, "--reason", "test", "--store", fleet.store)
    until(lambda: [fleet.get(worker, BAD) for worker in range(2)] == [400, 400])

    server.signal(signal.SIGSTOP)
    try:
        httpx.post(f"{fleet.alertmanager}/api/v2/alerts", json=[{"labels": ALERT}]).raise_for_status()
        until(lambda: fleet.get(0, BAD) == 200, within=60)  # it was told, and falls back on its own
        assert fleet.get(1, BAD) == 400  # it was not, and holds what it last confirmed
        until(
            lambda: fleet.counted(0, NOT_STORED) >= 3, within=8
        )  # 503 makes it come again before the next group is due
    finally:
        server.signal(signal.SIGCONT)
    until(lambda: fleet.get(1, BAD) == 200, within=60)
    store = open_store(fleet.store, timeout=5)
    state = store.read().state("companies")
    assert (state.mode, state.latched) == (Mode.WARN, True)
    assert [entry.actor for entry in store.trail(5)] == [Actor.ALERT, Actor.OPERATOR]
