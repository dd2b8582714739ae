"""ops_app: the operator's side as one Starlette application, for any prefix of a host, or alone.

What decides lies in ``webhook.py`` and ``stores/control.py``; here it meets HTTP.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TypeVar

import anyio.to_thread
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stagenorm.boundary import headers as http
from stagenorm.boundary.boundary import Boundary
from stagenorm.core.modes import Actor, Mode, ModeState
from stagenorm.errors import ConfigurationError, StoreError, TokenRefusedError, TransitionRefusedError
from stagenorm.events import Downgraded, Event, WebhookDelivered, WebhookResult
from stagenorm.ops import models, webhook
from stagenorm.ops.bodies import SECONDS, parse, read_body
from stagenorm.ops.credentials import Credentials
from stagenorm.ops.deprecations import deprecations_app
from stagenorm.ops.offenders import Offenders
from stagenorm.ops.openapi import document
from stagenorm.ops.problems import ProblemError, answer_http, answer_problem, not_stored, unauthorized
from stagenorm.ops.signatures import Refused, Sender, bearer_token
from stagenorm.ops.tokens import Tokens
from stagenorm.stores import Entry, ModeResolver, Snapshot, control
from stagenorm.stores.control import Change

_logger = logging.getLogger("stagenorm")
_OFFENDERS = 20
_PROXIED = frozenset({"forwarded", "via", "x-real-ip"})
"""Headers that a proxy adds, as every ``X-Forwarded-`` is: who speaks to it may be anywhere."""
Result = TypeVar("Result")


def ops_app(
    boundary: Boundary,
    *,
    credentials: Credentials | None = None,
    offenders: Offenders | None = None,
    alerts: Iterable[str] = (),
    body_seconds: float = SECONDS,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The application: webhooks, mode, offenders, deprecations, health, and the OpenAPI document of all that.

    Args:
        boundary: whose modes are shown and changed; its hooks hear of webhooks and downgrades.
        credentials: what senders and operators prove themselves with; without them, those of the environment.
        offenders: the most frequent unknown values of this process; without them, the boundary's hook that knows them.
        alerts: names of alerts that pull enforcement back, besides those with the label ``stagenorm="downgrade"``.
        body_seconds: until the last byte of a body must be there.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: the boundary has no mode store, or a credential is missing or too short.
    """
    modes = boundary.modes
    if not isinstance(modes, ModeResolver):
        raise ConfigurationError("the ops app changes modes in a store: give the boundary modes=ModeResolver(...)")
    credentials = credentials or Credentials.from_environment()
    offenders = offenders or next((hook for hook in boundary.hooks if isinstance(hook, Offenders)), None)
    service = _Service(
        boundary=boundary,
        modes=modes,
        credentials=credentials,
        tokens=Tokens(credentials.token_key),
        offenders=offenders,
        alerts=frozenset(alerts),
        endpoints=frozenset(endpoint.name for endpoint in boundary.endpoints),
        body_seconds=body_seconds,
        clock=clock,
    )
    app = Starlette(
        routes=[
            Route("/webhooks/alertmanager", service.deliver, methods=["POST"]),
            Route("/mode", service.mode, methods=["GET", "PUT"]),
            Route("/offenders", service.show_offenders, methods=["GET"]),
            Route("/deprecations", deprecations_app(boundary)),
            Route("/healthz", service.show_health, methods=["GET"]),
            Route("/openapi.json", service.describe, methods=["GET"]),
        ],
        exception_handlers={ProblemError: answer_problem, HTTPException: answer_http},
    )
    app.router.redirect_slashes = False
    return app


