"""A guarded Starlette service: python examples/starlette_app.py --port 8000.

Its mode is in the store that STAGENORM_STORE names, without it in a file beside this one, and changes while it serves:
stagenorm mode set enforce --share 10 --reason "a try" --store file://$PWD/examples/starlette_app.modes.json
It needs: pip install 'stagenorm[metrics,ops]' starlette uvicorn
With the secrets of docs/ops.md it serves the operator's side too, at /_ops/stagenorm.
"""

import argparse
import os
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, JsonField, JsonKeys, QueryField
from stagenorm.asgi import StageNormMiddleware
from stagenorm.observe import LogHook, OffendersHook, PrometheusHook
from stagenorm.ops.asgi import OpsMiddleware
from stagenorm.stores import ModeResolver

STORE = Path(__file__).resolve().with_suffix(".modes.json").as_uri()
boundary = Boundary(
    INVESTMENT_STAGES,
    endpoints=[
        Endpoint("simulate", "POST", "/api/monte-carlo/simulate", [JsonField("$.stageDistribution[*].stage")]),
        Endpoint("strategies", "POST", "/api/portfolio/strategies", [JsonKeys("$.allocations")]),
        Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage")]),
    ],
    modes=ModeResolver.from_environment({"STAGENORM_STORE": STORE, **os.environ}),
    hooks=[LogHook(), OffendersHook()],
)
metrics = PrometheusHook(boundary, CollectorRegistry()).attach()


async def simulate(request: Request) -> JSONResponse:
    body = await request.json()
    return JSONResponse({"stages": [part["stage"] for part in body["stageDistribution"]]})


async def strategies(request: Request) -> JSONResponse:
    body = await request.json()
    return JSONResponse({"stages": list(body["allocations"])})


async def companies(request: Request) -> JSONResponse:
    stage = request.query_params.get("stage")
    return JSONResponse({"stages": [] if stage is None else [stage]})


async def show_metrics(request: Request) -> Response:
    return Response(metrics.exposition(), media_type=metrics.content_type)


routes = [
    Route("/api/monte-carlo/simulate", simulate, methods=["POST"]),
    Route("/api/portfolio/strategies", strategies, methods=["POST"]),
    Route("/api/funds/{fund}/companies", companies),
    Route("/metrics", show_metrics),
]
unguarded = Starlette(routes=routes)  # the same service with the middleware taken away, to compare
app = OpsMiddleware(StageNormMiddleware(unguarded, boundary), boundary)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port)
