"""Durations as options take them."""

from __future__ import annotations

import typer

from stagenorm.errors import ConfigurationError
from stagenorm.times import duration as seconds_of


def duration(text: str) -> float:
    """Seconds, from a duration such as 90m, 12h, 7d or 2w. Wrong usage if it is none, or lasts for no time."""
    try:
        return seconds_of(text)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error
