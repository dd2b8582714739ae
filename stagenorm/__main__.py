"""``python -m stagenorm`` is the ``stagenorm`` command."""

from stagenorm.cli import main

main()
