"""Where requests come from, and what the operator says of them."""

import pytest

from stagenorm.consumers.networks import Networks
from stagenorm.consumers.tally import Consumer
from stagenorm.consumers.verdicts import Standing, Verdict, judged, network_named, standing
from stagenorm.errors import ConfigurationError

PROXIES = Networks.parse(trusted=["10.9.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "network", "internal"),
    [
        ("192.168.4.5", "", "192.168.4.0/24", True),
        ("172.32.0.1", "", "172.32.0.0/24", False),
        ("::ffff:10.1.1.1", "", "10.1.1.0/24", True),
        ("fe80::1", "", "fe80::/48", True),
        ("[2001:db8::1]:443", "", "2001:db8::/48", False),
        ("198.51.100.7:5123", "", "198.51.100.0/24", False),
        ("gateway", "", "gateway", False),
        ("", "", "-", False),
        ("10.9.0.1", "", "10.9.0.0/24", True),
        ("10.9.0.1", "-", "10.9.0.0/24", True),
        ("10.9.0.1", "198.51.100.7", "198.51.100.0/24", False),
        ("10.9.0.1", "10.1.1.1, 198.51.100.7, 10.9.3.3", "198.51.100.0/24", False),  # what a client wrote comes first
        ("10.9.0.1", "198.51.100.7, unknown", "unknown", False),
        ("198.51.100.7", "10.1.1.1", "198.51.100.0/24", False),
    ],
)
def test_origin(peer, forwarded, network, internal):
    assert PROXIES.origin(peer, forwarded) == (network, internal)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "ten", "", "10.0.0.0/33"])
def test_what_is_no_network_is_named(text):
    with pytest.raises(ConfigurationError, match="is no network"):
        Networks.parse([text])


CONSUMER = Consumer("companies", "203.0.113.0/24", False, "curl")


def verdict(network, said, family="", at=0.0):
    return Verdict(network, family, Standing(said), "because", "ada", at)


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], "external"),
        ([verdict("203.0.113.0/24", "internal")], "internal"),
        ([verdict("203.0.0.0/16", "internal")], "internal"),
        ([verdict("203.0.113.0/25", "internal")], "external"),
        ([verdict("2001:db8::/32", "internal")], "external"),
        ([verdict("203.0.113.0/24", "internal", "Chrome")], "external"),
        ([verdict("203.0.113.0/24", "mitigated", at=2), verdict("203.0.113.0/24", "internal", at=1)], "mitigated"),
        ([verdict("203.0.113.0/24", "internal", at=1), verdict("203.0.0.0/16", "mitigated", at=2)], "internal"),
        ([verdict("203.0.113.0/24", "internal", "curl"), verdict("203.0.113.0/24", "external", at=2)], "internal"),
    ],
)
def test_the_last_word_on_the_narrowest_network_holds(verdicts, said):
    assert standing(CONSUMER, judged(CONSUMER, verdicts)).value == said


def test_an_internal_network_can_be_said_to_be_external():
    consumer = Consumer("companies", "10.1.1.0/24", True, "curl")
    assert standing(consumer, None) is Standing.INTERNAL
    assert standing(consumer, verdict("10.0.0.0/8", "external")) is Standing.EXTERNAL


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:db8::9", "2001:db8::/48"),
        ("gateway", "gateway"),
    ],
)
def test_a_network_is_named_as_reports_name_it(text, network):
    assert network_named(text) == network


@pytest.mark.parametrize("text", ["999.1.1.1", "10.1.2", "10.0.0.0/33", "1"])
def test_a_mistyped_address_is_no_name(text):
    with pytest.raises(ConfigurationError, match="is neither an address nor a network: correct it"):
        network_named(text)


@pytest.mark.parametrize(
    ("widest", "wider"),
    [("10.0.0.0/8", "10.0.0.0/7"), ("fc00::/7", "fc00::/6"), ("2a00::/19", "2a00::/18"), ("0.0.0.0/8", "0.0.0.0/0")],
)
def test_nobody_s_network_is_wider_than_a_private_range(widest, wider):
    assert network_named(widest) == widest
    with pytest.raises(
        ConfigurationError, match=r"holds more than anybody's own network: name one of at least /(8|19)"
    ):
        network_named(wider)
