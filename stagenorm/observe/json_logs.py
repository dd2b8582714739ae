"""JsonFormatter: log records as one JSON object a line. The one file that imports python-json-logger."""

from __future__ import annotations

import logging

from stagenorm.errors import MissingExtraError

try:
    from pythonjsonlogger import json as jsonlogger
except ModuleNotFoundError as error:
    raise MissingExtraError("JsonFormatter", "logs") from error

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}


class JsonFormatter(jsonlogger.JsonFormatter):
    """Formats any record as an object with time, level, logger, message and what its ``extra`` holds.

    The line is printable ASCII: what could break it or steer a terminal is escaped.
    """

    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_NAMES, json_ensure_ascii=True)

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return super().format(record).replace("\x7f", "\\u007f")  # the one control character that JSON leaves as it is
