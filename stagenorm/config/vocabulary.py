"""A vocabulary from its TOML file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stagenorm.config.toml import Table, read_toml
from stagenorm.core.vocabulary import Term, Vocabulary
from stagenorm.errors import ConfigurationError, VocabularyError


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
        table = read_toml(Path(path))
        table.refuse_unknown_keys("name", "suffixes", "terms")
        return Vocabulary(table.string("name"), _terms(table), suffixes=table.strings("suffixes"))
    except ConfigurationError as error:
        raise VocabularyError(f"{path}: {error}") from error


def _terms(table: Table) -> Iterable[Term]:
    for term in table.tables("terms", "term"):
        term.refuse_unknown_keys("value", "label", "aliases")
        yield Term(term.string("value"), term.string("label", ""), term.strings("aliases"))
