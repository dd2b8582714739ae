"""A boundary whose hook counts into a registry of its own, and what a scrape of it says."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, FixedModes, JsonField, ModeState, ModeView, QueryField
from stagenorm.boundary.request import Request
from stagenorm.observe import PrometheusHook


def samples_of(text):
    """Every series of an exposition with its value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Counted:
    """Two endpoints in one mode, their hook, and what it counted."""

    def __init__(self, mode, share=100):
        self.boundary = Boundary(
            INVESTMENT_STAGES,
            [
                Endpoint("simulate", "POST", "/simulate", [JsonField("$.stages[*]")]),
                Endpoint("companies", "GET", "/funds/{id}/companies", [QueryField("stage")]),
            ],
            FixedModes(ModeView(ModeState(mode, share))),
            max_body_bytes=1000,
        )
        self.registry = CollectorRegistry()
        self.hook = PrometheusHook(self.boundary, self.registry).attach()

    def post(self, body, content_type=b"application/json"):
        guard = self.boundary.open("POST", "/simulate")
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        announced = guard.announced(headers)
        if not self.boundary.lets_pass(guard, announced, "/simulate", body, headers, "10.0.0.1"):
            self.boundary.inspect(Request(guard, "POST", "/simulate", None, b"", headers, "10.0.0.1", body))

    def get(self, query, path="/funds/7/companies", client="10.0.0.1"):
        guard = self.boundary.open("GET", path)
        self.boundary.inspect(Request(guard, "GET", path, None, query, [], client))

    def samples(self):
        return samples_of(self.hook.exposition().decode())

    def nonzero(self, prefix):
        """The series of one metric that are not zero, by their label values in the order of the labels' names."""
        return {
            tuple(value for _, value in sorted(labels)): value
            for (name, labels), value in self.samples().items()
            if name == prefix and value
        }


@pytest.fixture
def counted():
    return Counted
