"""Options that go together: a frozen dataclass of them is one parameter of every command that takes them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Spell out each parameter that is a dataclass as the options that are its fields, for Typer to read.

    Args:
        command: a function whose parameters are options, or frozen dataclasses of options with a default each.
    """
    groups, spelt = {}, []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = parameter.annotation
        if not is_dataclass(group):
            spelt.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        hints = get_type_hints(group, include_extras=True)
        groups[parameter.name] = [field.name for field in fields(group)]
        spelt += [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
            )
            for field in fields(group)
        ]
    made = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def ungrouped(**given: Any) -> None:
        parts = {
            name: made[name].annotation(**{field: given.pop(field) for field in its}) for name, its in groups.items()
        }
        command(**parts, **given)

    ungrouped.__signature__ = inspect.Signature(spelt)  # type: ignore[attr-defined]
    ungrouped.__annotations__ = {parameter.name: parameter.annotation for parameter in spelt}
    return ungrouped
