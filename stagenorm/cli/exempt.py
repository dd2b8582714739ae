"""``stagenorm exempt``: consumers that are judged and counted, but not rejected, for a time."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from stagenorm.cli import output, trail
from stagenorm.cli.change import carry_out
from stagenorm.cli.options import (
    By,
    DeclaredEndpoint,
    EndpointName,
    Json,
    Lifetime,
    OptionalReason,
    Reason,
    Store,
    chosen_store,
    operators_change,
)
from stagenorm.core.overlays import exemption
from stagenorm.stores import control
from stagenorm.times import left, moment

app = typer.Typer(help="Let a consumer be counted but not rejected for a time.", no_args_is_help=True)

_Consumer = Annotated[
    str, typer.Argument(metavar="CONSUMER", help="Its key: what the consumer header says, or the client's address.")
]


@app.command()
def add(
    consumer: _Consumer,
    *,
    lifetime: Lifetime,
    reason: Reason,
    by: By,
    endpoint: DeclaredEndpoint = None,
    store: Store = "",
    json: Json = False,
) -> None:
    """Exempt a consumer, or give an exemption another time."""
    change = operators_change(by, reason)
    added = exemption(consumer, endpoint, expires_at=change.now + lifetime, author=by, reason=reason, now=change.now)
    carry_out(
        chosen_store(store),
        lambda target: control.change_overlays(
            target, change, "exempt add", lambda stored: stored.with_exemption(added)
        ),
        unchanged="",
        json=json,
    )


@app.command()
def remove(
    consumer: _Consumer,
    *,
    by: By,
    reason: OptionalReason = "",
    endpoint: EndpointName = None,
    store: Store = "",
    json: Json = False,
) -> None:
    """Take an exemption away before its time, or once it has expired: that of every endpoint, or that of one."""
    change = operators_change(by, reason)
    carry_out(
        chosen_store(store),
        lambda target: control.change_overlays(
            target, change, "exempt remove", lambda stored: stored.without_exemption(consumer, endpoint)
        ),
        unchanged=f"{consumer} is not exempt {f'at {endpoint}' if endpoint else 'everywhere'} (stagenorm exempt list)",
        json=json,
    )


@app.command("list")
def list_(endpoint: EndpointName = None, store: Store = "", json: Json = False) -> None:
    """Print the exemptions, expired ones included: all, or those that count at an endpoint."""
    stored, now = chosen_store(store).read().overlays.exemptions, time.time()
    exemptions = [each for each in stored if trail.counts_at(each, endpoint)]
    if json:
        output.show_json([{**trail.overlay_as_json(each), "expired": now >= each.expires_at} for each in exemptions])
        return
    if not exemptions:
        output.show("no exemptions")
        return
    rows = output.table("consumer", "where", "until", "left", "by", "why", numeric=("left",), whole=("until",))
    for each in exemptions:
        rows.add_row(
            output.cell(each.consumer),
            output.cell(trail.place(each)),
            moment(each.expires_at),
            left(each.expires_at, now),
            output.cell(each.author),
            output.cell(each.reason),
        )
    output.show(rows)
