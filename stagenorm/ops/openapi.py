"""The OpenAPI document of the ops app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stagenorm.ops import models

_GIVEN = (
    models.Answer,
    models.Modes,
    models.OffenceList,
    models.Deprecations,
    models.Health,
    models.Problem,
)
_TAKEN = (models.Delivery, models.ModeChange)
_OPERATOR: list[dict[str, list[str]]] = [{"operator": []}]


def document(prefix: str, endpoints: Sequence[str]) -> dict[str, Any]:
    """The document.

    Args:
        prefix: under which the app is mounted.
        endpoints: names that a mode can be changed for; empty where they are not known.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "stagenorm ops", "version": "1"},
        "servers": [{"url": prefix or "/"}],
        "paths": {
            "/webhooks/alertmanager": {
                "post": _operation(
                    "deliver",
                    "An alert's webhook: a firing alert that is configured to act pulls enforcement back.",
                    models.Answer,
                    (400, 401, 408, 413, 415, 503),
                    takes=models.Delivery,
                    security=[{"alertmanager": []}, {"standardWebhooks": []}, {"grafana": []}],
                )
            },
            "/mode": {
                "get": _operation("showModes", "Every mode.", models.Modes, (401, 503), security=_OPERATOR),
                "put": _operation(
                    "changeMode",
                    "Change the mode everywhere, or of one endpoint.",
                    models.Modes,
                    (400, 401, 408, 409, 413, 415, 503),
                    takes=models.ModeChange,
                    security=_OPERATOR,
                ),
            },
            "/offenders": {
                "get": _operation(
                    "showOffenders",
                    "The most frequent unknown values that this process saw.",
                    models.OffenceList,
                    (401,),
                    security=_OPERATOR,
                )
            },
            "/deprecations": {"get": _operation("showDeprecations", "What is deprecated.", models.Deprecations)},
            "/healthz": {
                "get": _with_degraded(_operation("showHealth", "Whether this process reads its store.", models.Health))
            },
        },
        "components": {"schemas": _schemas(endpoints), "securitySchemes": _SCHEMES},
    }


_SCHEMES: Mapping[str, Any] = {
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "description": "From stagenorm token issue --actor NAME; it names the operator, and expires.",
    },
    "alertmanager": {
        "type": "http",
        "scheme": "bearer",
        "description": "STAGENORM_ALERTMANAGER_TOKEN; over TLS or from loopback.",
    },
    "standardWebhooks": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks, with webhook-id and webhook-timestamp.",
    },
    "grafana": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Grafana-Alerting-Signature",
        "description": "Grafana's HMAC, with X-Grafana-Alerting-Timestamp.",
    },
}


def _operation(
    name: str,
    summary: str,
    gives: type[BaseModel],
    problems: Iterable[int] = (),
    *,
    takes: type[BaseModel] | None = None,
    security: Sequence[Mapping[str, Sequence[str]]] = (),
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "security": list(security),
        "responses": {
            "200": _response("Done.", "application/json", gives),
            **{str(status): _problem(status) for status in problems},
        },
    }
    if takes:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(takes)}}}
    return operation


def _with_degraded(operation: dict[str, Any]) -> dict[str, Any]:
    operation["responses"]["503"] = _response("The store cannot be read.", "application/json", models.Health)
    return operation


def _problem(status: int) -> dict[str, Any]:
    response = _response(HTTPStatus(status).phrase, "application/problem+json", models.Problem)
    if status == HTTPStatus.UNAUTHORIZED:
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return response


def _response(description: str, media_type: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": _reference(model)}}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schemas(endpoints: Sequence[str]) -> dict[str, Any]:
    _, made = models_json_schema(
        [*((model, "serialization") for model in _GIVEN), *((model, "validation") for model in _TAKEN)],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = made["$defs"]
    change = schemas[models.ModeChange.__name__]
    change.update(_ONE_OR_THE_OTHER)
    if endpoints:
        change["properties"]["endpoint"]["anyOf"][0]["enum"] = list(endpoints)
    return schemas


# What a model's own validator holds, in the words of JSON Schema.
_ONE_OR_THE_OTHER: Mapping[str, Any] = {
    "oneOf": [
        {
            "properties": {"mode": {"const": "enforce"}, "share": {"type": "number"}},
            "required": ["mode", "share"],
        },
        {"properties": {"mode": {"enum": ["off", "warn"]}, "share": {"type": "null"}}},
    ]
}
