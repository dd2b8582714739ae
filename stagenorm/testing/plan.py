"""What one generated request is to hold, decided before any of it is written: so it is known what must become of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hypothesis import strategies as st

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import Field, FormField, JsonField, JsonKeys, PathField, QueryField
from stagenorm.boundary.json_path import Each
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.testing.values import aliases, canonical, hostile_strings, hostile_values, unknowns


class Expected(str, Enum):
    """What must become of a request in enforce: it passes, it passes rewritten, or it is answered with a problem."""

    CANONICAL = "canonical"
    ALIAS = "alias"
    REFUSED = "refused"


class Way(str, Enum):
    """What sets a request apart, in words that complete "the request holds ..."."""

    CANONICAL = "canonical values"
    ALIAS = "an alias"

    UNKNOWN = "an unknown value"
    HOSTILE = "a hostile value"
    SEALED_ALIAS = "an alias in a signed request"
    ABSENT = "no value where one is required"

    REPEATED = "a parameter that stands twice"
    SEMICOLON = "a ';' beside a parameter"
    RAW_PLUS = "a raw '+' at the end of a value"
    RAW_BYTES = "raw bytes beyond ASCII"
    BROKEN_UTF8 = "percent-encoding that is not UTF-8"

    DUPLICATE_KEY = "a key that stands twice"
    TWO_KEYS_ONE_VALUE = "two keys that become one"
    OTHER_SHAPE = "another shape on the way to a value"

    BYTE_ORDER_MARK = "a byte order mark"
    UTF16 = "UTF-16"
    UTF32 = "UTF-32"
    NOT_UTF8 = "bytes that are not UTF-8"
    NAN = "a number that JSON does not know"
    SURROGATE = "an escaped lone surrogate"
    DEEP = "nesting beyond 128"
    TRAILING = "data behind the document"
    TRUNCATED = "half a document"

    MEDIA_TYPE = "another media type"
    NO_MEDIA_TYPE = "no media type"
    CHARSET = "another charset"
    ENCODED = "a Content-Encoding"
    TOO_LARGE = "a body over the limit"


ANY_BODY = (Way.MEDIA_TYPE, Way.NO_MEDIA_TYPE, Way.CHARSET, Way.ENCODED, Way.TOO_LARGE)
JSON_BODY = (
    *(Way.BYTE_ORDER_MARK, Way.UTF16, Way.UTF32, Way.NOT_UTF8, Way.NAN, Way.SURROGATE, Way.DEEP, Way.TRAILING),
    Way.TRUNCATED,
)
_PARAMETER = (Way.SEMICOLON, Way.RAW_PLUS, Way.RAW_BYTES, Way.BROKEN_UTF8)


@dataclass(frozen=True)
class Plan:
    """What one request is to hold.

    Attributes:
        expected: what must become of it.
        way: what sets it apart.
        culprit: the field that ``way`` is about; the others hold ordinary values.
        depth: how many steps of the culprit's JSON path lead to the place that ``way`` is about.
        vocabulary: of every field that names none.
        max_body_bytes: the boundary's limit.
    """

    expected: Expected
    way: Way
    culprit: Field
    depth: int
    vocabulary: Vocabulary
    max_body_bytes: int

    def vocabulary_of(self, field: Field) -> Vocabulary:
        """The closed set of a field."""
        return field.vocabulary or self.vocabulary

    def ordinary(self, field: Field) -> st.SearchStrategy[str]:
        """Values that do not change what is expected of the request."""
        vocabulary = self.vocabulary_of(field)
        if self.expected is Expected.CANONICAL:
            return canonical(vocabulary)
        return st.one_of(canonical(vocabulary), aliases(vocabulary))

    def strings(self, field: Field) -> st.SearchStrategy[str]:
        """Strings for a place in the culprit."""
        vocabulary = self.vocabulary_of(field)
        if self.way in (Way.ALIAS, Way.SEALED_ALIAS):
            return aliases(vocabulary)
        if self.way is Way.UNKNOWN:
            return unknowns(vocabulary)
        if self.way is Way.HOSTILE:
            return hostile_strings(vocabulary)
        return self.ordinary(field)

    def values(self, field: Field) -> st.SearchStrategy[object]:
        """The same where JSON could hold something else than a string."""
        return hostile_values(self.vocabulary_of(field)) if self.way is Way.HOSTILE else self.strings(field)


@st.composite
def plans(draw: st.DrawFn, endpoint: Endpoint, vocabulary: Vocabulary, max_body_bytes: int) -> Plan:
    """Plans for requests to one endpoint."""
    expected = draw(st.sampled_from((Expected.REFUSED, Expected.ALIAS, Expected.CANONICAL, Expected.REFUSED)))
    culprit = draw(st.sampled_from(endpoint.fields))
    if expected is Expected.REFUSED:
        way = draw(st.sampled_from(_refused_ways(culprit)))
    else:
        way = Way.ALIAS if expected is Expected.ALIAS else Way.CANONICAL
    return Plan(expected, way, culprit, draw(_depths(culprit, way)), vocabulary, max_body_bytes)


def _refused_ways(field: Field) -> list[Way]:
    ways = [Way.UNKNOWN, Way.HOSTILE, Way.SEALED_ALIAS]
    if isinstance(field, PathField):
        return ways
    if field.required:
        ways.append(Way.ABSENT)
    if isinstance(field, (QueryField, FormField)):
        ways += [*_PARAMETER, *([] if field.repeated else [Way.REPEATED])]
        return [*ways, *ANY_BODY] if isinstance(field, FormField) else ways
    if any(isinstance(step, str) for step in field.steps) or isinstance(field, JsonKeys):
        ways.append(Way.DUPLICATE_KEY)
    if field.steps or isinstance(field, JsonKeys):
        ways.append(Way.OTHER_SHAPE)
    if isinstance(field, JsonKeys):
        ways.append(Way.TWO_KEYS_ONE_VALUE)
    return [*ways, *JSON_BODY, *ANY_BODY]


def _depths(field: Field, way: Way) -> st.SearchStrategy[int]:
    """Where on the culprit's path its way can be planted; 0 where that says nothing."""
    if not isinstance(field, (JsonField, JsonKeys)):
        return st.just(0)
    end = [len(field.steps)] if isinstance(field, JsonKeys) else []
    if way is Way.DUPLICATE_KEY:
        return st.sampled_from([*(at for at, step in enumerate(field.steps) if isinstance(step, str)), *end])
    if way is Way.OTHER_SHAPE:
        return st.sampled_from([*range(len(field.steps)), *end])
    if way is Way.ABSENT:
        # An empty array has no element that lacks a value, so nothing is absent behind [*] itself.
        return st.sampled_from([-1, *(at for at, step in enumerate(field.steps) if not isinstance(step, Each))])
    return st.just(len(field.steps))
