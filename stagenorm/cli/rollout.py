"""``stagenorm rollout``: where a rollout stands, its next step, and the controller that takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stagenorm.cli import rollout_screen
from stagenorm.cli.options import Json
from stagenorm.config import load_configuration, load_scenario
from stagenorm.errors import ConfigurationError
from stagenorm.rollout.plan import Plan
from stagenorm.rollout.scenario import SCENARIOS
from stagenorm.rollout.simulation import Simulation

app = typer.Typer(help="Walk a plan from off to enforce: evidence decides.", no_args_is_help=True)

_CONFIGURATION = Path("stagenorm.toml")
_ENDPOINTS = ("simulate", "strategies", "companies")


@app.callback()
def rollout() -> None:
    """Walk a plan from off to enforce: evidence decides."""


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
    if config is None and not _CONFIGURATION.exists():
        plan = Plan(_ENDPOINTS)
    else:
        plan = load_configuration(config or _CONFIGURATION).rollout.plan
    try:
        told = load_scenario(scenario)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--scenario") from error
    happened = list(Simulation(plan, told).run())
    if json:
        rollout_screen.timeline_as_json(told, happened)
    else:
        rollout_screen.show_timeline(told, happened)
