"""From the addresses of a request to the network that it came from, and whether that one is our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from stagenorm.errors import ConfigurationError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
"""RFC 1918, RFC 4193, loopback and link-local: what is internal where nothing else is configured."""
_PREFIX = {4: 24, 6: 48}  # what one site usually has
_LONGEST_NAME = 64
_CACHED = 16_384


class Origin(NamedTuple):
    """Where a request came from.

    Attributes:
        network: the /24 (IPv4) or /48 (IPv6) of its client, or the name that the log has in place of an address.
        internal: whether the client's address is in an internal network; a name never is.
    """

    network: str
    internal: bool


@dataclass(frozen=True)
class Networks:
    """The operator's own networks.

    Attributes:
        internal: the networks whose clients are the operator's own.
        trusted: the proxies whose X-Forwarded-For is believed.
    """

    internal: tuple[Network, ...]
    trusted: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, internal: Iterable[str] = PRIVATE, trusted: Iterable[str] = ()) -> Networks:
        """From CIDRs or single addresses. Raises ConfigurationError for what is neither."""
        return cls(tuple(map(parse_network, internal)), tuple(map(parse_network, trusted)))

    def origin(self, peer: str, forwarded: str = "") -> Origin:
        """Where a request came from.

        Args:
            peer: the address that the server saw.
            forwarded: X-Forwarded-For as the log has it. It is believed only behind trusted proxies, from its end.
        """
        client, address = peer, parse_address(peer)
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip() not in ("", "-")]
        while hops and address is not None and _within(address, self.trusted):
            client = hops.pop()
            address = parse_address(client)
        if address is None:
            return Origin(client[:_LONGEST_NAME] or "-", False)
        network = ip_network((address, _PREFIX[address.version]), strict=False)
        return Origin(str(network), _within(address, self.internal))


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def parse_network(text: str) -> Network:
    """A network from a CIDR or a single address. Raises ConfigurationError if it is neither."""
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise ConfigurationError(f"{text!a} is no network: write it as 10.0.0.0/8 or 2001:db8::/32") from error


@lru_cache(_CACHED)
def parse_address(text: str) -> Address | None:
    """An address as proxies write it, with or without a port, or None."""
    try:
        address = ip_address(_without_port(text))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
