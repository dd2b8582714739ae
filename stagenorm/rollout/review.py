"""Review: who looked through all that a vocabulary accepts, when and why it is right, in a file of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from stagenorm.files import replacing
from stagenorm.rollout.observations import NotKnown
from stagenorm.times import moment, seconds_at

REVIEW = Path("vocabulary-review.json")
"""Where a review is kept if nothing else is said."""


@dataclass(frozen=True, slots=True)
class Review:
    """One review.

    Attributes:
        vocabulary: its name.
        fingerprint: of everything that it accepts.
        author: who looked through it.
        reason: what was looked at, or why it is right.
        at: seconds since the epoch.
    """

    vocabulary: str
    fingerprint: str
    author: str
    reason: str
    at: float


def write_review(path: Path, review: Review) -> None:
    """Keep a review. Raises DataFileError where that cannot be."""
    with replacing(path) as file:
        file.write(json.dumps({**asdict(review), "at": moment(review.at)}, indent=2).encode() + b"\n")


def read_review(path: Path) -> Review | NotKnown:
    """The review that is kept, or why there is none."""
    try:
        content = json.loads(path.read_bytes())
        texts = {key: str(content[key]) for key in ("vocabulary", "fingerprint", "author", "reason")}
        return Review(**texts, at=seconds_at(content["at"]))
    except FileNotFoundError:
        return NotKnown(f"nobody has reviewed it: {path} is not there")
    except OSError as error:
        return NotKnown(f"{path} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return NotKnown(f"{path} is no review")
