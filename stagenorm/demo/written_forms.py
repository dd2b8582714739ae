"""Investment stages as people really wrote them in public funding data, each with its frequency and a careful label."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

from stagenorm.events import FindingKind

_UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """One written form.

    Attributes:
        raw: as it was written, white space exact.
        count: how often it was found; the sources overlap, so a weight rather than a tally.
        meanings: the canonical values that a careful reader may take it for, None among them where none is right.
    """

    raw: str
    count: int
    meanings: frozenset[str | None]

    @property
    def meaning(self) -> str | None:
        """The one meaning; of several, which no caller may ask for, a ValueError."""
        (meaning,) = self.meanings
        return meaning

    @property
    def kind(self) -> FindingKind:
        """What a boundary must find, by the label alone."""
        if self.meaning is None:
            return FindingKind.UNKNOWN
        return FindingKind.CANONICAL if self.meaning == self.raw else FindingKind.ALIAS


def written_forms() -> list[WrittenForm]:
    """All of them, the most frequent first."""
    text = files("stagenorm.demo").joinpath("written_forms.csv").read_bytes().decode()
    return [
        WrittenForm(
            row["raw"],
            int(row["count"]),
            frozenset(None if label == _UNKNOWN else label for label in row["expected"].split("|")),
        )
        for row in csv.DictReader(text.splitlines(keepends=True))
    ]
