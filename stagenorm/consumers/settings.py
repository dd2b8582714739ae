"""What the operator says of the consumers: which networks are their own, which proxies, and where verdicts are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stagenorm.consumers.networks import Networks


@dataclass(frozen=True, slots=True)
class ConsumersSettings:
    """The section ``[consumers]`` of ``stagenorm.toml``.

    Attributes:
        networks: the operator's own; private ranges where nothing is said.
        verdicts: the file of the verdicts.
    """

    networks: Networks = field(default_factory=Networks.parse)
    verdicts: Path = Path("consumers-verdicts.json")
