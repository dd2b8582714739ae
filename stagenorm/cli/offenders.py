"""``stagenorm offenders``: the unknown values that clients send most, and the aliases to consider for them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from stagenorm.cli import output
from stagenorm.cli.options import CONFIGURATION, ConfigurationFile, Json, VocabularyFile, chosen_vocabulary
from stagenorm.config import load_configuration
from stagenorm.core.folding import MAX_LENGTH
from stagenorm.core.normalizer import Normalizer, Unknown
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.errors import DataFileError
from stagenorm.observe.offender_logs import offenders_in_logs, records
from stagenorm.observe.offenders import Offender

_LOGGED = 64  # characters; longer values are cut in logs


def offenders(
    ctx: typer.Context,
    logs: Annotated[
        list[Path] | None, typer.Argument(metavar="LOG", help="Logs of JSON lines instead of a running service.")
    ] = None,
    *,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Where the service's ops app is mounted.", show_default=False)
    ] = "",
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many of each endpoint.")] = 20,
    config: ConfigurationFile = CONFIGURATION,
    vocabulary: VocabularyFile = None,
    json: Json = False,
) -> None:
    """Print the unknown values that clients send most.

    And the aliases to consider for them. A running service is asked with the token in STAGENORM_TOKEN; without --url, the one that stagenorm.toml names.
    """
    if logs and url:
        raise typer.BadParameter("give either logs or a URL", param_hint="--url")
    if logs:
        found = offenders_in_logs(record for path in logs for record in records(_lines(path), str(path))).top(number)
    else:
        from stagenorm.cli.ops_client import offenders_of_service  # noqa: PLC0415 - every command would load HTTP

        if not url:
            if config == CONFIGURATION and not config.exists():
                ctx.fail(f"give --url or LOG, or write {config} (docs/telemetry.md)")
            configuration = load_configuration(config)
            url, vocabulary = configuration.watched.ops_url, vocabulary or configuration.vocabulary_file
        found = offenders_of_service(url, os.environ.get("STAGENORM_TOKEN"))
    known = chosen_vocabulary(vocabulary)
    explained = [(each, suggestions(each, known)) for each in found]
    if json:
        output.show_json([_as_json(each, suggested, vocabulary) for each, suggested in explained])
        return
    if not found:
        output.show("no unknown values")
        return
    rows = output.table("endpoint", "value", "seen", "did you mean", "sent by", numeric=("seen",))
    for each, suggested in explained:
        rows.add_row(
            output.cell(each.endpoint),
            output.form(each.value),
            output.number(int(each.count)),
            output.cell(", ".join(suggested)),
            output.cell(", ".join(each.consumers)),
        )
    output.show(rows)
    commands = dict.fromkeys(
        alias_command(each.value, suggested[0], vocabulary) for each, suggested in explained if suggested
    )
    if commands:
        output.show("Aliases to consider, if they mean what they seem to:")
        for command in commands:
            output.show(f"  {command}")


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error


def suggestions(offender: Offender, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The canonical values that an offender could have meant; none for a value that may be cut."""
    if len(offender.value) >= min(_LOGGED, MAX_LENGTH):
        return ()
    found = Normalizer(vocabulary)(offender.value)
    return found.suggestions if isinstance(found, Unknown) and offender.value.isprintable() else ()


def alias_command(form: str, value: str, vocabulary: Path | None) -> str:
    """The command that has a form count as a value, of a vocabulary's file or the built-in one, for two weeks."""
    named = ["--vocabulary", str(vocabulary)] if vocabulary else []
    options = ["--for", "2w", "--reason", "seen in offenders", *named]
    return shlex.join(["stagenorm", "alias", "add", *options, "--", form, value])


def _as_json(offender: Offender, suggested: tuple[str, ...], vocabulary: Path | None) -> dict[str, Any]:
    return {
        "endpoint": offender.endpoint,
        "value": offender.value,
        "count": offender.count,
        "consumers": list(offender.consumers),
        "suggestions": list(suggested),
        "alias_command": alias_command(offender.value, suggested[0], vocabulary) if suggested else None,
    }
