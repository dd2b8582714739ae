"""What ``stagenorm demo`` shows: the phases while they run, and in the end what they proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stagenorm.cli import output
from stagenorm.core.modes import Mode
from stagenorm.demo.phases import Phase, PhaseResult
from stagenorm.demo.proof import Claim
from stagenorm.observe.census import KINDS

if TYPE_CHECKING:
    from stagenorm.demo.incident import Incident


@contextmanager
def watching(results: Sequence[PhaseResult], calls: int) -> Iterator[Callable[[PhaseResult], None]]:
    """Show on stderr how the phases go: a live table on a terminal, else a line as each phase ends.

    Args:
        results: grows while the phases run.
        calls: how many requests each phase has.

    Yields:
        What to tell when a phase has ended.
    """
    console = output.console(stderr=True)
    if console.is_terminal:
        with Live(get_renderable=lambda: _live(results, calls), console=console, transient=True):
            yield lambda _: None
    else:
        yield lambda result: output.show(_line(result), stderr=True)


def as_json(
    results: Sequence[PhaseResult],
    proved: Sequence[Claim],
    incident: Incident,
    pulled_back: Sequence[Claim],
    *,
    ok: bool,
) -> dict[str, Any]:
    """The whole demo for machines: values found are counted as canonical, alias and unknown, all else in requests."""
    return {
        "ok": ok,
        "phases": [
            {
                "mode": result.phase.mode.value,
                "share": result.phase.share,
                "requests": result.boundary.requests,
                **{kind.value: result.boundary.values[kind] for kind in KINDS},
                "rejected": result.boundary.rejected,
                "would_reject": result.boundary.would_reject,
                "handler_noncanonical": result.handlers.noncanonical,
            }
            for result in results
        ],
        "incident": {
            "consumer": incident.consumer,
            "requests": incident.during.boundary.requests,
            "rejected": incident.during.boundary.rejected,
            "webhook_status": incident.status,
            "seconds": incident.seconds,
            "mode": incident.state.mode.value,
            "latched": incident.state.latched,
            "rejected_after": incident.after.boundary.rejected,
        },
        "claims": [{"statement": claim.statement, "holds": claim.holds} for claim in (*proved, *pulled_back)],
    }


def show_proof(results: Sequence[PhaseResult], proved: Sequence[Claim]) -> None:
    """Print the phases as a table, and below it what they proved."""
    output.show(_phases(results))
    output.show("The same requests were sent in every phase. What this proved:")
    _show_claims(proved)


def show_incident(pulled_back: Sequence[Claim]) -> None:
    """Print what an incident showed."""
    output.show("")
    output.show("Then a release went bad at 10%, and nobody was awake:")
    _show_claims(pulled_back)


def _show_claims(proved: Sequence[Claim]) -> None:
    output.show("")
    sentences = Table.grid(padding=(0, 2))
    for claim in proved:
        verdict = Text("yes", "green") if claim.holds else Text("NOT SO", "bold red")
        sentences.add_row(verdict, claim.statement)
    output.show(sentences)


def show_requests_to_try(url: str, *, stderr: bool) -> None:
    """Print curl lines for the running service."""
    body = '{"stageDistribution": [{"stage": "Series C+", "weight": 1}]}'
    allocations = '{"allocations": {"Seed": 60, "Angel": 40}}'
    as_json = "-H 'Content-Type: application/json'"
    for comment, request in (
        ("canonical: passes as it is", f"'{url}/api/funds/7/companies?stage=series-a'"),
        ("an alias: the handler reads seed", f"'{url}/api/funds/7/companies?stage=Seed%20Round'"),
        ("an alias in JSON: the handler reads series-c+", f"{url}/api/monte-carlo/simulate {as_json} -d '{body}'"),
        ("a typing error: 400, with a suggestion", f"-i '{url}/api/funds/7/companies?stage=Seies%20A'"),
        ("an unknown key: 400", f"-i {url}/api/portfolio/strategies {as_json} -d '{allocations}'"),
    ):
        _show_command(comment, f"curl {request}", stderr=stderr)


def show_the_switch(store: str, *, stderr: bool) -> None:
    """Print the commands that switch the running service, given the option that names its store."""
    for comment, command in (
        ("the switch, from another terminal: in warn all of these requests pass", "mode set warn --reason 'to see it'"),
        ("back again", "mode undo --reason 'seen'"),
        ("the typing error means series-a for an hour", "alias add 'Seies A' series-a --for 1h --reason 'to see it'"),
        ("who changed what", "mode history"),
    ):
        _show_command(comment, f"stagenorm {command} {store}", stderr=stderr)


def _show_command(comment: str, command: str, *, stderr: bool) -> None:
    for line in ("", f"# {comment}", command):
        output.show(line, stderr=stderr)


def _phases(results: Sequence[PhaseResult]) -> Table:
    headings = (
        "requests",
        "canonical\nvalues",
        "alias\nvalues",
        "unknown\nvalues",
        "rejected",
        "would be\nrejected",
        "got\nin",
    )
    made = output.table("phase", *headings, numeric=headings, whole=("phase",))
    for result in results:
        saw = result.boundary
        counts = (saw.requests, *(saw.values[kind] for kind in KINDS), saw.rejected, saw.would_reject)
        outside = result.handlers.noncanonical
        made.add_row(
            _name(result.phase),
            *map(output.number, counts),
            Text(output.number(outside), "red" if outside else "bold green"),
        )
    return made


def _name(phase: Phase) -> str:
    return f"{phase.mode.value} {phase.share:g}%" if phase.mode is Mode.ENFORCE else phase.mode.value


def _what_happens(phase: Phase) -> str:
    if phase.mode is Mode.OFF:
        return "everything passes untouched and is counted"
    if phase.mode is Mode.WARN:
        return "aliases are rewritten, unknown values pass with a notice"
    if phase.share < 100:
        return f"unknown values of {phase.share:g}% of the consumers are refused, all others go on as in warn"
    return "unknown values are refused, whoever sends them"


def _live(results: Sequence[PhaseResult], calls: int) -> RenderableType:
    if not results:
        return Text("starting")
    current = results[-1]
    bar = ProgressBar(total=calls, completed=current.clients.requests, width=40)
    return Group(_phases(results), Text(f"{_name(current.phase)}: {_what_happens(current.phase)}", "bold"), bar)


def _line(result: PhaseResult) -> str:
    saw = result.boundary
    return (
        f"{_name(result.phase)}: {_what_happens(result.phase)} - {saw.requests:,} requests, {saw.rejected:,} rejected, "
        f"{saw.would_reject:,} would be, handlers read {result.handlers.noncanonical:,} values outside the vocabulary"
    )
