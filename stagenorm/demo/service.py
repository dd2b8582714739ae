"""The demo's service: a Starlette application that hosts the boundary as any other would, with modes in a store."""

from __future__ import annotations

import time

from stagenorm.asgi import StageNormMiddleware
from stagenorm.boundary.boundary import Boundary
from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import JsonField, JsonKeys, QueryField
from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.demo.phases import HandlersSaw, PhaseResult
from stagenorm.errors import MissingExtraError, TransitionRefusedError
from stagenorm.stores import ModeResolver, ModeStore, control
from stagenorm.stores.control import Change

try:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    from stagenorm.ops.app import ops_app
    from stagenorm.ops.credentials import Credentials, WebhookSecret, fresh_secret
    from stagenorm.ops.mounting import PREFIX
except ModuleNotFoundError as error:
    raise MissingExtraError("the demo", "demo") from error


class Service:
    """The three endpoints behind a boundary. Each handler answers with the values as it read them.

    Args:
        store: where its modes are kept.

    Attributes:
        app: the ASGI application, guarded, with the ops app beside it.
        webhook_secret: alerts are signed with it.
        webhook: the path that takes them.
    """

    webhook = f"{PREFIX}/webhooks/alertmanager"

    def __init__(self, store: ModeStore) -> None:
        self._store = store
        self._modes = ModeResolver(store, ModeState(Mode.OFF))
        self._boundary = Boundary(
            INVESTMENT_STAGES,
            endpoints=[
                Endpoint("simulate", "POST", "/api/monte-carlo/simulate", [JsonField("$.stageDistribution[*].stage")]),
                Endpoint("strategies", "POST", "/api/portfolio/strategies", [JsonKeys("$.allocations")]),
                Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage")]),
            ],
            modes=self._modes,
            consumer_header="X-Consumer",
        )
        self._handlers = HandlersSaw()
        self.webhook_secret = WebhookSecret.parse(fresh_secret())
        credentials = Credentials(fresh_secret().encode(), (self.webhook_secret,))
        self.app = Starlette(
            routes=[
                Route("/api/monte-carlo/simulate", self._simulate, methods=["POST"]),
                Route("/api/portfolio/strategies", self._strategies, methods=["POST"]),
                Route("/api/funds/{id}/companies", self._companies, methods=["GET"]),
                Mount(PREFIX, ops_app(self._boundary, credentials=credentials)),
            ],
            middleware=[Middleware(StageNormMiddleware, boundary=self._boundary)],
        )

    @property
    def state(self) -> ModeState:
        """What the switch says now, everywhere."""
        return self._modes.view.state("simulate")

    def watch(self, result: PhaseResult) -> None:
        """Have the witnesses of a phase look on from here."""
        self._boundary.hooks[:] = [result.boundary]
        self._handlers = result.handlers

    def begin(self, result: PhaseResult) -> None:
        """Switch to a phase through the store, and have its witnesses look on from here."""
        self.watch(result)
        change = Change(Actor.OPERATOR, "stagenorm demo", "the next phase of the demo", time.time())
        default = self._modes.default
        control.set_mode(self._store, change, result.phase.mode, result.phase.share, default=default)
        self._modes.refresh()  # the push would do it within milliseconds, and the next request comes sooner

    def try_to_go_on(self) -> str:
        """Enforce again as a controller would; returns why that is refused, or nothing."""
        change = Change(Actor.CONTROLLER, "stagenorm demo", "the next step of the plan", time.time())
        try:
            control.set_mode(self._store, change, Mode.ENFORCE, 50, default=self._modes.default)
        except TransitionRefusedError as error:
            return str(error)
        return ""

    def recover(self) -> None:
        """Take the latch away as an operator would, and enforce everywhere."""
        change = Change(Actor.OPERATOR, "stagenorm demo", "the release is mended", time.time())
        control.unlatch(self._store, change)
        control.set_mode(self._store, change, Mode.ENFORCE, 100, default=self._modes.default)
        self._modes.refresh()

    def leave_running(self) -> None:
        """Send the witnesses home: who uses the service from here on is nobody's business, and may take days."""
        self._boundary.hooks.clear()
        self._handlers = HandlersSaw()

    def close(self) -> None:
        """Let go of the store."""
        self._modes.close()

    async def _simulate(self, request: Request) -> JSONResponse:
        return self._answer([entry["stage"] for entry in (await request.json())["stageDistribution"]])

    async def _strategies(self, request: Request) -> JSONResponse:
        return self._answer(list((await request.json())["allocations"]))

    async def _companies(self, request: Request) -> JSONResponse:
        return self._answer(request.query_params.getlist("stage"))

    def _answer(self, read: list[str]) -> JSONResponse:
        self._handlers.read(read)
        return JSONResponse({"stages": read})
