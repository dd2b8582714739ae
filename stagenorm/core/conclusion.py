"""Conclusion: what evidence allows. "Not enough known" is neither yes nor no."""

from __future__ import annotations

from collections.abc import Iterable

from stagenorm.core.token import Token


class Conclusion(Token):
    """What a gate, a check or a report says."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    HOLD = "HOLD"

    @classmethod
    def gravest(cls, conclusions: Iterable[Conclusion]) -> Conclusion:
        """What several say together: one that fails fails, and one that holds holds. PASS where there is none."""
        found = set(conclusions)
        return next((each for each in (cls.FAIL, cls.HOLD) if each in found), cls.PASS)
