"""The demo's requests: the three endpoints, filled with written forms as often as they really occur. Deterministic."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from stagenorm.demo.written_forms import WrittenForm, written_forms

CONSUMERS = tuple(f"consumer-{number:03}" for number in range(1, 101))


@dataclass(frozen=True, slots=True)
class Call:
    """One request before it is sent.

    Attributes:
        consumer: who sends it.
        method: GET or POST.
        target: path and query.
        body: JSON, or None.
        forms: the written forms in it, in the order in which a handler reads them.
    """

    consumer: str
    method: str
    target: str
    body: bytes | None
    forms: tuple[WrittenForm, ...]


def make_calls(number: int, seed: int) -> list[Call]:
    """Requests to the three endpoints in turn.

    Args:
        number: how many.
        seed: the same seed makes the same requests.
    """
    random = Random(seed)  # noqa: S311 - a replay, not a secret
    known = [form for form in written_forms() if len(form.meanings) == 1]  # where a careful reader has no doubt
    weights = [form.count for form in known]
    makers = (_simulate, _strategies, _companies)
    calls = []
    for place in range(number):
        forms = tuple(random.choices(known, weights, k=random.randint(1, 3)))
        calls.append(makers[place % len(makers)](random.choice(CONSUMERS), forms))
    return calls


def bad_release(consumer: str, number: int) -> list[Call]:
    """Requests of a client that suddenly writes a value which nobody knows."""
    unheard_of = WrittenForm("SERIES_ENUM_2", number, frozenset({None}))
    return [_companies(consumer, (unheard_of,)) for _ in range(number)]


def mended(calls: Iterable[Call]) -> list[Call]:
    """The requests in which every value is known."""
    return [call for call in calls if all(form.meaning is not None for form in call.forms)]


def _simulate(consumer: str, forms: tuple[WrittenForm, ...]) -> Call:
    body = {"stageDistribution": [{"stage": form.raw, "weight": round(1 / len(forms), 2)} for form in forms]}
    return Call(consumer, "POST", "/api/monte-carlo/simulate", _encode(body), forms)


def _strategies(consumer: str, forms: tuple[WrittenForm, ...]) -> Call:
    # Two keys that mean one value would be ambiguous, which is another matter than the demo's.
    distinct = tuple({form.meaning or form.raw: form for form in forms}.values())
    body = {"allocations": {form.raw: round(100 / len(distinct), 2) for form in distinct}}
    return Call(consumer, "POST", "/api/portfolio/strategies", _encode(body), distinct)


def _companies(consumer: str, forms: tuple[WrittenForm, ...]) -> Call:
    return Call(consumer, "GET", f"/api/funds/7/companies?stage={quote(forms[0].raw, safe='')}", None, forms[:1])


def _encode(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
