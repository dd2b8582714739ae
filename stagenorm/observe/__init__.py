"""What was seen, made countable in bounded memory: metrics, sampled logs, and the most frequent offenders.

A hook whose extra is not installed is missed where it is asked for, and nowhere before.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from stagenorm.observe.logs import LogHook
from stagenorm.observe.offenders import OffendersHook

if TYPE_CHECKING:
    from stagenorm.observe.json_logs import JsonFormatter
    from stagenorm.observe.prometheus import PrometheusHook

__all__ = ["JsonFormatter", "LogHook", "OffendersHook", "PrometheusHook"]

_EXTRAS = {
    "JsonFormatter": "stagenorm.observe.json_logs",
    "PrometheusHook": "stagenorm.observe.prometheus",
}

if not TYPE_CHECKING:

    def __getattr__(name):  # noqa: ANN001, ANN202
        if name not in _EXTRAS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_EXTRAS[name]), name)
