"""A guarded FastAPI service: python examples/fastapi_app.py --port 8000.

Its mode is in the store that STAGENORM_STORE names, without it in a file beside this one, and changes while it serves:
stagenorm mode set enforce --share 10 --reason "a try" --store file://$PWD/examples/fastapi_app.modes.json
It needs: pip install 'stagenorm[metrics,ops]' fastapi uvicorn
With the secrets of docs/ops.md it serves the operator's side too, at /_ops/stagenorm.
"""

import argparse
import os
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import APIRouter, Body, FastAPI, Response
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field

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


class Part(BaseModel):
    stage: str


class Simulation(BaseModel):
    stage_distribution: list[Part] = Field(alias="stageDistribution")


api = APIRouter()


@api.post("/api/monte-carlo/simulate")
async def simulate(simulation: Simulation) -> dict[str, list[str]]:
    return {"stages": [part.stage for part in simulation.stage_distribution]}


@api.post("/api/portfolio/strategies")
async def strategies(allocations: Annotated[dict[str, float], Body(embed=True)]) -> dict[str, list[str]]:
    return {"stages": list(allocations)}


@api.api_route("/api/funds/{fund}/companies", methods=["GET", "HEAD"])
async def companies(fund: str, stage: str | None = None) -> dict[str, list[str]]:
    return {"stages": [] if stage is None else [stage]}


@api.get("/metrics")
async def show_metrics() -> Response:
    return Response(metrics.exposition(), media_type=metrics.content_type)


unguarded = FastAPI()  # the same service with the middleware taken away, to compare
unguarded.include_router(api)
app = OpsMiddleware(StageNormMiddleware(unguarded, boundary), boundary)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port)
