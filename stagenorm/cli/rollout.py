"""``stagenorm rollout``: where a rollout stands, its next step, and the controller that takes it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, NamedTuple

import typer

from stagenorm.cli import output, rollout_screen, trail
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.options import (
    CONFIGURATION,
    By,
    ConfigurationFile,
    EndpointName,
    Json,
    Reason,
    Store,
    chosen_store,
    not_blank,
    operators_change,
    store_name,
    store_url,
)
from stagenorm.cli.times import duration
from stagenorm.config import Configuration, load_configuration, load_scenario
from stagenorm.core.conclusion import Conclusion
from stagenorm.errors import ConfigurationError, ServiceError, StoreError, TransitionRefusedError
from stagenorm.rollout.controller import Track, Wait, tracks
from stagenorm.rollout.driver import Driver, Operation
from stagenorm.rollout.plan import Plan
from stagenorm.rollout.scenario import SCENARIOS
from stagenorm.rollout.simulation import Simulation
from stagenorm.stores import ModeStore
from stagenorm.stores.control import Change
from stagenorm.stores.environment import default_state

app = typer.Typer(help="Walk a plan from off to enforce: evidence decides.", no_args_is_help=True)

_ENDPOINTS = ("simulate", "strategies", "companies")
_LEASE_ROUNDS = 4  # rounds that a controller may miss before another one takes over


class _Rollout(NamedTuple):
    """Everything that the commands work with."""

    configuration: Configuration
    url: str
    store: ModeStore
    driver: Driver

    def tracks(self, endpoint: str | None) -> list[Track]:
        """All of them, or one endpoint's."""
        plan = self.driver.plan
        found = [track for track in tracks(plan) if endpoint in (None, track.name)]
        if not found:
            said = "go together" if not plan.per_endpoint else f"are {', '.join(plan.endpoints)}"
            raise typer.BadParameter(
                f"{endpoint!a} has no rollout of its own: the endpoints {said}", param_hint="--endpoint"
            )
        return found


@contextmanager
def _opened(config: Path, url: str) -> Iterator[_Rollout]:
    from stagenorm.rollout.live import Live  # noqa: PLC0415 - an extra

    configuration = load_configuration(config)
    url = store_url(url, config)
    store = chosen_store(url)
    every = [endpoint.name for endpoint in configuration.watched.endpoints]
    with closing(Live(configuration.rollout, every, os.environ)) as source:
        driver = Driver(configuration.rollout.plan, store, source, default_state(os.environ), time.time)
        yield _Rollout(configuration, url, store, driver)


@app.callback()
def rollout() -> None:
    """Walk a plan from off to enforce: evidence decides."""


@app.command()
def status(*, config: ConfigurationFile = CONFIGURATION, store: Store = "", json: Json = False) -> None:
    """Where it stands, why it is not further, when the next step can be, and what to do.

    Exits with 0 where the next step can be taken or none is left, 1 where a gate fails or an alert pulled it back,
    and 3 where a gate holds.
    """
    with _opened(config, store) as opened:
        told = [opened.driver.look(track) for track in opened.tracks(None)]
        snapshot, leader = opened.store.read(), opened.store.leader()
        if json:
            rollout_screen.status_as_json(told, snapshot, leader, time.time())
        else:
            output.show(store_name(opened.url))
            rollout_screen.show_status(told, snapshot, leader, time.time())
    _exit_as(rollout_screen.verdict_of(told))


@app.command()
def advance(
    *,
    override: Annotated[
        str | None,
        typer.Option(
            "--override",
            metavar="REASON",
            help="Take it although gates do not pass; kept in the trail.",
            callback=not_blank,
        ),
    ] = None,
    by: By,
    endpoint: EndpointName = None,
    config: ConfigurationFile = CONFIGURATION,
    store: Store = "",
    json: Json = False,
) -> None:
    """Take one step by hand if its gates pass. What an alert pulled back is unlatched first."""
    with _opened(config, store) as opened:
        told = [opened.driver.advance(track, by, override or "") for track in opened.tracks(endpoint)]
        if json:
            rollout_screen.status_as_json(told, opened.store.read(), opened.store.leader(), time.time())
        else:
            rollout_screen.show_told(told, time.time())
        if override and any(isinstance(each.outcome, Wait) for each in told):
            output.show("--override goes past gates alone: see to what holds it first", stderr=True)
    _exit_as(rollout_screen.verdict_of(told))


