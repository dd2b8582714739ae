"""The ops app in this process, with every secret known and a clock that the test holds in its hands."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, Mode, ModeState, QueryField
from stagenorm.core.modes import Actor
from stagenorm.events import Downgraded, WebhookDelivered
from stagenorm.ops import Credentials, ops_app
from stagenorm.ops.credentials import WebhookSecret
from stagenorm.ops.signatures import sign
from stagenorm.ops.tokens import Tokens
from stagenorm.stores import ModeResolver, control, open_store
from tests.conftest import fresh_number

NOW = 1_700_000_000.0
WRITTEN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEWER = "whsec_bmV3ZXItbmV3ZXItbmV3ZXItbmV3ZXItbmV3ZXI="
TOKEN = "alertmanager-token-alertmanager"
KEY = b"key of operators' tokens".replace(b" ", b"-")


@dataclass
class Service:
    """One worker: its boundary, its ops app, and what its hooks heard."""

    url: str
    now: float = NOW
    options: dict = field(default_factory=dict)
    heard: list = field(default_factory=list)

    def __post_init__(self):
        self.store = open_store(self.url, timeout=1)
        self.modes = ModeResolver(self.store, ModeState(Mode.ENFORCE), ttl=0.2)
        endpoints = [
            Endpoint("companies", "GET", "/companies", [QueryField("stage")]),
            Endpoint("funds", "GET", "/funds", [QueryField("stage")]),
        ]
        self.boundary = Boundary(INVESTMENT_STAGES, endpoints, self.modes, hooks=[self.heard.append])
        secrets = (WebhookSecret.parse(NEWER), WebhookSecret.parse(WRITTEN))
        self.credentials = Credentials(KEY, secrets, TOKEN.encode())
        options = {"credentials": self.credentials, "clock": lambda: self.now, **self.options}
        self.app = ops_app(self.boundary, **options)

    def ask(self, method, path, *, client=("127.0.0.1", 5000), scheme="http", **request):
        async def ask():
            transport = httpx.ASGITransport(self.app, client=client)
            async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://service") as asking:
                return await asking.request(method, path, **request)

        return asyncio.run(ask())

    def operator(self, method, path, **request):
        token = Tokens(KEY).issue("ada", self.now + 60)
        return self.ask(method, path, headers={"authorization": f"Bearer {token}"}, **request)

    def deliver(self, body, headers=(), **options):
        """Post to the webhook; the headers are the caller's."""
        headers = {"content-type": "application/json", **dict(headers)}
        return self.ask("POST", "/webhooks/alertmanager", content=body, headers=headers, **options)

    def signed(self, body, identifier="msg_1", secret=WRITTEN, **headers):
        """Post it as Standard Webhooks has it."""
        key = WebhookSecret.parse(secret).key
        return self.deliver(body, {**sign(key, identifier, self.now, body), **headers})

    def by_bearer(self, body, token=TOKEN, **options):
        return self.deliver(body, {"authorization": f"Bearer {token}"}, **options)

    def state(self, endpoint=None):
        stored = self.store.read()
        return stored.state(endpoint) or stored.everywhere or self.modes.default

    def set(self, mode, share=100, endpoint=None):
        change = control.Change(Actor.OPERATOR, "bob", "test", self.now)
        control.set_mode(self.store, change, Mode(mode), share, endpoint=endpoint, default=self.modes.default)
        self.modes.refresh()

    def unlatch(self):
        control.unlatch(self.store, control.Change(Actor.OPERATOR, "bob", "test", self.now))

    @property
    def results(self):
        return [event.result.value for event in self.heard if isinstance(event, WebhookDelivered)]

    @property
    def downgrades(self):
        return [event for event in self.heard if isinstance(event, Downgraded)]


@pytest.fixture
def start():
    """Starts workers: ``start(url, **options of the ops app)``; without a URL in a memory of their own."""
    started = []

    def start(url="memory://", **options):
        started.append(Service(url, options=options))
        return started[-1]

    yield start
    for each in started:
        each.modes.close()


@pytest.fixture
def service(start):
    return start()


@pytest.fixture
def fresh_file(tmp_path):
    """URLs of files that nobody used."""

    def fresh_file():
        return (tmp_path / f"modes{fresh_number()}.json").as_uri()

    return fresh_file


def firing(*labels, version="4", status="firing"):
    """A delivery of Alertmanager: an alert for each set of labels."""
    stock = json.loads((Path(__file__).parent / "alertmanager-0.25.0-firing.json").read_text())
    alerts = [{**stock["alerts"][0], "status": status, "labels": {"alertname": "Rejects", **each}} for each in labels]
    return json.dumps({**stock, "version": version, "alerts": alerts}).encode()


ACTS = {"stagenorm": "downgrade"}


@pytest.fixture
def body():
    """A delivery that pulls everything back."""
    return firing(ACTS)
