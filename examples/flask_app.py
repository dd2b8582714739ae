"""A guarded Flask service: python examples/flask_app.py --port 8000.

Its mode is in the store that STAGENORM_STORE names, without it in a file beside this one, and changes while it serves:
stagenorm mode set enforce --share 10 --reason "a try" --store file://$PWD/examples/flask_app.modes.json
It needs: pip install 'stagenorm[metrics,ops]' flask waitress
With the secrets of docs/ops.md it serves the operator's side too, at /_ops/stagenorm.
"""

import argparse
import os
from pathlib import Path

import waitress
from flask import Flask, Response, request
from prometheus_client import CollectorRegistry

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, JsonField, JsonKeys, QueryField
from stagenorm.observe import LogHook, OffendersHook, PrometheusHook
from stagenorm.ops.wsgi import OpsMiddleware
from stagenorm.stores import ModeResolver
from stagenorm.wsgi import StageNormMiddleware

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

app = Flask(__name__)


@app.post("/api/monte-carlo/simulate")
def simulate() -> dict[str, list[str]]:
    return {"stages": [part["stage"] for part in request.get_json()["stageDistribution"]]}


@app.post("/api/portfolio/strategies")
def strategies() -> dict[str, list[str]]:
    return {"stages": list(request.get_json()["allocations"])}


@app.get("/api/funds/<fund>/companies")
def companies(fund: str) -> dict[str, list[str]]:
    stage = request.args.get("stage")
    return {"stages": [] if stage is None else [stage]}


@app.get("/metrics")
def show_metrics() -> Response:
    return Response(metrics.exposition(), content_type=metrics.content_type)


unguarded = app.wsgi_app  # the same service with the middleware taken away, to compare
app.wsgi_app = OpsMiddleware(StageNormMiddleware(unguarded, boundary), boundary)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    waitress.serve(app, host="127.0.0.1", port=parser.parse_args().port)
