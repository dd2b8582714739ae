"""A guarded Flask service: python examples/flask_app.py --port 8000."""

import argparse

import waitress
from flask import Flask, request

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, JsonField, JsonKeys, QueryField
from stagenorm.stores import ModeResolver
from stagenorm.wsgi import StageNormMiddleware

boundary = Boundary(
    INVESTMENT_STAGES,
    endpoints=[
        Endpoint("simulate", "POST", "/api/monte-carlo/simulate", [JsonField("$.stageDistribution[*].stage")]),
        Endpoint("strategies", "POST", "/api/portfolio/strategies", [JsonKeys("$.allocations")]),
        Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage")]),
    ],
    modes=ModeResolver.from_environment(),
)

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


unguarded = app.wsgi_app  # the same service with the middleware taken away, to compare
app.wsgi_app = StageNormMiddleware(unguarded, boundary)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    waitress.serve(app, host="127.0.0.1", port=parser.parse_args().port)
