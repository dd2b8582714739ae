"""Conclusion: what evidence allows. "Not enough known" is neither yes nor no."""

from __future__ import annotations

from stagenorm.core.token import Token


class Conclusion(Token):
    """What a gate, a check or a report says."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    HOLD = "HOLD"
