"""A guarded Django service: python examples/django_app.py --port 8000.

Its mode is in the store that STAGENORM_STORE names, without it in a file beside this one, and changes while it serves:
stagenorm mode set enforce --share 10 --reason "a try" --store file://$PWD/examples/django_app.modes.json
It needs: pip install 'stagenorm[metrics,ops]' django waitress
With the secrets of docs/ops.md it serves the operator's side too, at /_ops/stagenorm.
"""

import argparse
import json
import os
from pathlib import Path

import waitress
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST, require_safe
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


@require_POST
def simulate(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    return JsonResponse({"stages": [part["stage"] for part in body["stageDistribution"]]})


@require_POST
def strategies(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    return JsonResponse({"stages": list(body["allocations"])})


@require_safe
def companies(request: HttpRequest, fund: str) -> JsonResponse:
    stage = request.GET.get("stage")
    return JsonResponse({"stages": [] if stage is None else [stage]})


@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(metrics.exposition(), content_type=metrics.content_type)


urlpatterns = [
    path("api/monte-carlo/simulate", simulate),
    path("api/portfolio/strategies", strategies),
    path("api/funds/<fund>/companies", companies),
    path("metrics", show_metrics),
]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1", "localhost"])
unguarded = get_wsgi_application()  # the same service with the middleware taken away, to compare
app = OpsMiddleware(StageNormMiddleware(unguarded, boundary), boundary)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    waitress.serve(app, host="127.0.0.1", port=parser.parse_args().port)
