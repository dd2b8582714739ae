"""``stagenorm.toml``: the whole of what it says of a service, section by section."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stagenorm.backfill.declared import DeclaredTargets
from stagenorm.boundary.endpoint import Endpoint
from stagenorm.config.backfill import read_backfill
from stagenorm.config.consumers import read_consumers
from stagenorm.config.endpoints import read_endpoints
from stagenorm.config.rollout import read_rollout
from stagenorm.config.toml import Table, read_toml
from stagenorm.config.vocabulary import load_vocabulary
from stagenorm.consumers.settings import ConsumersSettings
from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.errors import ConfigurationError, MissingExtraError
from stagenorm.observe.rules.watched import Watched
from stagenorm.rollout.settings import RolloutSettings

DEFAULT_OPS_URL = "http://127.0.0.1:8000/_ops/stagenorm"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What ``stagenorm.toml`` says of a service.

    Attributes:
        vocabulary: of its fields.
        vocabulary_file: where that one was read, or None for the built-in one.
        store: the URL of its mode store, or None where the environment names it.
        watched: its endpoints and ops app, for rules and dashboards.
        endpoints: those that are declared with method, path and fields, as ``Boundary`` takes them.
        backfill: the stored rows that are to become canonical.
        consumers: the operator's own networks, and where verdicts are kept.
        rollout: how it goes to enforce.
    """

    vocabulary: Vocabulary
    vocabulary_file: Path | None
    store: str | None
    watched: Watched
    endpoints: tuple[Endpoint, ...]
    backfill: DeclaredTargets
    consumers: ConsumersSettings
    rollout: RolloutSettings


def declared_store(path: Path) -> str:
    """The URL of the store that a ``stagenorm.toml`` names, whatever else it says; empty if it names none.

    Raises:
        ConfigurationError: the file cannot be read, is not TOML, or its store is no string.
        MissingExtraError: this Python is older than 3.11 and no TOML reader is installed.
    """
    try:
        return read_toml(path).string("store", "")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}; --store URL does without it") from error


def declared_endpoints(path: Path) -> tuple[str, ...]:
    """The names of the endpoints that a ``stagenorm.toml`` declares, whatever else is wrong in it; none if it tells none."""
    try:
        return tuple(each.string("name") for each in read_toml(path).tables("endpoints", "endpoint"))
    except (ConfigurationError, MissingExtraError):
        return ()


def declared_backfill(path: Path) -> tuple[DeclaredTargets, Vocabulary]:
    """The stored rows that a ``stagenorm.toml`` names and the vocabulary of them, whatever else it says: it needs no endpoints.

    Raises:
        ConfigurationError: as ``load_configuration``, of what is read here.
        VocabularyError: the same of a vocabulary that it names.
        MissingExtraError: this Python is older than 3.11 and no TOML reader is installed.
    """
    try:
        table = _read(path)
        backfill = read_backfill(table.table("backfill"))
        named = table.string("vocabulary", "")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return backfill, load_vocabulary(path.parent / named) if named else INVESTMENT_STAGES


def _read(path: Path) -> Table:
    table = read_toml(path)
    table.refuse_unknown_keys("vocabulary", "store", "ops_url", "endpoints", "backfill", "consumers", "rollout")
    return table


def load_configuration(path: Path | str) -> Configuration:
    """Read ``stagenorm.toml``, whose shape ``docs/configuration.md`` describes.

    Args:
        path: of the file; a vocabulary that it names is looked for beside it.

    Raises:
        ConfigurationError: the file cannot be read, is not TOML, has a key that means nothing, or says what cannot be.
            The message names the file and the place.
        VocabularyError: the same of a vocabulary that it names.
        MissingExtraError: this Python is older than 3.11 and no TOML reader is installed.
    """
    path = Path(path)
    try:
        table = _read(path)
        named, store = table.string("vocabulary", ""), table.string("store", "")
        watched, endpoints = read_endpoints(table, path.parent)
        consumers = read_consumers(table.table("consumers"), path.parent)
        rollout = read_rollout(table.table("rollout"), [each.name for each in watched], path.parent)
        ops_url = table.url("ops_url") or DEFAULT_OPS_URL
        backfill = read_backfill(table.table("backfill"))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    file = path.parent / named if named else None
    return Configuration(
        vocabulary=load_vocabulary(file) if file else INVESTMENT_STAGES,
        vocabulary_file=file,
        store=store or None,
        watched=Watched(watched, ops_url),
        endpoints=endpoints,
        backfill=backfill,
        consumers=consumers,
        rollout=rollout,
    )
