"""The examples themselves: short, alike, importable, and clean when a person stops them."""

import asyncio
import importlib
import signal
from pathlib import Path

import httpx
import pytest

from stagenorm import FixedModes, Mode, ModeState, ModeView

EXAMPLES = Path(__file__).parents[2] / "examples"
ASGI, WSGI = ("starlette_app", "fastapi_app"), ("flask_app", "django_app")
REQUESTS = [
    ("POST", "/api/monte-carlo/simulate", {"stageDistribution": [{"stage": "Series D"}]}),
    ("POST", "/api/portfolio/strategies", {"allocations": {"Series D": 1}}),
    ("GET", "/api/funds/7/companies?stage=Series%20D", None),
]


@pytest.fixture
def load(monkeypatch):
    def load(name):
        monkeypatch.syspath_prepend(str(EXAMPLES))
        return importlib.import_module(name)

    return load


def ask(name, app, method, url, document):
    """Ask an application in this process."""

    async def ask_asgi():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.request(method, url, json=document)

    if name in ASGI:
        return asyncio.run(ask_asgi())
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://localhost") as client:
        return client.request(method, url, json=document)


@pytest.mark.parametrize("request_line", REQUESTS, ids=lambda request_line: request_line[1])
@pytest.mark.parametrize("name", [*ASGI, *WSGI])
def test_the_middleware_is_all_that_keeps_an_unknown_value_out(load, monkeypatch, name, request_line):
    module = load(name)
    monkeypatch.setattr(module.boundary, "modes", FixedModes(ModeView(ModeState(Mode.ENFORCE))))
    open_answer = ask(name, module.unguarded, *request_line)
    assert (open_answer.status_code, open_answer.json()) == (200, {"stages": ["Series D"]})
    assert ask(name, module.app, *request_line).status_code == 400


def test_all_guard_the_same_endpoints(load):
    first, *others = [load(name).boundary for name in [*ASGI, *WSGI]]
    assert len(first.endpoints) == 3
    assert all(other.endpoints == first.endpoints for other in others)


@pytest.mark.parametrize("name", [*ASGI, *WSGI])
def test_an_example_is_short(name):
    assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) < 80


@pytest.mark.parametrize("name", [*ASGI, *WSGI])
def test_an_interrupt_from_the_keyboard_is_a_clean_end(start, name):
    with start(name.removesuffix("_app"), "warn") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("name", [*ASGI, *WSGI])
def test_a_mode_that_there_is_not_is_named_at_the_start(start, name):
    complaint = "STAGENORM_DEFAULT_MODE is 'strict': use one of off, warn, enforce"
    with pytest.raises(AssertionError, match=complaint), start(name.removesuffix("_app"), "strict"):
        pass
