"""The demo's clients: a few at a time, over real HTTP, each in a thread of its own.

The threads let the main thread be interrupted at any moment while every request under way still comes to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from stagenorm.demo.phases import Answer
from stagenorm.demo.traffic import Call
from stagenorm.errors import MissingExtraError

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("the demo", "demo") from error

_CLIENTS = 4
_PATIENCE = 30  # seconds for one request


def send(url: str, calls: Sequence[Call], heard: Callable[[Call, Answer], None]) -> None:
    """Send requests and tell each answer.

    Args:
        url: of the service.
        calls: the requests; a few are under way at once.
        heard: is told each request with its answer, one after the other.
    """
    waiting = iter(calls)
    one_at_a_time = Lock()
    stopped = Event()

    def work() -> None:
        # Loopback is nobody's proxy's business.
        with httpx.Client(base_url=url, trust_env=False, timeout=_PATIENCE) as client:
            while not stopped.is_set():
                with one_at_a_time:
                    call = next(waiting, None)
                if call is None:
                    return
                answer = _send(client, call)
                with one_at_a_time:
                    heard(call, answer)

    with ThreadPoolExecutor(_CLIENTS) as pool:
        try:
            for working in [pool.submit(work) for _ in range(_CLIENTS)]:
                working.result()
        finally:
            stopped.set()


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Post a body, and say what status it was answered with."""
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=_PATIENCE).status_code


def _send(client: httpx.Client, call: Call) -> Answer:
    headers = {"X-Consumer": call.consumer}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    response = client.request(call.method, call.target, content=call.body, headers=headers)
    return Answer(
        response.status_code,
        "finding=unknown" in response.headers.get("Stagenorm-Notice", ""),
        response.json()["stages"] if response.status_code == 200 else None,
    )
