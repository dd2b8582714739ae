"""Three endpoints, three modes, four frameworks, five servers, real HTTP: one table for all of them."""

from dataclasses import dataclass
from urllib.parse import quote

import pytest

SIMULATE = ("POST", "/api/monte-carlo/simulate", "$.stageDistribution[*].stage")
STRATEGIES = ("POST", "/api/portfolio/strategies", "$.allocations")
COMPANIES = ("GET", "/api/funds/7/companies", "stage")
VALUES = ["pre-seed", "seed", "series-a", "series-b", "series-c", "series-c+"]


@dataclass(frozen=True)
class Row:
    """A request, what a handler reads of it unchanged, and what was found.

    ``clean`` is what a handler reads once an alias was rewritten. ``flask`` is what Flask reads unchanged, where it is
    another thing. ``place`` is where the problem document puts the finding.
    """

    name: str
    endpoint: tuple[str, str, str]
    sent: str
    read: list[str]
    finding: str | None = None
    clean: list[str] | None = None
    flask: list[str] | None = None
    place: dict[str, str] | None = None

    @property
    def rejected(self) -> bool:
        return self.finding in ("unknown", "unreadable")


def simulated(*values: str) -> str:
    return '{"runs": 1e3, "stageDistribution": [' + ", ".join(f'{{"stage": "{value}"}}' for value in values) + "]}"


def allocated(*values: str) -> str:
    return '{"allocations": {' + ", ".join(f'"{value}": 0.50' for value in values) + "}}"


def row(name, endpoint, sent, read, finding=None, **more):
    return Row(f"{endpoint[1].rsplit('/', 1)[-1]}, {name}", endpoint, sent, read, finding, **more)


TWICE = '{"stageDistribution": [{"stage": "seed", "stage": "Series D"}]}'
TABLE = [
    row("canonical", SIMULATE, simulated(*VALUES), VALUES),
    row("nothing", SIMULATE, simulated(), []),
    row("alias", SIMULATE, simulated("Series A Round", "seed", "SERIES_C+"), ["Series A Round", "seed", "SERIES_C+"],
        "alias", clean=["series-a", "seed", "series-c+"]),
    row("alias, escaped", SIMULATE, simulated("S\\u0065ed", "\\u0053eed"), ["Seed", "Seed"],
        "alias", clean=["seed", "seed"]),
    row("unknown", SIMULATE, simulated("seed", "Series D"), ["seed", "Series D"],
        "unknown", place={"pointer": "/stageDistribution/1/stage", "value": "Series D"}),
    row("duplicate key", SIMULATE, TWICE, ["Series D"],
        "unreadable", place={"pointer": "/stageDistribution/0/stage"}),
    row("canonical", STRATEGIES, allocated(*VALUES), VALUES),
    row("alias", STRATEGIES, allocated("Seed", "series-c+"), ["Seed", "series-c+"],
        "alias", clean=["seed", "series-c+"]),
    row("unknown", STRATEGIES, allocated("seed", "growth"), ["seed", "growth"],
        "unknown", place={"pointer": "/allocations/growth", "value": "growth"}),
    row("two keys become one", STRATEGIES, allocated("Seed", "seed"), ["Seed", "seed"],
        "unreadable", place={"pointer": "/allocations/Seed"}),
    row("duplicate key", STRATEGIES, allocated("growth", "growth"), ["growth"],
        "unreadable", place={"pointer": "/allocations/growth"}),
    row("absent", COMPANIES, "?page=2", []),
    row("canonical", COMPANIES, "?stage=series-c%2B", ["series-c+"]),
    row("alias", COMPANIES, "?page=2&stage=Series%20C%2B", ["Series C+"], "alias", clean=["series-c+"]),
    row("unknown", COMPANIES, "?stage=" + quote("Série A"), ["Série A"],
        "unknown", place={"parameter": "stage", "value": "Série A"}),
    row("repeated", COMPANIES, "?stage=seed&stage=Series+D", ["Series D"],
        "unreadable", flask=["seed"], place={"parameter": "stage"}),
    row("raw plus", COMPANIES, "?stage=series-c+", ["series-c "],
        "unreadable", place={"parameter": "stage", "value": "series-c+"}),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_table(server, row):
    method, path, label = row.endpoint
    if method == "GET":
        response = server.request(method, path + row.sent, headers=())
    else:
        response = server.request(method, path, row.sent.encode())
    if server.mode == "enforce" and row.rejected:
        check_problem(response, row, label)
        return
    unchanged = row.flask if row.flask and server.name in ("flask", "gunicorn") else row.read
    assert response.status == 200
    assert response.read == (unchanged if server.mode == "off" else row.clean or unchanged)
    noticed = server.mode == "warn" and row.finding
    assert response.notice == (f'"{label}";finding={row.finding}' if noticed else None)
    assert response.headers["link"] == ('</api/deprecations>; rel="deprecation"' if noticed else None)


def check_problem(response, row, label):
    assert response.status == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.notice is None
    problem = response.json
    assert problem["status"] == 400
    assert problem["type"] == f"urn:stagenorm:problem:{row.finding if row.finding == 'unreadable' else 'unknown-value'}"
    error = problem["errors"][0]
    assert (error["field"], error["finding"], error["allowed"]) == (label, row.finding, VALUES)
    assert {key: error[key] for key in row.place} == row.place
