"""From files to the objects that middleware and commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.vocabulary import Term, Vocabulary
from stagenorm.errors import ConfigurationError, MissingExtraError, VocabularyError
from stagenorm.observe.rules.watched import Watched, WatchedEndpoint

_TYPES = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "an array", dict: "a table"}


def load_vocabulary(path: Path | str) -> Vocabulary:
    """Read a vocabulary from a TOML file, whose shape ``docs/vocabularies.md`` describes.

    Args:
        path: of the file.

    Raises:
        VocabularyError: the file cannot be read, is not TOML, has a key that means nothing, or holds a vocabulary
            that contradicts itself. The message names the file and the place.
        MissingExtraError: this Python is older than 3.11 and no TOML reader is installed.
    """
    try:
        table = _Table(_read_toml(Path(path)), "the file")
        table.refuse_unknown_keys("name", "suffixes", "terms")
        return Vocabulary(table.string("name"), _terms(table), suffixes=table.strings("suffixes"))
    except ConfigurationError as error:
        raise VocabularyError(f"{path}: {error}") from error


@dataclass(frozen=True, slots=True)
class Configuration:
    """What ``stagenorm.toml`` says of a service.

    Attributes:
        vocabulary: of its fields.
        vocabulary_file: where that one was read, or None for the built-in one.
        store: the URL of its mode store, or None where the environment names it.
        watched: its endpoints and ops app, for rules and dashboards.
    """

    vocabulary: Vocabulary
    vocabulary_file: Path | None
    store: str | None
    watched: Watched


DEFAULT_OPS_URL = "http://127.0.0.1:8000/_ops/stagenorm"


def load_configuration(path: Path | str) -> Configuration:
    """Read ``stagenorm.toml``, whose shape ``docs/telemetry.md`` describes.

    Args:
        path: of the file; a vocabulary that it names is looked for beside it.

    Raises:
        ConfigurationError: the file cannot be read, is not TOML, has a key that means nothing, or says what cannot be.
            The message names the file and the place.
        VocabularyError: the same of the vocabulary that it names.
        MissingExtraError: this Python is older than 3.11 and no TOML reader is installed.
    """
    try:
        table = _Table(_read_toml(Path(path)), "the file")
        table.refuse_unknown_keys("vocabulary", "store", "ops_url", "endpoints")
        named, store = table.string("vocabulary", ""), table.string("store", "")
        watched = Watched(_endpoints(table), table.string("ops_url", DEFAULT_OPS_URL))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    file = Path(path).parent / named if named else None
    return Configuration(load_vocabulary(file) if file else INVESTMENT_STAGES, file, store or None, watched)


def _endpoints(table: _Table) -> tuple[WatchedEndpoint, ...]:
    found: dict[str, WatchedEndpoint] = {}
    for number, entry in enumerate(table.tables("endpoints"), 1):
        each = _Table(entry, f"endpoint {number}")
        each.refuse_unknown_keys("name", "reject_budget")
        endpoint = WatchedEndpoint(each.string("name"), each.number("reject_budget", 0.001))
        if endpoint.name in found:
            raise ConfigurationError(f"endpoint {number}: {endpoint.name!r} stands there twice: remove one")
        found[endpoint.name] = endpoint
    if not found:
        raise ConfigurationError("no endpoints: add [[endpoints]] with the name of each Endpoint of the service")
    return tuple(found.values())


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - it is not there on every Python
    else:
        try:
            import tomli as tomllib  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("reading TOML before Python 3.11", "cli") from error
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"is not UTF-8 (byte {error.start + 1}): save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"is not TOML: {error}") from error


def _terms(table: _Table) -> Iterable[Term]:
    for number, entry in enumerate(table.tables("terms"), 1):
        term = _Table(entry, f"term {number}")
        term.refuse_unknown_keys("value", "label", "aliases")
        yield Term(term.string("value"), term.string("label", ""), term.strings("aliases"))


class _Table:
    """A TOML table whose content is checked as it is taken out.

    Args:
        content: as it was read.
        place: what messages call it.
    """

    def __init__(self, content: Mapping[str, Any], place: str) -> None:
        self._content = content
        self._place = place

    def refuse_unknown_keys(self, *known: str) -> None:
        for key in self._content:
            if key not in known:
                raise ConfigurationError(f"{self._place}: unknown key {key!a}: the keys are {', '.join(known)}")

    def string(self, key: str, default: str | None = None) -> str:
        value = self._content.get(key, default)
        if value is None:
            raise ConfigurationError(f'{self._place}: no {key}: add {key} = "..."')
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        return value

    def number(self, key: str, default: float) -> float:
        value = self._content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(key, "a number", value)
        return float(value)

    def strings(self, key: str) -> tuple[str, ...]:
        return tuple(self._array(key, str, "an array of strings"))

    def tables(self, key: str) -> list[dict[str, Any]]:
        return self._array(key, dict, f"an array of tables, each under its own [[{key}]]")

    def _array(self, key: str, item: type, expected: str) -> list[Any]:
        value = self._content.get(key, [])
        if not isinstance(value, list):
            raise self._wrong(key, expected, value)
        for each in value:
            if not isinstance(each, item):
                raise self._wrong(key, expected, each)
        return value

    def _wrong(self, key: str, expected: str, value: object) -> ConfigurationError:
        found = _TYPES.get(type(value), f"a {type(value).__name__}")
        return ConfigurationError(f"{self._place}: {key} must be {expected}; {found} stands there")
