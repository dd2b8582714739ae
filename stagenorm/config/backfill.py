"""``[backfill]``: the database whose stored rows become canonical, and which columns of it."""

from __future__ import annotations

from stagenorm.backfill.declared import DeclaredTargets
from stagenorm.backfill.target import Target
from stagenorm.config.toml import Table
from stagenorm.errors import ConfigurationError


def read_backfill(table: Table) -> DeclaredTargets:
    """The declared targets.

    Args:
        table: the section.

    Raises:
        ConfigurationError: it says what cannot be.
    """
    table.refuse_unknown_keys("database", "targets")
    named: dict[str, Target] = {}
    for each in table.tables("targets", "target"):
        each.refuse_unknown_keys("name", "table", "column", "key", "filter", "tenant")
        name = each.string("name")
        if name in named:
            raise each.fault(f"{name!r} stands there twice: remove one")
        table_, column, key = each.string("table"), each.string("column"), each.strings("key")
        condition, tenant = each.string("filter", ""), each.string("tenant", "")
        try:
            named[name] = Target.parse(table_, column, key, condition=condition, tenant=tenant)
        except ConfigurationError as error:
            raise each.fault(str(error)) from error
    return DeclaredTargets(table.string("database", "") or None, named)
