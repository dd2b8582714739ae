"""``stagenorm demo``: a guarded service under real traffic, from off to full enforcement."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Annotated

import typer

from stagenorm.cli import demo_screen, output
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.options import Json
from stagenorm.demo.phases import PhaseResult
from stagenorm.demo.traffic import make_calls, mended

_CALLS = 1000
_SEED = 7


def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave the service running, with requests and its switch to try.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the service on 127.0.0.1; 0 takes a free one.")] = 0,
    json: Json = False,
) -> None:
    """Walk a service from off to enforce, and back by an alert.

    A real server on loopback gets real written forms over HTTP in every phase; it takes less than a minute. Its modes
    are in a store of their own: under a fresh prefix where STAGENORM_STORE names a Redis, else in a temporary file.
    """
    # These need an extra of their own, which no other command does.
    from stagenorm.demo.incident import canary_consumer, suffer  # noqa: PLC0415
    from stagenorm.demo.proof import claims, incident_claims  # noqa: PLC0415
    from stagenorm.demo.server import serving  # noqa: PLC0415
    from stagenorm.demo.service import Service  # noqa: PLC0415
    from stagenorm.demo.store import own_store  # noqa: PLC0415
    from stagenorm.demo.walk import walk  # noqa: PLC0415

    calls = make_calls(_CALLS, _SEED)
    results: list[PhaseResult] = []
    with own_store() as own, closing(Service(own.store)) as service, serving(service.app, port) as url:
        with demo_screen.watching(results, len(calls)) as told:
            for result in walk(service, url, calls, results):
                told(result)
        incident = suffer(service, url, mended(calls), canary_consumer())
        proved, pulled_back = claims(results), incident_claims(incident)
        ok = all(claim.holds for claim in proved + pulled_back)
        if json:
            output.show_json(demo_screen.as_json(results, proved, incident, pulled_back, ok=ok))
        else:
            demo_screen.show_proof(results, proved)
            demo_screen.show_incident(pulled_back)
        if not ok:
            raise typer.Exit(ExitCode.FAILED)
        if serve:
            service.recover()
            service.leave_running()
            demo_screen.show_requests_to_try(url, stderr=json)
            demo_screen.show_the_switch(own.option, stderr=json)
            output.show("", stderr=json)
            output.show(f"Serving {url} in enforce 100%. Ctrl-C stops it.", stderr=json)
            threading.Event().wait()
