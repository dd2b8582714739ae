"""``stagenorm mode``: look at the switch, throw it, and see who threw it before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated

import typer

from stagenorm.cli import mode_screen, output, trail
from stagenorm.cli.change import carry_out
from stagenorm.cli.options import (
    By,
    DeclaredEndpoint,
    EndpointName,
    Json,
    Reason,
    Store,
    chosen_store,
    not_blank,
    operators_change,
    store_name,
    store_url,
)
from stagenorm.core.modes import Mode
from stagenorm.errors import TransitionRefusedError
from stagenorm.stores import control
from stagenorm.stores.environment import default_state, local_ceiling

app = typer.Typer(help="Look at the modes, change them, see who did before.", no_args_is_help=True)


@app.command()
def show(endpoint: DeclaredEndpoint = None, store: Store = "", json: Json = False) -> None:
    """Print the modes as they are stored now."""
    url = store_url(store)
    snapshot = chosen_store(url).read()
    default, ceiling = default_state(os.environ), local_ceiling(os.environ).read()
    if json:
        output.show_json(mode_screen.as_json(snapshot, default, ceiling, endpoint))
    else:
        output.show(store_name(url))
        mode_screen.show_modes(snapshot, default, ceiling, endpoint)


@app.command("set")
def set_mode(
    ctx: typer.Context,
    mode: Annotated[Mode, typer.Argument(metavar="MODE", help="The new mode.")],
    *,
    share: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, metavar="PERCENT", help="The part of the consumers that enforce holds; 100 is everybody."
        ),
    ] = None,
    reason: Reason,
    by: By,
    endpoint: DeclaredEndpoint = None,
    store: Store = "",
    json: Json = False,
) -> None:
    """Change the mode everywhere, or of one endpoint.

    Everywhere means every endpoint without a mode of its own; it shows which ones have one.
    """
    if mode is Mode.ENFORCE and share is None:
        ctx.fail("enforce needs --share PERCENT: the part of the consumers that it holds, 100 for everybody")
    if mode is not Mode.ENFORCE and share is not None:
        ctx.fail(f"--share goes with enforce: {mode.value} is the same for everybody")
    change, default = operators_change(by, reason), default_state(os.environ)
    with _naming_the_unlatch(endpoint):
        carry_out(
            chosen_store(store),
            lambda target: control.set_mode(target, change, mode, share or 0, endpoint=endpoint, default=default),
            unchanged="that is its mode",
            json=json,
        )


@contextmanager
def _naming_the_unlatch(endpoint: str | None) -> Iterator[None]:
    """A refusal ends with the command that makes the change possible."""
    try:
        yield
    except TransitionRefusedError as error:
        only = f" --endpoint {endpoint}" if endpoint else ""
        raise TransitionRefusedError(f"{error}: stagenorm mode unlatch{only} --reason TEXT") from error


@app.command()
def downgrade(reason: Reason, by: By, endpoint: DeclaredEndpoint = None, store: Store = "", json: Json = False) -> None:
    """Pull enforce back to warn, and latch it.

    Without --endpoint that is everything, endpoints with a mode of their own included. What is latched does not enforce
    again until an operator unlatches it.
    """
    change, default = operators_change(by, reason), default_state(os.environ)
    carry_out(
        chosen_store(store),
        lambda target: control.downgrade(target, change, endpoint=endpoint, default=default),
        unchanged="nothing enforces there, and it is latched already",
        json=json,
    )


@app.command()
def unlatch(reason: Reason, by: By, endpoint: EndpointName = None, store: Store = "", json: Json = False) -> None:
    """Clear the latch that a downgrade left.

    The mode stays: enforcing again is a change of its own.
    """
    change = operators_change(by, reason)
    carry_out(
        chosen_store(store),
        lambda target: control.unlatch(target, change, endpoint=endpoint),
        unchanged="nothing is latched there",
        json=json,
        only_what_was_shown=True,
    )


@app.command()
def clear(
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="NAME", help="Whose own mode goes.", callback=not_blank)
    ],
    reason: Reason,
    by: By,
    store: Store = "",
    json: Json = False,
) -> None:
    """Take an endpoint's own mode away.

    The mode everywhere then holds there again, even if it is stricter. What is latched must be unlatched first.
    """
    change = operators_change(by, reason)
    with _naming_the_unlatch(endpoint):
        carry_out(
            chosen_store(store),
            lambda target: control.clear(target, change, endpoint),
            unchanged=f"{endpoint} has no mode of its own",
            json=json,
        )


@app.command()
def undo(reason: Reason, by: By, endpoint: EndpointName = None, store: Store = "", json: Json = False) -> None:
    """Take the last change of a mode back, or the last one of an endpoint's own mode.

    Every mode, or that one alone, becomes what it was before, its latch included, as a new revision. Aliases and
    exemptions stay.
    """
    change = operators_change(by, reason)
    carry_out(
        chosen_store(store),
        lambda target: control.undo(target, change, endpoint=endpoint),
        unchanged="",
        json=json,
        only_what_was_shown=True,
    )


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many changes.")] = 20,
    endpoint: EndpointName = None,
    store: Store = "",
    json: Json = False,
) -> None:
    """Print who changed what, when and why.

    The newest change comes first; aliases and exemptions are changes too. With --endpoint it is what holds there that
    changed, there alone or everywhere.
    """
    kept = chosen_store(store)
    if endpoint is None:
        entries = kept.trail(limit)
    else:
        entries = list(islice((each for each in control.newest_first(kept) if trail.is_of(each, endpoint)), limit))
    if json:
        output.show_json([trail.as_json(entry) for entry in entries])
    elif entries:
        trail.show_history(entries)
        if len(entries) == limit:
            output.show(f"These are the newest {limit}; --limit N prints more.")
    else:
        output.show("nothing was ever changed there" if endpoint else "nothing was ever changed in this store")
