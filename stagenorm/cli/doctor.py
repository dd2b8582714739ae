"""``stagenorm doctor``: gathers what there is to see of a configuration and of a running service, and tells the faults."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from stagenorm.cli import output
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.options import CONFIGURATION
from stagenorm.config import declared_store
from stagenorm.errors import ServiceError, StagenormError
from stagenorm.stores import Ceiling, open_store
from stagenorm.urls import without_secrets

_SECONDS = 5.0
_LOOKS_AT = {
    "--url": "the running service",
    "--metrics": "its metrics",
    "--rules": "the rules",
    "--grafana": "Grafana's contact points",
}


def doctor(
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Where the running service mounts its ops app.")
    ] = "",
    metrics: Annotated[str, typer.Option("--metrics", metavar="URL", help="Where the service shows metrics.")] = "",
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", exists=True, metavar="PATH", help="A rules file, or a directory of them."),
    ] = None,
    grafana: Annotated[
        list[Path] | None,
        typer.Option("--grafana", exists=True, dir_okay=False, metavar="FILE", help="A contact point of Grafana's."),
    ] = None,
) -> None:
    """Look for the faults that people make.

    One line each, with its fix. It reads the environment, so run it in the service's; with --url and --metrics it looks
    at a running one too. Exits with 1 if there is any fault.
    """
    faults = [
        *_configured(grafana or []),
        *_exported(metrics, rules or []),
        *(_running(url.rstrip("/")) if url else ()),
    ]
    for fault in faults or ["no faults found"]:
        output.show(fault)
    unchecked = list(_unchecked({"--url": url, "--metrics": metrics, "--rules": rules, "--grafana": grafana}))
    if unchecked:
        output.show(f"not checked: {', '.join(unchecked)}")
    if faults:
        raise typer.Exit(ExitCode.FAILED)


def _unchecked(given: Mapping[str, object]) -> Iterator[str]:
    from stagenorm.ops import doctor as knows  # noqa: PLC0415 - an extra

    if not knows.has_secrets(os.environ):
        yield "the ops app's secrets (none is set: docs/ops.md)"
    for option, what in _LOOKS_AT.items():
        if not given[option]:
            yield f"{what} ({option})"


def _configured(contact_points: list[Path]) -> Iterator[str]:
    from stagenorm.ops import doctor as knows  # noqa: PLC0415 - an extra

    yield from knows.secret_faults(os.environ)
    declared, ceiling = "", None
    try:
        ceiling = Ceiling.parse(None, os.environ.get("STAGENORM_FORCE_FILE")).content()
    except OSError as error:
        yield f"STAGENORM_FORCE_FILE counts as warn, for what it names cannot be read ({error.strerror}): mend or remove it"
    yield from knows.mode_faults(os.environ, ceiling)
    try:
        declared = declared_store(CONFIGURATION) if CONFIGURATION.exists() else ""
    except StagenormError as error:
        yield str(error)
    yield from knows.store_names_faults(os.environ, declared)
    yield from list(knows.store_faults(os.environ)) or _stored(os.environ["STAGENORM_STORE"])
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    writable = Path(directory).is_dir() and os.access(directory, os.W_OK)
    yield from knows.multiprocess_faults(os.environ, is_directory=writable)
    for path in contact_points:
        yield from knows.contact_point_faults(str(path), path.read_text(errors="replace"))


def _stored(url: str) -> Iterator[str]:
    """A store that is none, cannot be read, or does not let itself be written."""
    try:
        store = open_store(url, timeout=_SECONDS)
        store.read()
        if url.startswith("file:"):
            path = Path(unquote(urlsplit(url).path))
            directory, trail = path.parent, path.with_name(f"{path.name}.trail")
            if trail.exists() and not path.exists():
                yield f"{path} is gone, though {trail.name} is there: restore it, or set every mode again"
            with tempfile.TemporaryFile(dir=directory):  # and no lease, whose file would be the user's who asks
                pass
        else:
            # A replica refuses it, and so it is with a user who has no right to write.
            store.lease(f"doctor {secrets.token_hex(8)}", 0.001)
    except StagenormError as error:
        yield f"STAGENORM_STORE: {error}"
    except OSError as error:
        yield f"STAGENORM_STORE: nothing can be written in {directory} ({error.strerror}): let the service's user write there"


def _exported(url: str, rules: list[Path]) -> Iterator[str]:
    from stagenorm.cli.ops_client import get  # noqa: PLC0415 - every command would load HTTP
    from stagenorm.ops import doctor as knows  # noqa: PLC0415 - an extra

    if rules and not url:
        raise typer.BadParameter("rules are held against metrics: give --metrics URL", param_hint="--rules")
    if not url:
        return
    try:
        answer = get(url)
    except ServiceError as error:
        yield f"{error}: is this where the service shows its metrics?"
        return
    if answer.status != 200:
        yield f"{without_secrets(url)} answered {answer.status}: is this where the service shows its metrics?"
        return
    yield from knows.metrics_faults(answer.text)
    texts = {str(path): path.read_text(errors="replace") for given in rules for path in knows.rules_files(given)}
    for where, text in texts.items():
        yield from knows.rules_faults(where, text, answer.text)
    yield from knows.endpoint_faults(texts, answer.text)


def _running(url: str) -> Iterator[str]:
    from stagenorm.cli.ops_client import get  # noqa: PLC0415 - every command would load HTTP
    from stagenorm.ops import doctor as knows  # noqa: PLC0415 - an extra

    try:
        mode = get(f"{url}/mode")
        health = get(f"{url}/healthz")
    except ServiceError as error:
        yield f"{error}: is the service running?"
        return
    yield from knows.ops_faults(mode.status, without_secrets(url))
    yield from knows.clock_faults(mode.date, time.time())
    if mode.status == 401:
        try:
            said = json.loads(health.text)
            held, status, revision = bool(said["held"]), str(said["status"]), int(said["revision"])
        except (ValueError, TypeError, KeyError):
            yield f"{without_secrets(url)} asks for a login of its own, and is no ops app: name the one that the service mounts"
            return
        yield from knows.health_faults(held, status, revision, _revision(os.environ.get("STAGENORM_STORE", "")))


def _revision(url: str) -> int | None:
    """Of the store that a URL names; None where it cannot be read, which is a fault of its own."""
    try:
        return open_store(url, timeout=_SECONDS).read().revision
    except StagenormError:
        return None
