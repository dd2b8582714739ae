"""Entries of the audit trail in words and as JSON: what a change did, who made it, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from stagenorm.cli import output
from stagenorm.core.modes import Actor, ModeState, in_words
from stagenorm.core.overlays import Exemption, TemporaryAlias
from stagenorm.core.progress import EVERYWHERE as TOGETHER
from stagenorm.stores import Entry, Snapshot
from stagenorm.times import in_short, moment

EVERYWHERE = "everywhere"


def show_change(entry: Entry) -> None:
    """Print what an entry changes, by whom and why."""
    for change in _changes(entry):
        output.show(change)
    output.show(f"by {_who(entry)}: {entry.reason}" if entry.reason else f"by {_who(entry)}")


def show_history(entries: Sequence[Entry]) -> None:
    """Print entries as a table, a row for each thing that an entry changed."""
    rows = output.table("", "when", "who", "what, from -> to", "why", numeric=("",), whole=("when",))
    for entry in entries:
        revision, when, who, why = str(entry.revision), moment(entry.at), _who(entry), entry.reason
        for change in [*_changes(entry)] or [f"{entry.action}: nothing was left to change"]:
            rows.add_row(revision, when, *map(output.cell, (who, change, why)))
            revision = when = who = why = ""
    output.show(rows)


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry for machines."""
    before, after = entry.before.overlays, entry.after.overlays
    return {
        "revision": entry.revision,
        "at": moment(entry.at),
        "actor": entry.actor.value,
        "author": entry.author,
        "action": entry.action,
        "reason": entry.reason,
        "modes": [
            {"endpoint": endpoint, "from": old and state_as_json(old), "to": new and state_as_json(new)}
            for endpoint, old, new in _modes(entry)
        ],
        "aliases": _difference(before.aliases, after.aliases),
        "exemptions": _difference(before.exemptions, after.exemptions),
        **_rollout(entry),
    }


def _rollout(entry: Entry) -> dict[str, Any]:
    """How far the rollout had come, of an entry that moved it."""
    if entry.before.rollout == entry.after.rollout:
        return {}
    return {"rollout": {name: dataclasses.asdict(each) for name, each in entry.after.rollout.items()}}


def state_as_json(state: ModeState) -> dict[str, Any]:
    """A mode for machines."""
    return {
        "mode": state.mode.value,
        "share": state.share,
        "revision": state.revision,
        "changed_by": state.changed_by,
        "reason": state.reason,
        "changed_at": moment(state.changed_at) if state.changed_at else None,
        "latched": state.latched,
    }


def overlay_as_json(overlay: TemporaryAlias | Exemption) -> dict[str, Any]:
    """A temporary alias or an exemption for machines."""
    return {**dataclasses.asdict(overlay), "expires_at": moment(overlay.expires_at)}


def place(overlay: TemporaryAlias | Exemption) -> str:
    """Where an alias or an exemption counts."""
    return EVERYWHERE if overlay.endpoint is None else overlay.endpoint


def counts_at(overlay: TemporaryAlias | Exemption, endpoint: str | None) -> bool:
    """Whether it counts at an endpoint; None asks for all of them."""
    return endpoint is None or overlay.endpoint in (None, endpoint)


def is_of(entry: Entry, endpoint: str) -> bool:
    """Whether an entry changed anything that holds at an endpoint."""
    return _held_at(entry.before, endpoint) != _held_at(entry.after, endpoint)


def _held_at(snapshot: Snapshot, endpoint: str) -> tuple[object, ...]:
    return (
        *(snapshot.state(name) for name in (None, endpoint)),
        *(snapshot.rollout.get(name) for name in (TOGETHER, endpoint)),
        *(each for each in snapshot.overlays if counts_at(each, endpoint)),
    )


def _who(entry: Entry) -> str:
    return entry.author if entry.actor is Actor.OPERATOR else f"{entry.author} ({entry.actor.value})"


def _modes(entry: Entry) -> Iterator[tuple[str | None, ModeState | None, ModeState | None]]:
    """What was changed of the modes: the global one under None, then the endpoints by name."""
    before, after = entry.before, entry.after
    for endpoint in (None, *sorted({*before.endpoints, *after.endpoints})):
        old, new = before.state(endpoint), after.state(endpoint)
        if old != new:
            yield endpoint, old, new


def _changes(entry: Entry) -> Iterator[str]:
    """What was changed, and how, in words."""
    for endpoint, old, new in _modes(entry):
        where, otherwise = (EVERYWHERE, "default") if endpoint is None else (endpoint, f"as {EVERYWHERE}")
        yield f"{entry.action} {where}: {_step(old, new, otherwise)}"
    yield from _progress(entry)
    before, after = entry.before.overlays, entry.after.overlays
    meant = {alias.key for alias in after.aliases}
    exempt = {(exemption.consumer, exemption.endpoint) for exemption in after.exemptions}
    for alias in after.aliases:
        if alias not in before.aliases:
            lifetime = in_short(alias.expires_at - entry.at)
            was = next((each.value for each in before.aliases if each.key == alias.key), alias.value)
            replaced = f", no longer {was}" if was != alias.value else ""
            yield f"{entry.action}: {alias.form} -> {alias.value}{_only_at(alias)} for {lifetime}{replaced}"
    for alias in before.aliases:
        if alias.key not in meant:
            yield f"{entry.action}: {alias.form} no longer means {alias.value}{_only_at(alias)}"
    for exemption in after.exemptions:
        if exemption not in before.exemptions:
            lifetime = in_short(exemption.expires_at - entry.at)
            yield f"{entry.action}: {exemption.consumer}, {place(exemption)}, for {lifetime}"
    for exemption in before.exemptions:
        if (exemption.consumer, exemption.endpoint) not in exempt:
            yield f"{entry.action}: {exemption.consumer}, {place(exemption)}, no longer"


def _only_at(alias: TemporaryAlias) -> str:
    return f" at {alias.endpoint}" if alias.endpoint else ""


def _progress(entry: Entry) -> Iterator[str]:
    """How a rollout moved."""
    before, after = entry.before.rollout, entry.after.rollout
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            where = EVERYWHERE if name == TOGETHER else name
            steps = dict.fromkeys(f"{each.step}{', halted' if each.halted else ''}" for each in (old, new) if each)
            yield f"progress {where}: {' -> '.join(steps)}"


def _step(old: ModeState | None, new: ModeState | None, otherwise: str) -> str:
    return " -> ".join(in_words(state) if state else otherwise for state in (old, new))


def _difference(
    before: Sequence[TemporaryAlias | Exemption], after: Sequence[TemporaryAlias | Exemption]
) -> dict[str, Any]:
    return {
        "removed": [overlay_as_json(each) for each in before if each not in after],
        "added": [overlay_as_json(each) for each in after if each not in before],
    }