@dataclass(frozen=True)
class _Service:
    """The handlers, and what they share."""

    boundary: Boundary
    modes: ModeResolver
    credentials: Credentials
    tokens: Tokens
    offenders: Offenders | None
    alerts: frozenset[str]
    endpoints: frozenset[str]
    body_seconds: float
    clock: Callable[[], float]

    async def deliver(self, request: Request) -> Response:
        """POST /webhooks/alertmanager."""
        sender = Sender.UNKNOWN
        result = WebhookResult.NOT_UNDERSTOOD
        try:
            body = await read_body(request, self.body_seconds)
            headers = http.joined(request.headers.raw)
            found = webhook.judge(self.credentials, headers, body, self.clock(), is_private=_is_private(request))
            sender = found.sender
            if isinstance(found, Refused):
                result = WebhookResult.NOT_AUTHENTIC
                _logger.info("a webhook is not authentic (%s): %s", sender.value, found.detail)
                raise unauthorized(found.detail)
            delivery: models.Delivery | models.GrafanaDelivery
            if sender is Sender.GRAFANA:
                delivery = parse(request, body, models.GrafanaDelivery)
            else:
                delivery = parse(request, body, models.Delivery)
            wanted = webhook.targets(delivery.alerts, self.alerts, self.endpoints)
            result = WebhookResult.IGNORED
            if wanted:
                pulled = await anyio.to_thread.run_sync(webhook.pull_back, self.modes, found, wanted, self.clock())
                result = pulled.result
                for endpoint in pulled.lowered:
                    self._tell(Downgraded(Actor.ALERT, endpoint))
                if pulled.error:
                    raise not_stored(f"this process holds itself at warn; send it again: {pulled.error}")
        finally:
            self._tell(WebhookDelivered(sender.value, result))
        return _answer(
            models.Answer(
                result=result, sender=sender.value, verified=found.verified, endpoints=sorted(wanted, key=str)
            )
        )

    async def mode(self, request: Request) -> Response:
        """GET and PUT /mode."""
        author = self._operator(request)
        if request.method == "PUT":
            return await self._change_mode(request, author)
        return _answer(self._as_modes(await self._ask(self.modes.store.read)))

    async def _change_mode(self, request: Request, author: str) -> Response:
        wanted = parse(request, await read_body(request, self.body_seconds), models.ModeChange)
        if wanted.endpoint and self.endpoints and wanted.endpoint not in self.endpoints:
            raise ProblemError(
                HTTPStatus.BAD_REQUEST,
                "no-such-endpoint",
                f"the endpoints are {', '.join(sorted(self.endpoints))}; leave it out to mean everywhere",
            )
        change = Change(Actor.OPERATOR, author, wanted.reason, self.clock())

        def set_mode() -> Entry | None:
            return control.set_mode(
                self.modes.store,
                change,
                wanted.mode,
                wanted.share or 0,
                endpoint=wanted.endpoint,
                default=self.modes.default,
            )

        try:
            entry = await self._ask(set_mode)
        except TransitionRefusedError as error:
            raise ProblemError(HTTPStatus.CONFLICT, "refused", f"{error}: stagenorm mode unlatch") from error
        await anyio.to_thread.run_sync(self.modes.refresh)
        if entry is None:
            return _answer(self._as_modes(await self._ask(self.modes.store.read)))
        if wanted.mode is not Mode.ENFORCE and self._state(entry.before, wanted.endpoint).mode is Mode.ENFORCE:
            self._tell(Downgraded(Actor.OPERATOR, wanted.endpoint))
        return _answer(self._as_modes(entry.after))

    async def show_offenders(self, request: Request) -> Response:
        """GET /offenders."""
        self._operator(request)
        found = self.offenders.top(_OFFENDERS) if self.offenders else ()
        return _answer(
            models.OffenceList(
                offenders=[
                    models.Offence(
                        endpoint=each.endpoint, value=each.value, count=each.count, consumers=list(each.consumers)
                    )
                    for each in found
                ]
            )
        )

    async def show_health(self, _: Request) -> Response:
        """GET /healthz."""
        known = self.modes.status()
        status = HTTPStatus.SERVICE_UNAVAILABLE if known.error else HTTPStatus.OK
        health = models.Health(
            status="degraded" if known.error else "ok",
            source=known.source,
            stale_seconds=known.stale_seconds,
            held=known.held,
            revision=known.revision,
        )
        return _answer(health, status)

    async def describe(self, request: Request) -> Response:
        """GET /openapi.json."""
        return JSONResponse(document(request.scope.get("root_path", ""), sorted(self.endpoints)))

    def _operator(self, request: Request) -> str:
        """The name of the operator whose token it is."""
        try:
            return self.tokens.actor(bearer_token(http.joined(request.headers.raw)), self.clock())
        except TokenRefusedError as error:
            raise unauthorized(str(error)) from error

    @staticmethod
    async def _ask(ask: Callable[[], Result]) -> Result:
        """Have the store asked in a thread."""
        try:
            return await anyio.to_thread.run_sync(ask)
        except StoreError as error:
            raise not_stored(str(error)) from error

    def _state(self, snapshot: Snapshot, endpoint: str | None) -> ModeState:
        return snapshot.state(endpoint) or snapshot.everywhere or self.modes.default

    def _as_modes(self, snapshot: Snapshot) -> models.Modes:
        known = self.modes.status()
        return models.Modes(
            everywhere=_as_state(self._state(snapshot, None)),
            endpoints={name: _as_state(state) for name, state in snapshot.endpoints.items()},
            ceiling=self.modes.view.ceiling,
            source=known.source,
            stale_seconds=known.stale_seconds,
            held=known.held,
        )

    def _tell(self, event: Event) -> None:
        for hook in self.boundary.hooks:
            try:
                hook(event)
            except Exception:  # a hook is someone else's code, and must not fail a request
                _logger.exception("hook %r failed", hook)


def _answer(model: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = model.model_dump_json(by_alias=True)
    return Response(body, status, {"cache-control": "no-store"}, media_type="application/json")


def _as_state(state: ModeState) -> models.State:
    return models.State(
        mode=state.mode,
        share=state.share,
        revision=state.revision,
        changed_at=_moment(state.changed_at),
        changed_by=state.changed_by,
        reason=state.reason,
        latched=state.latched,
    )


def _moment(at: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(at, timezone.utc) if at else None
    except (ValueError, OverflowError, OSError):  # written by hand: no calendar has it
        return None


def _is_private(request: Request) -> bool:
    """Whether nobody on the way could read along: TLS, or loopback without a proxy in front of it."""
    if request.scope["scheme"] == "https":
        return True
    if request.client is None or any(name in _PROXIED or name.startswith("x-forwarded-") for name in request.headers):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
