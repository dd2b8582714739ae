"""The boundary that every adapter test guards with: one endpoint for each kind of field, and a small body limit."""

from collections.abc import Callable

import pytest

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    Endpoint,
    FixedModes,
    FormField,
    JsonField,
    JsonKeys,
    Mode,
    ModeState,
    ModeView,
    PathField,
    QueryField,
)

_STATES = {
    "off": ModeState(Mode.OFF),
    "warn": ModeState(Mode.WARN),
    "enforce": ModeState(Mode.ENFORCE),
    "outside": ModeState(Mode.ENFORCE, share=0),
}


@pytest.fixture
def limit() -> int:
    """The largest body that is read, in bytes."""
    return 1000


@pytest.fixture
def boundary_in(limit: int) -> Callable[[str], Boundary]:
    """Makes a boundary that is in one of the four situations of the decision table."""

    def make(situation: str) -> Boundary:
        return Boundary(
            INVESTMENT_STAGES,
            [
                Endpoint("simulate", "POST", "/api/simulate", [JsonField("$.stageDistribution[*].stage")]),
                Endpoint("strategies", "POST", "/api/strategies", [JsonKeys("$.allocations")]),
                Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage")]),
                Endpoint("search", "POST", "/api/search", [FormField("stage")]),
                Endpoint("funds", "GET", "/api/stages/{stage}/funds", [PathField("stage"), QueryField("stage")]),
            ],
            modes=FixedModes(ModeView(_STATES[situation])),
            max_body_bytes=limit,
        )

    return make
