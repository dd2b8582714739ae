"""Where a value sits in a request: the five kinds of field that an endpoint declares.

Only declarations live here; ``json_body``, ``parameters`` and ``endpoint`` read them. Every field but PathField takes
``required`` (absence is a finding; without it an absent field is none), and every field takes ``vocabulary`` (its
closed set; None takes the boundary's).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stagenorm.boundary import json_path
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.errors import ConfigurationError


@dataclass(frozen=True)
class _Declared:
    required: bool = field(default=False, kw_only=True)
    vocabulary: Vocabulary | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class _JsonPlace(_Declared):
    path: str
    steps: tuple[json_path.Step, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", json_path.parse(self.path))

    @property
    def label(self) -> str:
        """How notices, problems and events name this field."""
        return self.path


class JsonField(_JsonPlace):
    """The strings at a path of a JSON body.

    Attributes:
        path: a path in the subset of ``json_path``, such as ``$.stageDistribution[*].stage``.

    Raises:
        PathExpressionError: the path is outside the subset.
    """


class JsonKeys(_JsonPlace):
    """The member names of the objects at a path of a JSON body.

    Attributes:
        path: the path of the objects, in the same subset.

    Raises:
        PathExpressionError: the path is outside the subset.
    """


@dataclass(frozen=True)
class _Parameter(_Declared):
    name: str
    repeated: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        # Readers disagree on how a raw non-ASCII parameter name is decoded (Latin-1 or UTF-8), so there is none.
        if not (self.name and self.name.isascii() and self.name.isprintable()):
            raise ConfigurationError(f"parameter name {self.name!r} must be printable ASCII and not empty")

    @property
    def label(self) -> str:
        """How notices, problems and events name this field."""
        return self.name


class QueryField(_Parameter):
    """A parameter of the query string.

    Attributes:
        name: the parameter's name, in ASCII.
        repeated: whether it may stand more than once; without it a repeat is ambiguous, since readers differ in
            which one they take.

    Raises:
        ConfigurationError: the name is empty or not printable ASCII.
    """


class FormField(_Parameter):
    """A parameter of an ``application/x-www-form-urlencoded`` body; its attributes are QueryField's."""


@dataclass(frozen=True)
class PathField:
    """A ``{name}`` in the endpoint's path. It is always there, so nothing can be required of it.

    Attributes:
        name: the name as it stands in the endpoint's path.
    """

    name: str
    vocabulary: Vocabulary | None = field(default=None, kw_only=True)

    @property
    def label(self) -> str:
        """How notices, problems and events name this field."""
        return self.name


Field = JsonField | JsonKeys | QueryField | FormField | PathField
