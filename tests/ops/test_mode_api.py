"""Operators over HTTP: the mode, offenders, health, deprecations, and the tokens that name whoever acts."""

import json
from dataclasses import dataclass

import pytest

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    ConfigurationError,
    Endpoint,
    FixedModes,
    FormField,
    Mode,
    ModeView,
    QueryField,
    Term,
    Vocabulary,
)
from stagenorm.asgi import StageNormMiddleware
from stagenorm.core.modes import Actor
from stagenorm.events import Downgraded
from stagenorm.ops import deprecations_app, ops_app
from stagenorm.ops.tokens import Tokens
from tests.ops.conftest import ACTS, KEY, firing


def change(**fields):
    return {"mode": "enforce", "share": 10, "reason": "a try", **fields}


def test_an_operator_changes_the_mode_and_the_trail_has_the_name(service):
    answer = service.operator("PUT", "/mode", json=change())
    assert answer.status_code == 200
    stored = answer.json()["global"]
    assert (stored["mode"], stored["share"], stored["changed_by"], stored["reason"]) == ("enforce", 10, "ada", "a try")
    assert stored["changed_at"] == "2023-11-14T22:13:20Z"
    (entry,) = service.store.trail(9)
    assert (entry.actor, entry.author, entry.action) == (Actor.OPERATOR, "ada", "set")
    assert service.modes.view.state("companies").share == 10
    assert service.operator("GET", "/mode").json()["global"] == stored
    assert service.downgrades == []


def test_one_endpoint_alone(service):
    answer = service.operator("PUT", "/mode", json=change(mode="off", share=None, endpoint="funds"))
    assert answer.json()["endpoints"]["funds"]["mode"] == "off"
    assert answer.json()["global"]["mode"] == "enforce"
    assert service.downgrades == [Downgraded(Actor.OPERATOR, "funds")]


def test_a_latch_holds_against_the_api(service):
    service.signed(firing(ACTS))
    answer = service.operator("PUT", "/mode", json=change())
    assert answer.status_code == 409
    assert "stagenorm mode unlatch" in answer.json()["detail"]
    assert service.state().mode is Mode.WARN


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "strict"},
        {"share": None},
        {"share": -1},
        {"share": 101},
        {"share": "10"},
        {"mode": "warn"},
        {"endpoint": "nowhere"},
        {"endpoint": ""},
        {"endpoint": 7},
        {"reason": ""},
        {"reason": " \n"},
        {"reason": "\x1c"},
        {"reason": None},
        {"reason": "x" * 201},
        {"sahre": 10},
    ],
)
def test_a_change_that_is_none_changes_nothing(service, fields):
    answer = service.operator("PUT", "/mode", json=change(**fields))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert service.store.trail(1) == []


def test_why_a_change_is_none_is_told_in_our_own_words(service):
    detail = service.operator("PUT", "/mode", json={"mode": "enforce", "reason": "go"}).json()["detail"]
    assert detail == "share goes with enforce, and enforce with a share: 100 is everybody."


def test_a_change_to_what_holds_is_answered_and_not_stored(service):
    first = service.operator("PUT", "/mode", json=change())
    again = service.operator("PUT", "/mode", json=change(reason="another"))
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(service.store.trail(10)) == 1


def tokens(service):
    payload, _, signature = Tokens(KEY).issue("ada", service.now + 60).rpartition(".")
    return {
        "none": None,
        "empty": "",
        "nonsense": "nonsense",
        "expired": Tokens(KEY).issue("ada", service.now),
        "of another key": Tokens(b"x" * 32).issue("ada", service.now + 60),
        "without its signature": payload,
        "with another's signature": f"{payload}x.{signature}",
        "long": "x" * 100_000,
    }


@pytest.mark.parametrize(("method", "path"), [("GET", "/mode"), ("PUT", "/mode"), ("GET", "/offenders")])
def test_nobody_acts_without_a_token(service, method, path):
    for token in tokens(service).values():
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = service.ask(method, path, headers=headers, json=change())
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
    assert service.store.trail(1) == []


def test_a_name_that_is_no_text_gets_no_token():
    with pytest.raises(ConfigurationError, match="is no name that a token can carry: give it in UTF-8"):
        Tokens(KEY).issue("\udcff", 1.0)


