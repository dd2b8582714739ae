"""One tree of exceptions: a host can catch all of them, or what Python's own would be."""

import pytest

import stagenorm
from stagenorm import MissingExtraError, StagenormError, UnknownValueError
from stagenorm.core.folding import Reason
from stagenorm.core.normalizer import Unknown

ERRORS = [each for each in vars(stagenorm).values() if isinstance(each, type) and issubclass(each, Exception)]


@pytest.mark.parametrize("error", ERRORS)
def test_everything_is_a_stagenorm_error(error):
    assert issubclass(error, StagenormError)


@pytest.mark.parametrize(
    ("error", "base"),
    [
        ("ConfigurationError", ValueError),
        ("VocabularyError", ValueError),
        ("PathExpressionError", ValueError),
        ("UnknownValueError", ValueError),
        ("MissingExtraError", ImportError),
    ],
)
def test_python_finds_what_it_knows(error, base):
    assert issubclass(getattr(stagenorm, error), base)


def test_a_missing_extra_tells_the_install_command():
    assert str(MissingExtraError("The demo", "demo")) == (
        "The demo needs an optional dependency: pip install 'stagenorm[demo]'"
    )


def test_an_unknown_value_carries_the_evidence():
    unknown = Unknown("x", Reason.NOT_IN_VOCABULARY, ("y", "z"))
    error = UnknownValueError(unknown, ("y", "z"))
    assert error.unknown is unknown
    assert str(error) == "'x' is not in the vocabulary. Did you mean y or z? Allowed values: y, z."
