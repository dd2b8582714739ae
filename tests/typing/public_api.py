"""The public API as a consumer types it. Checked by mypy in strict mode, never run."""

from datetime import datetime, timezone

from starlette.applications import Starlette
from typing_extensions import assert_never, assert_type

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    Endpoint,
    FixedModes,
    FormField,
    JsonField,
    JsonKeys,
    Match,
    Mode,
    ModeState,
    ModeView,
    Normalizer,
    PathField,
    QueryField,
    Term,
    Unknown,
    UnknownValueError,
    Vocabulary,
)
from stagenorm.asgi import StageNormMiddleware
from stagenorm.core.modes import Actor
from stagenorm.events import Downgraded, Event, Inspected, StoreRead, WebhookDelivered, WebhookResult
from stagenorm.observe import LogHook, OffendersHook, PrometheusHook
from stagenorm.ops import Credentials, deprecations_app, ops_app
from stagenorm.ops.asgi import OpsMiddleware
from stagenorm.stores import MemoryModeStore, ModeResolver, open_store

normalizer = Normalizer(INVESTMENT_STAGES)
found = normalizer("Series A")
match found:
    case Match(value=value):
        assert_type(value, str)
    case Unknown(suggestions=suggestions):
        assert_type(suggestions, tuple[str, ...])
    case _:
        assert_never(found)

try:
    assert_type(normalizer.canonical(None), str)
except UnknownValueError as error:
    assert_type(error.unknown, Unknown)

colours = Vocabulary("colours", [Term("red", "Red", aliases=("scarlet",))], suffixes=["paint"])
assert_type(colours.is_later("red", "red"), bool)


def hear(event: Event) -> None:
    """A hook is any callable."""
    match event:
        case Inspected(seconds=seconds):
            assert_type(seconds, float)
        case StoreRead(error=error):
            assert_type(error, str | None)
        case WebhookDelivered(result=result):
            assert_type(result, WebhookResult)
        case Downgraded(trigger=trigger):
            assert_type(trigger, Actor)
        case _:
            assert_never(event)


boundary = Boundary(
    INVESTMENT_STAGES,
    endpoints=[
        Endpoint("a", "POST", "/a", [JsonField("$.x[*].y", required=True), JsonKeys("$.z", vocabulary=colours)]),
        Endpoint(
            "b", "GET", "/b/{colour}", [QueryField("stage", repeated=True), PathField("colour", vocabulary=colours)]
        ),
        Endpoint("c", "POST", "/c", [FormField("stage")], deprecation=datetime(2026, 1, 1, tzinfo=timezone.utc)),
    ],
    modes=ModeResolver(open_store("memory://"), ModeState(Mode.ENFORCE, share=10)),
    hooks=[hear, LogHook(redact=str.upper), OffendersHook()],
    consumer_header="X-Consumer",
)
assert_type(PrometheusHook(boundary).attach().exposition(), bytes)
boundary.modes = FixedModes(ModeView(ModeState(Mode.OFF)))
boundary.modes = ModeResolver(MemoryModeStore(), hooks=[hear])

app = Starlette()
app.add_middleware(StageNormMiddleware, boundary=boundary)

assert_type(ops_app(boundary, credentials=Credentials(b"k" * 32), alerts=["Rejects"]), Starlette)
app.mount("/ops", ops_app(boundary))
app.mount("/deprecations", deprecations_app(boundary))
wrapped = OpsMiddleware(app, boundary)
