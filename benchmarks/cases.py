"""The cases that are measured: each a pair of things to run side by side. Shared by ratios.py and the history tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pydantic
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest
from prometheus_client import CollectorRegistry

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    Endpoint,
    FixedModes,
    JsonField,
    JsonKeys,
    Match,
    Mode,
    ModeState,
    ModeView,
    Normalizer,
    QueryField,
)
from stagenorm.asgi import StageNormMiddleware
from stagenorm.demo.written_forms import written_forms
from stagenorm.observe import LogHook, OffendersHook, PrometheusHook

Run = Callable[[], object]

HEADERS = [
    (b"host", b"api.example.com"),
    (b"user-agent", b"python-httpx/0.28.1"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
    (b"authorization", b"Bearer 0123456789abcdef"),
    (b"content-type", b"application/json"),
]
PATH = "/api/monte-carlo/simulate"


def body_of(stages: list[str], *, size: int = 0) -> bytes:
    """A simulation request with these stages, padded to a size in bytes."""
    document = {
        "fundSize": 100_000_000,
        "runs": 5000,
        "timeHorizonYears": 10,
        "stageDistribution": [
            {"stage": stage, "weight": 0.25, "averageCheckSize": 1_500_000, "graduationRate": 0.35} for stage in stages
        ],
        "reserves": {"ratio": 0.4, "followOn": True, "strategy": "pro-rata"},
        "note": "",
    }
    document["note"] = "q" * max(0, size - len(json.dumps(document)))
    return json.dumps(document).encode()


CANONICAL = body_of(["seed", "series-a", "series-b"], size=554)
ALIASES = body_of(["Seed", "Series A", "series_b"], size=554)
LARGE = body_of(["seed", "series-a", "series-b", "series-c+"] * 25_000)


def boundary(max_body_bytes: int = 1 << 20) -> Boundary:
    """The three endpoints of the examples, in enforce."""
    endpoints = [
        Endpoint("simulate", "POST", PATH, [JsonField("$.stageDistribution[*].stage")]),
        Endpoint("strategies", "POST", "/api/portfolio/strategies", [JsonKeys("$.allocations")]),
        Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage")]),
    ]
    modes = FixedModes(ModeView(ModeState(Mode.ENFORCE)))
    return Boundary(INVESTMENT_STAGES, endpoints, modes, max_body_bytes=max_body_bytes)


def observed(boundary: Boundary) -> Boundary:
    """The same boundary with every hook that there is."""
    PrometheusHook(boundary, CollectorRegistry()).attach()
    boundary.hooks += [LogHook(), OffendersHook()]
    return boundary


async def host(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads its request and does nothing else."""
    del scope, send
    while (await receive()).get("more_body"):
        pass


async def send(message: Any) -> None:
    """A server that takes every message."""
    del message


def request(app: Any, path: str, body: bytes) -> Run:
    """One request to an ASGI application, run to its end without an event loop: nothing in it ever waits."""
    headers = [*HEADERS, (b"content-length", b"%d" % len(body))]

    def run() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 40000),
        }
        try:
            app(scope, receive, send).send(None)
        except StopIteration:
            return
        raise AssertionError("the application waited")

    return run


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: what is measured.
        bound: the largest ratio that is good.
        measured: what is run; its time less ``without`` is put against ``against``.
        against: the yardstick.
        without: the same without what is measured, or None.
        loops: runs in one round.
    """

    name: str
    bound: float
    measured: Run
    against: Run
    without: Run | None = None
    loops: int = 2000


def _normalizing() -> list[Case]:
    normalizer = Normalizer(INVESTMENT_STAGES)
    forms = [form.raw for form in written_forms() if isinstance(normalizer(form.raw), Match)]  # as people wrote them
    raws = forms * 40
    table = {raw: normalizer(raw) for raw in forms}
    get = table.get
    literal = pydantic.TypeAdapter(Literal[tuple(forms)]).validate_python

    def loop(call: Callable[[str], object]) -> Run:
        def run() -> None:
            for raw in raws:
                call(raw)

        return run

    return [
        Case("Normalizer hit / dict.get", 4.0, loop(normalizer), loop(get), loops=20),
        Case("Normalizer hit / pydantic Literal", 0.5, loop(normalizer), loop(literal), loops=20),
    ]


def _requests() -> list[Case]:
    guarded = StageNormMiddleware(host, boundary())
    large = StageNormMiddleware(host, boundary(max_body_bytes=1 << 24))
    told = StageNormMiddleware(host, observed(boundary()))

    def case(name: str, bound: float, app: Any, body: bytes, *, path: str = PATH, loops: int = 2000) -> Case:
        measured, without = request(app, path, body), request(host, path, body)
        return Case(f"{name} / json.loads", bound, measured, lambda: json.loads(body), without, loops)

    return [
        case("middleware, three canonical values", 0.8, guarded, CANONICAL),
        case("middleware with metrics, logs and offenders, three canonical values", 1.2, told, CANONICAL),
        case("middleware, three aliases rewritten", 3.0, guarded, ALIASES),
        case("middleware, unguarded path", 0.06, guarded, CANONICAL, path="/api/health"),
        case("middleware, 9 MB with 100,000 canonical values", 0.3, large, LARGE, loops=1),
    ]


def _openapi() -> Case:
    stage = {"type": "string", "enum": list(INVESTMENT_STAGES)}
    item = {"type": "object", "required": ["stage"], "properties": {"stage": stage}}
    schema = {"type": "object", "properties": {"stageDistribution": {"type": "array", "items": item}}}
    operation = {
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "done"}},
    }
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {PATH: {"post": operation}}}
    openapi = OpenAPI.from_dict(document)
    mock = MockRequest("http://localhost", "post", PATH, data=CANONICAL, content_type="application/json")
    guarded = StageNormMiddleware(host, boundary())
    return Case(
        "middleware / openapi-core validate_request",
        0.02,
        request(guarded, PATH, CANONICAL),
        lambda: openapi.validate_request(mock),
        request(host, PATH, CANONICAL),
        loops=100,
    )


def cases() -> list[Case]:
    """Every row of the table."""
    return [*_normalizing(), *_requests(), _openapi()]