def _exit_as(verdict: Conclusion) -> None:
    if verdict is not Conclusion.PASS:
        raise typer.Exit(ExitCode.of(verdict))


@app.command()
def run(
    *,
    every: Annotated[str, typer.Option("--every", metavar="DURATION", help="How often it looks: 30s, 1m.")] = "60s",
    config: ConfigurationFile = CONFIGURATION,
    store: Store = "",
) -> None:
    """Take every step that its gates allow, for ever. Run two if you like: one leads, and the other takes over."""
    holder, seconds = f"{socket.gethostname()}:{os.getpid()}", duration(every)
    stop = Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    said = ""
    with _opened(config, store) as opened:
        try:
            while not stop.is_set():
                now = _round(opened, holder, seconds)
                if now != said:
                    rollout_screen.show_line(now, time.time())
                    said = now
                stop.wait(seconds)
        finally:
            _give_back(opened.store, holder)


def _round(opened: _Rollout, holder: str, every: float) -> str:
    """One round, in words. Whatever fails is told, and tried again in the next one."""
    try:
        if not opened.store.lease(holder, _LEASE_ROUNDS * every):
            return f"{opened.store.leader() or 'another controller'} leads; waiting"
        told = opened.driver.tick()
        if opened.configuration.rollout.alertmanager:
            from stagenorm.rollout.paging import page  # noqa: PLC0415 - an extra

            page(opened.configuration.rollout.alertmanager, told, time.time(), _LEASE_ROUNDS * every)
    except (StoreError, ServiceError) as error:
        return str(error)
    return rollout_screen.in_lines(told)


def _give_back(store: ModeStore, holder: str) -> None:
    try:
        store.lease(holder, 0)
    except StoreError as error:  # it ends by itself
        output.show(str(error), stderr=True)


@app.command()
def hold(
    reason: Reason,
    by: By,
    endpoint: EndpointName = None,
    config: ConfigurationFile = CONFIGURATION,
    store: Store = "",
    *,
    json: Json = False,
) -> None:
    """Take no further step until resume. The modes stay; alerts still pull back."""
    with _opened(config, store) as opened:
        _operate("hold", opened, endpoint, operators_change(by, reason), json=json)


@app.command()
def resume(
    reason: Reason,
    by: By,
    endpoint: EndpointName = None,
    config: ConfigurationFile = CONFIGURATION,
    store: Store = "",
    *,
    json: Json = False,
) -> None:
    """Go on: where it was held, as it was; in the step that the mode stands for now, anew, where that is another."""
    with _opened(config, store) as opened:
        _operate("resume", opened, endpoint, operators_change(by, reason), json=json)


@app.command()
def abort(
    reason: Reason,
    by: By,
    endpoint: EndpointName = None,
    config: ConfigurationFile = CONFIGURATION,
    store: Store = "",
    *,
    json: Json = False,
) -> None:
    """Go back to warn where anything enforces, and take no further step until resume."""
    with _opened(config, store) as opened:
        _operate("abort", opened, endpoint, operators_change(by, reason), json=json)


def _operate(what: Operation, opened: _Rollout, endpoint: str | None, change: Change, *, json: bool) -> None:
    entries, refused = [], []
    for track in opened.tracks(endpoint):
        try:
            entries.append(opened.driver.operate(track, what, change))
        except TransitionRefusedError as error:
            refused.append(str(error))
    if json:
        output.show_json([trail.as_json(entry) for entry in entries if entry])
    for entry in () if json else entries:
        if entry is None:
            output.show("nothing to change")
        else:
            trail.show_change(entry)
            output.show(f"stored as revision {entry.revision}")
    if refused:
        raise TransitionRefusedError("; ".join(refused))


@app.command()
def simulate(
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help=f"One of {', '.join(SCENARIOS)}, or a file.")
    ] = SCENARIOS[0],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Whose plan; stagenorm.toml if it is here, else the four weeks of three endpoints.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Walk the plan against a scenario with a clock that jumps, and print what happens. Nothing real is touched."""
    if config is None and not CONFIGURATION.exists():
        plan = Plan(_ENDPOINTS)
    else:
        plan = load_configuration(config or CONFIGURATION).rollout.plan
    try:
        told = load_scenario(scenario)
        simulation = Simulation(plan, told)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--scenario") from error
    happened = list(simulation.run())
    if json:
        rollout_screen.timeline_as_json(told, happened)
    else:
        rollout_screen.show_timeline(told, happened)
