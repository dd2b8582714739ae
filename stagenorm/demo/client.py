"""The demo's clients: a few at a time, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from stagenorm.demo.phases import Answer
from stagenorm.demo.traffic import Call
from stagenorm.errors import MissingExtraError

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("the demo", "demo") from error

_CLIENTS = 4
_PATIENCE = 30  # seconds for one request


async def send(url: str, calls: Sequence[Call], heard: Callable[[Call, Answer], None]) -> None:
    """Send requests and tell each answer.

    Args:
        url: of the service.
        calls: the requests; a few are under way at once.
        heard: is told each request with its answer.
    """
    waiting = iter(calls)
    # Loopback is nobody's proxy's business.
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=_PATIENCE) as client:

        async def work() -> None:
            for call in waiting:
                heard(call, await _send(client, call))

        await asyncio.gather(*(work() for _ in range(_CLIENTS)))


async def _send(client: httpx.AsyncClient, call: Call) -> Answer:
    headers = {"X-Consumer": call.consumer}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    response = await client.request(call.method, call.target, content=call.body, headers=headers)
    return Answer(
        response.status_code,
        "finding=unknown" in response.headers.get("Stagenorm-Notice", ""),
        response.json()["stages"] if response.status_code == 200 else None,
    )
