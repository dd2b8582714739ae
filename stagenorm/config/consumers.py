"""``[consumers]``: the operator's own networks and proxies, and the file of the verdicts."""

from __future__ import annotations

from pathlib import Path

from stagenorm.config.toml import Table
from stagenorm.consumers.networks import PRIVATE, Networks
from stagenorm.consumers.settings import ConsumersSettings


def read_consumers(table: Table, beside: Path) -> ConsumersSettings:
    """The section, or its defaults.

    Args:
        table: the section.
        beside: where the file of the verdicts is looked for.

    Raises:
        ConfigurationError: a key means nothing, or a network is none.
    """
    table.refuse_unknown_keys("internal", "trusted_proxies", "verdicts")
    internal = table.strings("internal") if "internal" in table else PRIVATE
    return ConsumersSettings(
        networks=Networks.parse(internal, table.strings("trusted_proxies")),
        verdicts=beside / table.string("verdicts", ConsumersSettings().verdicts.name),
    )
