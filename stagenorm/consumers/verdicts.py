"""Verdicts: what the operator found out about a consumer, who said so and why, in a file of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from ipaddress import ip_network
from pathlib import Path

from stagenorm.consumers.networks import Networks, parse_address
from stagenorm.consumers.tally import Consumer
from stagenorm.errors import ConfigurationError, DataFileError
from stagenorm.files import replacing

_WIDEST = {4: 8, 6: 19}  # the shortest prefixes that registries ever gave to one organization
_UNIQUE_LOCAL = ip_network("fc00::/7")  # RFC 4193


class Standing(str, Enum):
    """What a consumer is to the rollout."""

    INTERNAL = "internal"
    """The operator's own: it can be changed before it would be rejected."""
    EXTERNAL = "external"
    """Somebody else's, and nothing was done about it yet."""
    MITIGATED = "mitigated"
    """Somebody else's, who was told, was exempted, or cannot be hurt."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One verdict.

    Attributes:
        network: a CIDR, or a name as the log has it.
        family: of the user agent; all of them where it is empty.
        standing: what they are.
        reason: why.
        author: who said so.
        at: when, in seconds since the epoch.
    """

    network: str
    family: str
    standing: Standing
    reason: str
    author: str
    at: float


def network_named(text: str) -> str:
    """The network that a person means: a CIDR, the network that reports call an address by, or a name as it is.

    Raises:
        ConfigurationError: it is wider than anything that one organization has, or written as an address and none.
    """
    if parse_address(text) is not None:
        return Networks(()).origin(text).network
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        if set(text) <= set("0123456789./"):
            raise ConfigurationError(f"{text!a} is neither an address nor a network: correct it") from error
        return text
    is_local = network.version == _UNIQUE_LOCAL.version and network.subnet_of(_UNIQUE_LOCAL)  # type: ignore[arg-type]
    if network.prefixlen < _WIDEST[network.version] and not is_local:
        raise ConfigurationError(
            f"{network} holds more than anybody's own network: name one of at least /{_WIDEST[network.version]}"
        )
    return str(network)


def judged(consumer: Consumer, verdicts: Iterable[Verdict]) -> Verdict | None:
    """The verdict on a consumer: of all that cover it the one on the narrowest network, with a family, said last."""
    covering = [verdict for verdict in verdicts if _covers(verdict, consumer)]
    return max(covering, key=lambda each: (_prefix(each.network), each.family != "", each.at), default=None)


def standing(consumer: Consumer, verdict: Verdict | None) -> Standing:
    """What a consumer is: as the verdict says, or as its network is."""
    if verdict is not None:
        return verdict.standing
    return Standing.INTERNAL if consumer.internal else Standing.EXTERNAL


def _covers(verdict: Verdict, consumer: Consumer) -> bool:
    if verdict.family and verdict.family != consumer.family:
        return False
    if verdict.network == consumer.network:
        return True
    try:
        wide, narrow = ip_network(verdict.network), ip_network(consumer.network)
    except ValueError:
        return False
    return wide.version == narrow.version and narrow.subnet_of(wide)  # type: ignore[arg-type]


def _prefix(network: str) -> int:
    try:
        return ip_network(network).prefixlen
    except ValueError:
        return 129  # a name is one consumer


def read_verdicts(path: Path) -> tuple[Verdict, ...]:
    """The verdicts of a file, oldest first; none where there is no file. Raises DataFileError if it holds no verdicts."""
    try:
        content = json.loads(path.read_bytes())
        return tuple(
            Verdict(
                network=str(each["network"]),
                family=str(each["family"]),
                standing=Standing(each["standing"]),
                reason=str(each["reason"]),
                author=str(each["author"]),
                at=float(each["at"]),
            )
            for each in content
        )
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataFileError(f"{path}: it holds no verdicts ({error}): restore it, or move it away") from error


def add_verdict(path: Path, verdict: Verdict) -> None:
    """Append a verdict to a file. Raises DataFileError if that cannot be written."""
    _write(path, (*read_verdicts(path), verdict))


def _write(path: Path, verdicts: Sequence[Verdict]) -> None:
    with replacing(path) as file:
        file.write(json.dumps([asdict(verdict) for verdict in verdicts], indent=2).encode() + b"\n")
