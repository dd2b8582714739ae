"""Progress: where a rollout stands. A value that is kept beside the modes that it bears on; rollout/ decides on it."""

from __future__ import annotations

from dataclasses import dataclass

EVERYWHERE = "*"
"""The name under which the progress of all endpoints together is kept; no endpoint can have it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout has come: of all endpoints together, or of one.

    Attributes:
        step: the name of the plan's step that it is in.
        entered_at: since when, in seconds since the epoch.
        pulled_back: whether an alert brought it back to this step, which then must hold for longer.
        halted: why an operator stopped it; empty while it goes on.
    """

    step: str
    entered_at: float
    pulled_back: bool = False
    halted: str = ""
