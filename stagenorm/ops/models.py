"""The documents that the ops app takes and gives, as pydantic models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from stagenorm.core.modes import Mode
from stagenorm.events import WebhookResult

MAX_ALERTS = 1000
# Every control character counts as blank, which a pattern alone would not say of all of them.
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"[^\s\x00-\x1f\x7f-\x9f]")]
EndpointName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Alert(BaseModel):
    """One alert of a delivery; what else it says is not read, and an odd one keeps no other from acting."""

    status: JsonValue = None
    labels: dict[str, JsonValue] | None = None

    def label(self, name: str) -> str:
        """A label's value; empty where there is none."""
        value = (self.labels or {}).get(name)
        return value if isinstance(value, str) else ""


class Delivery(BaseModel):
    """What Alertmanager posts to a webhook, version 4."""

    version: Literal["4"]
    alerts: list[Alert] = Field(max_length=MAX_ALERTS)


class GrafanaDelivery(BaseModel):
    """What Grafana posts to a webhook, version 1."""

    version: Literal["1"]
    alerts: list[Alert] = Field(max_length=MAX_ALERTS)


class Answer(BaseModel):
    """What became of a delivery."""

    result: WebhookResult
    sender: str
    verified: bool
    endpoints: list[str | None] = Field(description="What was to be pulled back; null stands for everything.")


class ModeChange(BaseModel):
    """A change of the mode that an operator asks for."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode
    share: float | None = Field(
        default=None, ge=0, le=100, allow_inf_nan=False, description="Percent of the consumers; with enforce only."
    )
    endpoint: EndpointName | None = Field(default=None, description="An endpoint's name; null or absent is everywhere.")
    reason: Text

    @model_validator(mode="after")
    def _share_goes_with_enforce(self) -> ModeChange:
        if (self.mode is Mode.ENFORCE) != (self.share is not None):
            raise ValueError("share goes with enforce, and enforce with a share: 100 is everybody")
        return self


class State(BaseModel):
    """A mode as it stands."""

    mode: Mode
    share: float
    revision: int
    changed_at: datetime | None
    changed_by: str
    reason: str
    latched: bool


class Modes(BaseModel):
    """Every mode: what is stored, and how this process knows it."""

    model_config = ConfigDict(populate_by_name=True)

    everywhere: State = Field(serialization_alias="global")
    endpoints: dict[str, State]
    ceiling: Mode | None
    source: str
    stale_seconds: float
    held: bool = Field(description="This process holds itself at warn: a downgrade could not be stored.")


class Offence(BaseModel):
    """An unknown value and how often it was seen."""

    endpoint: str
    value: str
    count: float
    consumers: list[str]


class OffenceList(BaseModel):
    """The most frequent unknown values that this process saw."""

    offenders: list[Offence]


class DeprecatedForm(BaseModel):
    """A written form that is not canonical."""

    form: str
    value: str
    seen: int = Field(description="How often this process saw it at this endpoint.")


class DeprecatedAt(BaseModel):
    """What is deprecated at one endpoint."""

    endpoint: str
    method: str
    path: str
    deprecation: datetime | None
    sunset: datetime | None
    seen: int = Field(
        description="How many values this process saw here in a deprecated form or another spelling of a canonical one."
    )
    forms: list[DeprecatedForm]


class Deprecations(BaseModel):
    """Deprecated forms by endpoint, as they fold."""

    endpoints: list[DeprecatedAt]


class Health(BaseModel):
    """Whether this process reads its store."""

    status: Literal["ok", "degraded"]
    source: str
    stale_seconds: float
    held: bool
    revision: int = Field(description="Of the store, as this process holds it; 0 while nothing was ever stored.")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