def test_a_token_ends_by_the_clock(service):
    token = Tokens(KEY).issue("ada", service.now + 60)
    headers = {"authorization": f"Bearer {token}"}
    service.now += 59
    assert service.ask("GET", "/mode", headers=headers).status_code == 200
    service.now += 1
    assert "expired" in service.ask("GET", "/mode", headers=headers).json()["detail"]


def test_a_store_that_is_gone_is_said(start, start_server):
    server = start_server()
    service = start(server.fresh_url())
    server.stop()
    assert service.operator("GET", "/mode").status_code == 503
    assert service.operator("PUT", "/mode", json=change()).status_code == 503
    service.modes.refresh()
    health = service.ask("GET", "/healthz")
    assert (health.status_code, health.json()["status"]) == (503, "degraded")


@dataclass
class Offender:
    endpoint: str
    value: str
    count: float
    consumers: tuple


class Counted:
    def top(self, number):
        return [Offender("funds", "Series D\n", 3, ("acme",))][:number]


def test_offenders_are_told(start):
    found = start(offenders=Counted()).operator("GET", "/offenders").json()
    assert found == {"offenders": [{"endpoint": "funds", "value": "Series D\n", "count": 3, "consumers": ["acme"]}]}
    assert start().operator("GET", "/offenders").json() == {"offenders": []}


def test_offenders_are_found_among_the_hooks(start):
    class Hook(Counted):
        def __call__(self, event):
            pass

    service = start()
    service.boundary.hooks.append(Hook())
    service.app = ops_app(service.boundary, credentials=service.credentials, clock=lambda: service.now)
    assert len(service.operator("GET", "/offenders").json()["offenders"]) == 1


async def passing(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


def test_deprecations_tell_forms_and_what_was_seen_of_them(service):
    ops, service.app = service.app, StageNormMiddleware(passing, service.boundary)
    for value in ("Series A", "series_a", "SERIES A ROUND", "series-a", "nonsense"):
        service.ask("GET", "/companies", params={"stage": value})
    service.app = ops
    companies, funds = service.ask("GET", "/deprecations").json()["endpoints"]
    assert (companies["endpoint"], companies["method"], companies["path"]) == ("companies", "GET", "/companies")
    seen = {form["form"]: form["seen"] for form in companies["forms"] if form["seen"]}
    assert (companies["seen"], seen) == (3, {"series-a-round": 1})
    assert not {form["form"] for form in companies["forms"]} & set(service.boundary.vocabulary)
    assert {form["value"] for form in companies["forms"]} == {*service.boundary.vocabulary} - {
        "seed"
    }  # it has no other
    assert funds["seen"] == 0
    assert service.ask("POST", "/deprecations").status_code == 405


def test_two_fields_of_one_label_are_told_apart_by_what_their_vocabularies_hold(service):
    colours = Vocabulary("colours", [Term("red", "Red", aliases=["scarlet", "seed round"])])
    fields = [QueryField("kind"), FormField("kind", vocabulary=colours)]
    assert len({field.label for field in fields}) == 1
    boundary = Boundary(INVESTMENT_STAGES, [Endpoint("kinds", "POST", "/kinds", fields)], service.modes)
    deprecations = deprecations_app(boundary)
    service.app = StageNormMiddleware(passing, boundary)
    service.ask("POST", "/kinds", params={"kind": "Seed Round"}, data={"kind": "scarlet"})
    service.app = deprecations
    (told,) = service.ask("GET", "/").json()["endpoints"]
    assert {form["form"]: form["seen"] for form in told["forms"] if form["seen"]} == {"seed-round": 1, "scarlet": 1}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/", 404, None),
        ("GET", "/mode/", 404, None),
        ("POST", "/mode", 405, {"GET", "HEAD", "PUT"}),
        ("GET", "/webhooks/alertmanager", 405, {"POST"}),
    ],
)
def test_what_there_is_not_is_a_problem_too(service, method, path, status, allow):
    answer = service.ask(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert allow is None or {each.strip() for each in answer.headers["allow"].split(",")} == allow


def test_it_needs_a_store(service):
    service.boundary.modes = FixedModes(ModeView())
    with pytest.raises(ConfigurationError, match=r"modes=ModeResolver\(\.\.\.\)"):
        ops_app(service.boundary)


def test_the_document_names_endpoints_and_its_own_prefix(service):
    document = service.ask("GET", "/openapi.json").json()
    assert document["components"]["schemas"]["ModeChange"]["properties"]["endpoint"]["anyOf"][0]["enum"] == [
        "companies",
        "funds",
    ]
    assert json.dumps(document).isascii()
