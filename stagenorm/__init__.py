"""Only canonical values of a closed vocabulary get through an API's boundary.

The public names, and nothing else. The adapters are ``stagenorm.asgi`` and ``stagenorm.wsgi``.
"""

from stagenorm.boundary.boundary import Boundary
from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import FormField, JsonField, JsonKeys, PathField, QueryField
from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.modes import FixedModes, Mode, ModeState, ModeView
from stagenorm.core.normalizer import Match, Normalizer, Unknown
from stagenorm.core.vocabulary import Term, Vocabulary
from stagenorm.errors import (
    ConfigurationError,
    DataFileError,
    MissingExtraError,
    PathExpressionError,
    StagenormError,
    StoreError,
    TransitionRefusedError,
    UnknownValueError,
    VocabularyError,
)

__all__ = [
    "INVESTMENT_STAGES",
    "Boundary",
    "ConfigurationError",
    "DataFileError",
    "Endpoint",
    "FixedModes",
    "FormField",
    "JsonField",
    "JsonKeys",
    "Match",
    "MissingExtraError",
    "Mode",
    "ModeState",
    "ModeView",
    "Normalizer",
    "PathExpressionError",
    "PathField",
    "QueryField",
    "StagenormError",
    "StoreError",
    "Term",
    "TransitionRefusedError",
    "Unknown",
    "UnknownValueError",
    "Vocabulary",
    "VocabularyError",
]
