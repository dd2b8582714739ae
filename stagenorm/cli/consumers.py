"""``stagenorm consumers``: who calls the guarded endpoints, from code and from logs, and whether that is clear."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagenorm.boundary.endpoint import Endpoint
from stagenorm.cli import consumers_screen, output
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.options import CONFIGURATION, By, ConfigurationFile, Json, Reason
from stagenorm.config import Configuration, load_configuration
from stagenorm.consumers.verdicts import Standing, Verdict, add_verdict, network_named, read_verdicts
from stagenorm.core.conclusion import Conclusion
from stagenorm.errors import ConfigurationError
from stagenorm.files import replacing
from stagenorm.times import moment

if TYPE_CHECKING:
    from stagenorm.consumers.audit import LogAudit

app = typer.Typer(help="Who calls the guarded endpoints, and is that clear?", no_args_is_help=True)

_Days = Annotated[
    float, typer.Option("--days", metavar="N", help="How long the window is, by the log's own clock.", min=0.001)
]
_Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or directories of source code.")]
_Logs = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Access logs: plain, gzip or Zstandard; - is standard input.")
]


@app.command()
def code(paths: _Paths, *, config: ConfigurationFile = CONFIGURATION, json: Json = False) -> None:
    """Find every place that calls an endpoint, in any language.

    Ignore files are honoured. How sure a place is: high for the whole path, medium for its parts, low for its end or a
    name like it.
    """
    from stagenorm.consumers.source_tree import search  # noqa: PLC0415 - an extra

    found = search(paths, _declared(load_configuration(config), config))
    if json:
        output.show_json(found.for_machines())
    else:
        consumers_screen.show_code(found)


@app.command()
def logs(files: _Logs, *, days: _Days = 7.0, config: ConfigurationFile = CONFIGURATION, json: Json = False) -> None:
    """Count the requests to each endpoint in access logs, by network and user agent.

    Exits with 3 where none is a request to an endpoint: that is no proof that nobody calls.
    """
    from stagenorm.consumers.report import logs_for_machines  # noqa: PLC0415 - an extra

    configuration = load_configuration(config)
    endpoints = _declared(configuration, config)
    audit = _audit(files, configuration, endpoints, days)
    if json:
        result = Conclusion.PASS if audit.matched else Conclusion.HOLD
        head = {"generated_at": moment(time.time()), "result": result.value}
        output.show_json({**head, **logs_for_machines(audit)})
    else:
        consumers_screen.show_logs(audit)
    if not audit.matched:
        raise typer.Exit(ExitCode.HOLD)


@app.command()
def report(
    code_paths: Annotated[
        list[Path] | None, typer.Option("--code", metavar="PATH", help="Source code to look at. Repeatable.")
    ] = None,
    log_files: Annotated[
        list[Path] | None, typer.Option("--log", metavar="FILE", help="An access log to read. Repeatable.")
    ] = None,
    *,
    days: _Days = 7.0,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it as JSON, for the gates.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as one page with plots.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="Write it as Markdown.")] = None,
    config: ConfigurationFile = CONFIGURATION,
    json: Json = False,
) -> None:
    """Put code, logs and verdicts together, and say whether the consumers are clear.

    Exits with 1 while an external consumer stands that nobody dealt with, and with 3 where not enough is known.
    """
    from stagenorm.consumers.page import page  # noqa: PLC0415 - an extra
    from stagenorm.consumers.report import Report  # noqa: PLC0415 - an extra
    from stagenorm.consumers.source_tree import search  # noqa: PLC0415 - an extra

    configuration = load_configuration(config)
    endpoints = _declared(configuration, config)
    verdicts = read_verdicts(configuration.consumers.verdicts)
    audit = _audit(log_files, configuration, endpoints, days) if log_files else None
    searched = search(code_paths, endpoints) if code_paths else None
    made = Report(endpoints, audit, searched, verdicts, time.time())
    if out:
        _write(out, output.json_text(made.for_machines()))
    if html:
        _write(html, page(made))
    if markdown:
        _write(markdown, made.markdown())
    if json:
        output.show_json(made.for_machines())
    else:
        consumers_screen.show_report(made)
        for path in filter(None, (out, html, markdown)):
            output.show(f"written: {path}")
    result, _ = made.conclusion
    if result is not Conclusion.PASS:
        raise typer.Exit(ExitCode.of(result))


@app.command()
def classify(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="As the report has it: a CIDR, an address or a name.")
    ],
    standing: Annotated[Standing, typer.Argument(metavar="internal|external|mitigated", help="What it is.")],
    *,
    reason: Reason,
    by: By,
    family: Annotated[
        str, typer.Option("--agent", metavar="FAMILY", help="This user agent alone, as the report has it.")
    ] = "",
    config: ConfigurationFile = CONFIGURATION,
) -> None:
    """Keep what you found out about a consumer. The last word on the narrowest network holds."""
    path = load_configuration(config).consumers.verdicts
    verdict = Verdict(network_named(network), family, standing, reason, by, time.time())
    add_verdict(path, verdict)
    who = f"{verdict.network}, {family}" if family else verdict.network
    output.show(f"{who} is {verdict.standing.value}: {reason}")
    output.show(f"kept in {path}")


def _declared(configuration: Configuration, path: Path) -> Sequence[Endpoint]:
    if not configuration.endpoints:
        raise ConfigurationError(
            f"{path}: no endpoint says what it guards: give [[endpoints]] method, path and fields, as docs/configuration.md "
            "has it"
        )
    return configuration.endpoints


def _audit(files: list[Path], configuration: Configuration, endpoints: Sequence[Endpoint], days: float) -> LogAudit:
    from stagenorm.consumers.audit import audit_logs  # noqa: PLC0415 - an extra
    from stagenorm.consumers.log_files import read_logs  # noqa: PLC0415 - an extra

    window = int(days * 86_400)
    found = read_logs(files, endpoints, configuration.consumers.networks, window)
    return audit_logs({str(path): each for path, each in found.items()}, [each.name for each in endpoints], window)


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())
