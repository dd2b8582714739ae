"""Conclusions are words that reports, gates and scripts share."""

import pytest

from stagenorm.core.conclusion import Conclusion


def test_a_conclusion_is_its_word():
    assert [each.value for each in Conclusion] == ["PASS", "FAIL", "HOLD"]
    assert Conclusion("HOLD") is Conclusion.HOLD


@pytest.mark.parametrize("word", ["pass", "OK", ""])
def test_no_other_word_is_one(word):
    with pytest.raises(ValueError, match="is not a valid Conclusion"):
        Conclusion(word)


PASS, FAIL, HOLD = Conclusion


@pytest.mark.parametrize(
    ("several", "together"),
    [([], PASS), ([PASS, PASS], PASS), ([PASS, HOLD], HOLD), ([HOLD, FAIL], FAIL), ([FAIL, PASS], FAIL)],
)
def test_one_that_fails_fails_and_one_that_holds_holds(several, together):
    assert Conclusion.gravest(several) is together
