"""What a TOML file holds, checked as it is taken out: every message names the place and the fix."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stagenorm.errors import ConfigurationError, MissingExtraError
from stagenorm.times import duration
from stagenorm.urls import without_secrets

_TYPES = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "an array", dict: "a table"}


def read_toml(path: Path) -> Table:
    """Read a file.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML.
        MissingExtraError: this Python is older than 3.11 and no TOML reader is installed.
    """
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - it is not there on every Python
    else:
        try:
            import tomli as tomllib  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("reading TOML before Python 3.11", "cli") from error
    try:
        return Table(tomllib.loads(path.read_bytes().decode()), "the file")
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no such file in {path.parent.resolve()}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"is not UTF-8 (byte {error.start + 1}): save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"is not TOML: {error}") from error


class Table:
    """A TOML table whose content is checked as it is taken out: each method raises ConfigurationError if it is wrong.

    Args:
        content: as it was read.
        place: what messages call it.
    """

    def __init__(self, content: Mapping[str, Any], place: str) -> None:
        self._content = content
        self._place = place

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def refuse_unknown_keys(self, *known: str) -> None:
        """A key that means nothing is a misspelt one."""
        for key in self._content:
            if key not in known:
                raise self.fault(f"unknown key {key!a}: the keys are {', '.join(known)}")

    def fault(self, detail: str) -> ConfigurationError:
        """An error that names this place, for the caller to raise."""
        return ConfigurationError(f"{self._place}: {detail}")

    def string(self, key: str, default: str | None = None) -> str:
        """The string at a key, which must be there if it has no default."""
        value = self._content.get(key, default)
        if value is None:
            raise self.fault(f'no {key}: add {key} = "..."')
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        return value

    def url(self, key: str) -> str | None:
        """The HTTP URL at a key, without a slash at its end; None where it is absent."""
        url = self.string(key, "")
        if url and not url.lower().startswith(("http://", "https://")):
            raise self.fault(f"{key} is {without_secrets(url)!a}, no URL: write http://host:port")
        return url.rstrip("/") or None

    def number(self, key: str, default: float) -> float:
        """The number at a key."""
        value = self._content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(key, "a number", value)
        return float(value)

    def duration(self, key: str, default: float) -> float:
        """Seconds, from the duration at a key, such as "2h"."""
        if key not in self._content:
            return default
        try:
            return duration(self.string(key))
        except ConfigurationError as error:
            raise self.fault(f"{key}: {error}") from error

    def boolean(self, key: str) -> bool:
        """The boolean at a key; false where it is absent."""
        value = self._content.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """The strings of the array at a key; none where it is absent."""
        return tuple(self._array(key, str, "an array of strings"))

    def table(self, key: str) -> Table:
        """The table at a key; an empty one where it is absent."""
        value = self._content.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, f"a table, under its own [{key}]", value)
        return Table(value, key)

    def tables(self, key: str, each: str) -> list[Table]:
        """The tables of the array at a key, called ``each`` and their number; none where it is absent."""
        found = self._array(key, dict, f"an array of tables, each under its own [[{key}]]")
        within = "" if self._place == "the file" else f"{self._place}, "
        return [Table(content, f"{within}{each} {number}") for number, content in enumerate(found, 1)]

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
        return self.fault(f"{key} must be {expected}; {found} stands there")
