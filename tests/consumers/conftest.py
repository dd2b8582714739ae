"""A service with three endpoints, and access logs made of lines."""

import pytest

from stagenorm import Endpoint, JsonField, JsonKeys, QueryField
from stagenorm.consumers.audit import audit_logs
from stagenorm.consumers.log_files import read_logs
from stagenorm.consumers.networks import Networks

ENDPOINTS = (
    Endpoint("simulate", "POST", "/api/monte-carlo/simulate", [JsonField("$.stages[*]")]),
    Endpoint("strategies", "POST", "/api/portfolio/strategies", [JsonKeys("$.allocations")]),
    Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage")]),
)
TOML = """
[consumers]
internal = ["10.0.0.0/8"]
trusted_proxies = ["10.9.0.0/16"]

[[endpoints]]
name = "companies"
method = "GET"
path = "/api/funds/{id}/companies"
fields = [{ query = "stage" }]

[[endpoints]]
name = "simulate"
method = "POST"
path = "/api/monte-carlo/simulate"
fields = [{ json = "$.stages[*]" }]
"""


def line(
    target="/api/funds/7/companies",
    moment="17/May/2015:10:05:03 +0000",
    *,
    method="GET",
    peer="203.0.113.9",
    agent="curl/8.1",
):
    """One line in the combined format."""
    return f'{peer} - - [{moment}] "{method} {target} HTTP/1.1" 200 512 "-" "{agent}"\n'.encode()


@pytest.fixture
def audit(tmp_path):
    """What the audit tells of logs with these contents."""

    def audit(*contents, days=7, endpoints=ENDPOINTS, internal=("10.0.0.0/8",), trusted=()):
        paths = [tmp_path / f"access{number}.log" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        window = days * 86_400
        found = read_logs(paths, endpoints, Networks.parse(internal, trusted), window)
        return audit_logs({path.name: found[path] for path in paths}, [each.name for each in endpoints], window)

    return audit
