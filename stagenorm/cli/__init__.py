"""The ``stagenorm`` command: one file each command group, one thin function each command.

Typer and rich are imported in this package only.
"""

import io
import signal
import sys

from stagenorm.errors import MissingExtraError

_EXTRA = ("typer", "rich")


def main() -> None:
    """Run the command line and exit with its code."""
    # A terminated command cleans up as an interrupted one does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter shows its escape
    try:
        _run()
    except KeyboardInterrupt:  # while modules load; later Typer listens itself
        sys.exit(128 + signal.SIGINT)


def _run() -> None:
    try:
        from stagenorm.cli.app import app  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.exit(f"stagenorm: {MissingExtraError('the stagenorm command', 'cli')}")
    app(prog_name="stagenorm")
