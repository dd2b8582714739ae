"""From files to the objects that middleware and commands share: a file for each section, and nothing that decides."""

from stagenorm.config.scenario import load_scenario
from stagenorm.config.service import (
    Configuration,
    declared_backfill,
    declared_endpoints,
    declared_store,
    load_configuration,
)
from stagenorm.config.vocabulary import load_vocabulary

__all__ = [
    "Configuration",
    "declared_backfill",
    "declared_endpoints",
    "declared_store",
    "load_configuration",
    "load_scenario",
    "load_vocabulary",
]
