"""``[[endpoints]]``: what is watched, and where a request is declared too, what is guarded."""

from __future__ import annotations

from pathlib import Path

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.boundary.fields import Field, FormField, JsonField, JsonKeys, PathField, QueryField
from stagenorm.config.toml import Table
from stagenorm.config.vocabulary import load_vocabulary
from stagenorm.errors import ConfigurationError
from stagenorm.observe.rules.watched import WatchedEndpoint

_JSON: dict[str, type[JsonField | JsonKeys]] = {"json": JsonField, "keys": JsonKeys}
_PARAMETERS: dict[str, type[QueryField | FormField]] = {"query": QueryField, "form": FormField}
_KINDS = (*_JSON, *_PARAMETERS, "path")
_DECLARED = ("method", "path", "fields")


def read_endpoints(table: Table, beside: Path) -> tuple[tuple[WatchedEndpoint, ...], tuple[Endpoint, ...]]:
    """All endpoints as they are watched, and those that are declared as they are guarded.

    Args:
        table: the whole file.
        beside: where a field's own vocabulary is looked for.

    Raises:
        ConfigurationError: there are none, or one says what cannot be.
        VocabularyError: a field's own vocabulary is none.
    """
    watched: dict[str, WatchedEndpoint] = {}
    declared: list[Endpoint] = []
    for each in table.tables("endpoints", "endpoint"):
        each.refuse_unknown_keys("name", "reject_budget", *_DECLARED)
        endpoint = WatchedEndpoint(each.string("name"), each.number("reject_budget", 0.001))
        if endpoint.name in watched:
            raise each.fault(f"{endpoint.name!r} stands there twice: remove one")
        watched[endpoint.name] = endpoint
        if any(key in each for key in _DECLARED):
            fields = [_field(field, beside) for field in each.tables("fields", "field")]
            declared.append(Endpoint(endpoint.name, each.string("method"), each.string("path"), fields))
    if not watched:
        raise ConfigurationError("no endpoints: add [[endpoints]] with the name of each Endpoint of the service")
    return tuple(watched.values()), tuple(declared)


def _field(table: Table, beside: Path) -> Field:
    table.refuse_unknown_keys(*_KINDS, "required", "repeated", "vocabulary")
    given = [kind for kind in _KINDS if kind in table]
    if len(given) != 1:
        raise table.fault(f'say where the value sits, as in json = "$.stage": one of {", ".join(_KINDS)}')
    kind, place = given[0], table.string(given[0])
    own = table.string("vocabulary", "")
    vocabulary = load_vocabulary(beside / own) if own else None
    required, repeated = table.boolean("required"), table.boolean("repeated")
    if repeated and kind not in _PARAMETERS:
        raise table.fault("only query and form take repeated: remove it")
    if kind == "path":
        if required:
            raise table.fault("a path parameter is always there: remove required")
        return PathField(place, vocabulary=vocabulary)
    if kind in _JSON:
        return _JSON[kind](place, required=required, vocabulary=vocabulary)
    return _PARAMETERS[kind](place, required=required, repeated=repeated, vocabulary=vocabulary)
