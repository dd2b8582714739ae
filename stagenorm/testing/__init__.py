"""Test helpers for services that mount stagenorm: hypothesis strategies, and one line that fuzzes a whole app.

The public names, and nothing else. The project's own tests use the same strategies.
"""

from stagenorm.errors import MissingExtraError

try:
    from stagenorm.testing.holds import assert_boundary_holds
    from stagenorm.testing.requests import Expected, GeneratedRequest, requests_for
    from stagenorm.testing.values import aliases, canonical, hostile_values, unknowns
except ImportError as error:
    raise MissingExtraError("stagenorm.testing", "testing") from error

__all__ = [
    "Expected",
    "GeneratedRequest",
    "aliases",
    "assert_boundary_holds",
    "canonical",
    "hostile_values",
    "requests_for",
    "unknowns",
]
