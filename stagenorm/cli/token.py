"""``stagenorm token``: tokens that name operators, and secrets to sign with."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from stagenorm.cli import output
from stagenorm.cli.options import not_blank
from stagenorm.cli.times import duration

app = typer.Typer(help="Make tokens for operators, and secrets.", no_args_is_help=True)


@app.command()
def issue(
    actor: Annotated[
        str, typer.Option("--actor", metavar="NAME", help="Who acts with it; the trail keeps it.", callback=not_blank)
    ],
    lifetime: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="How long it is good: 90m, 12h, 7d or 2w.")
    ] = "12h",
) -> None:
    """Print a token that names an operator to the ops app.

    It is signed with STAGENORM_TOKEN_KEY, which must be the service's.
    """
    from stagenorm.ops.credentials import TOKEN_KEY, word  # noqa: PLC0415 - an extra
    from stagenorm.ops.tokens import Tokens  # noqa: PLC0415 - an extra

    output.show(Tokens(word(os.environ, TOKEN_KEY)).issue(actor, time.time() + duration(lifetime)))


@app.command()
def secret() -> None:
    """Print a fresh secret, good for STAGENORM_WEBHOOK_SECRETS, STAGENORM_ALERTMANAGER_TOKEN and STAGENORM_TOKEN_KEY."""
    from stagenorm.ops.credentials import fresh_secret  # noqa: PLC0415 - an extra

    output.show(fresh_secret())
