"""What ``stagenorm mode show`` shows: each stored mode with its author, and what else bears on requests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from stagenorm.cli import output, trail
from stagenorm.core.modes import Mode, ModeState, in_words
from stagenorm.stores import Snapshot
from stagenorm.stores.lastknown import LastKnown
from stagenorm.times import moment

_STYLES = {Mode.OFF: "dim", Mode.WARN: "yellow", Mode.ENFORCE: "green"}


def as_json(snapshot: Snapshot, default: ModeState, ceiling: Mode | None, endpoint: str | None) -> dict[str, Any]:
    """The stored modes for machines."""
    everywhere = snapshot.everywhere or default
    endpoints = _endpoints(snapshot, everywhere, endpoint)
    known = LastKnown(default)
    known.confirm(snapshot)
    status = known.status(0.0)
    return {
        "global": trail.state_as_json(everywhere),
        "endpoints": {name: trail.state_as_json(state) for name, state in endpoints.items()},
        "ceiling": ceiling and ceiling.value,
        "source": status.source,
        "stale_seconds": status.stale_seconds,
    }


def show_modes(snapshot: Snapshot, default: ModeState, ceiling: Mode | None, endpoint: str | None) -> None:
    """Print the stored modes, and below them what a person must know to read them."""
    everywhere = snapshot.everywhere or default
    endpoints = _endpoints(snapshot, everywhere, endpoint)
    states = endpoints if endpoint else {trail.EVERYWHERE: everywhere, **endpoints}
    inherited = f"{endpoint}, as {trail.EVERYWHERE}" if endpoint and endpoint not in snapshot.endpoints else None
    rows = output.table("where", "mode", "changed", "by", "why", whole=("changed",))
    for where, state in states.items():
        rows.add_row(
            output.cell(inherited or where),
            Text(in_words(state), "bold red" if state.latched else _STYLES[state.mode]),
            moment(state.changed_at) if state.changed_at else "by default",
            output.cell(state.changed_by),
            output.cell(state.reason),
        )
    output.show(rows)
    for line in _remarks(snapshot, states, ceiling):
        output.show(line)


def _endpoints(snapshot: Snapshot, everywhere: ModeState, endpoint: str | None) -> Mapping[str, ModeState]:
    return dict(snapshot.endpoints) if endpoint is None else {endpoint: snapshot.state(endpoint) or everywhere}


def _remarks(snapshot: Snapshot, states: Mapping[str, ModeState], ceiling: Mode | None) -> list[str]:
    remarks = []
    if snapshot.everywhere is None:
        remarks.append(
            "None is stored for everywhere: each service holds its default (STAGENORM_DEFAULT_MODE, else warn)."
        )
    if any(state.latched for state in states.values()):
        remarks.append("Latched: nothing enforces there again until an operator clears it (stagenorm mode unlatch).")
    if ceiling:
        remarks.append(
            f"The ceiling of this host is {ceiling.value}: its services are never stricter, whatever is stored."
        )
    now = time.time()
    aliases = sum(now < alias.expires_at for alias in snapshot.overlays.aliases)
    exemptions = sum(now < exemption.expires_at for exemption in snapshot.overlays.exemptions)
    if aliases or exemptions:
        remarks.append(
            f"Counting for a time: aliases {aliases}, exemptions {exemptions} (stagenorm alias list, exempt list)."
        )
    return remarks
