"""``stagenorm alias``: written forms that count as a canonical value for a time, in every worker and without a deploy."""

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
    VocabularyFile,
    chosen_store,
    chosen_vocabulary,
    operators_change,
)
from stagenorm.core.folding import fold
from stagenorm.core.overlays import temporary_alias
from stagenorm.stores import control
from stagenorm.times import left, moment

app = typer.Typer(help="Let a form count as a canonical value for a time.", no_args_is_help=True)

_Form = Annotated[str, typer.Argument(metavar="FORM", help="The form as clients write it.")]


@app.command()
def add(
    form: _Form,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The canonical value that it means.")],
    *,
    lifetime: Lifetime,
    reason: Reason,
    by: By,
    endpoint: DeclaredEndpoint = None,
    vocabulary: VocabularyFile = None,
    store: Store = "",
    json: Json = False,
) -> None:
    """Add a form, or give one that was added another value or time."""
    change = operators_change(by, reason)
    alias = temporary_alias(
        chosen_vocabulary(vocabulary),
        form,
        value,
        endpoint,
        expires_at=change.now + lifetime,
        author=by,
        reason=reason,
        now=change.now,
    )
    carry_out(
        chosen_store(store),
        lambda target: control.change_overlays(target, change, "alias add", lambda stored: stored.with_alias(alias)),
        unchanged="",
        json=json,
    )


@app.command()
def remove(
    form: _Form,
    *,
    by: By,
    reason: OptionalReason = "",
    endpoint: EndpointName = None,
    vocabulary: VocabularyFile = None,
    store: Store = "",
    json: Json = False,
) -> None:
    """Take a form away before its time, or once it has expired: that of every endpoint, or that of one."""
    change, owner, folded = operators_change(by, reason), chosen_vocabulary(vocabulary).name, fold(form)
    carry_out(
        chosen_store(store),
        lambda target: control.change_overlays(
            target, change, "alias remove", lambda stored: stored.without_alias(owner, folded, endpoint)
        ),
        unchanged=f"{folded} is no temporary alias of {owner} {f'at {endpoint}' if endpoint else 'everywhere'} (stagenorm alias list)",
        json=json,
    )


@app.command("list")
def list_(endpoint: EndpointName = None, store: Store = "", json: Json = False) -> None:
    """Print the temporary aliases, expired ones included: all, or those that count at an endpoint."""
    stored, now = chosen_store(store).read().overlays.aliases, time.time()
    aliases = [each for each in stored if trail.counts_at(each, endpoint)]
    if json:
        output.show_json([{**trail.overlay_as_json(each), "expired": now >= each.expires_at} for each in aliases])
        return
    if not aliases:
        output.show("no temporary aliases")
        return
    several = len({each.vocabulary for each in aliases}) > 1
    rows = output.table(
        "form",
        "means",
        *(["of"] if several else []),
        "where",
        "until",
        "left",
        "by",
        "why",
        numeric=("left",),
        whole=("until",),
    )
    for each in aliases:
        rows.add_row(
            output.cell(each.form),
            output.cell(each.value, "green"),
            *([output.cell(each.vocabulary)] if several else []),
            output.cell(trail.place(each)),
            moment(each.expires_at),
            left(each.expires_at, now),
            output.cell(each.author),
            output.cell(each.reason),
        )
    output.show(rows)
