"""Options that several commands take, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stagenorm.config import load_vocabulary
from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.vocabulary import Vocabulary

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]


def chosen_vocabulary(path: Path | None) -> Vocabulary:
    """The vocabulary of a TOML file, or the built-in one. Raises VocabularyError as load_vocabulary does."""
    return load_vocabulary(path) if path else INVESTMENT_STAGES
