"""Options that several commands take, spelt once, and the objects that they stand for."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

import typer

from stagenorm.cli.times import duration
from stagenorm.config import declared_endpoints, declared_store, load_vocabulary
from stagenorm.core.investment import INVESTMENT_STAGES
from stagenorm.core.modes import Actor
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.errors import ConfigurationError
from stagenorm.stores import MemoryModeStore, ModeStore, open_store
from stagenorm.stores.control import Change
from stagenorm.urls import without_secrets

CONFIGURATION = Path("stagenorm.toml")
"""What a command reads of the service if nothing else is named."""
_STORE_SECONDS = 2.0  # a person waits longer than a request may
_URLS = "file:///var/lib/stagenorm/modes.json or redis://host:6379/0"


def not_blank(value: str | None) -> str | None:
    """What was given. Wrong usage if it is blank."""
    if value is not None and not value.strip():
        raise typer.BadParameter("it is empty")
    return value


def _declared(value: str | None) -> str | None:
    """An endpoint to change. Wrong usage if the configuration here has endpoints, and none of that name."""
    known = declared_endpoints(CONFIGURATION)
    if not_blank(value) and known and value not in known:
        raise typer.BadParameter(
            f"{value!a} is no endpoint of {CONFIGURATION}: name one of {', '.join(known)}, or leave --endpoint out for all"
        )
    return value


def _os_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user that it does not know
        return f"uid {os.getuid()}"


Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]
VocabularyFile = Annotated[
    Path | None,
    typer.Option("--vocabulary", metavar="FILE", help="A vocabulary in TOML instead of the investment stages."),
]
ConfigurationFile = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="What the service is: its endpoints, budgets and ops app.")
]
Store = Annotated[
    str, typer.Option("--store", metavar="URL", envvar="STAGENORM_STORE", help=f"Such as {_URLS}.", show_default=False)
]
EndpointName = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="NAME", help="This endpoint alone instead of all.", callback=not_blank),
]
DeclaredEndpoint = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="NAME", help="This endpoint alone instead of all.", callback=_declared),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit trail.", callback=not_blank)
]
OptionalReason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit trail.")]
By = Annotated[
    str,
    typer.Option(
        "--by",
        metavar="NAME",
        help="Who; your user name without it.",
        default_factory=_os_user,
        show_default=False,
        callback=not_blank,
    ),
]
Lifetime = Annotated[
    float, typer.Option("--for", metavar="DURATION", help="How long: 90m, 12h, 7d or 2w.", parser=duration)
]


def chosen_vocabulary(path: Path | None) -> Vocabulary:
    """The vocabulary of a TOML file, or the built-in one. Raises VocabularyError as load_vocabulary does."""
    return load_vocabulary(path) if path else INVESTMENT_STAGES


def store_url(url: str, config: Path = CONFIGURATION) -> str:
    """The URL of the store that is meant: the one that was given, or else the one that a configuration names.

    Nothing else of the configuration is looked at: what is wrong in it must not stand between an operator and the switch.
    Wrong usage if neither names one. Raises ConfigurationError if the file is not TOML.
    """
    if not url and config.exists():
        url = declared_store(config)
    if not url:
        raise typer.BadParameter(
            f"no store is named: give {_URLS}, set STAGENORM_STORE, or name it in {config}", param_hint="--store"
        )
    return url


def chosen_store(given: str, config: Path = CONFIGURATION) -> ModeStore:
    """The store that is meant, as ``store_url`` has it. Wrong usage if it is no store's, or no command can reach it."""
    url = store_url(given, config)
    try:
        store = open_store(url, timeout=_STORE_SECONDS)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--store") from error
    if isinstance(store, MemoryModeStore):
        raise typer.BadParameter(
            f"memory:// is inside one process, where no command reaches it: give {_URLS}", param_hint="--store"
        )
    return store


def store_name(url: str) -> str:
    """How people are told of a store that was opened: without user, password and parameters, but with its prefix."""
    prefix = dict(parse_qsl(urlsplit(url).query)).get("prefix")
    return without_secrets(url) + (f", prefix {prefix}" if prefix else "")


def operators_change(by: str, reason: str) -> Change:
    """Who changes something now, and why: every command is an operator's."""
    return Change(Actor.OPERATOR, by, reason, time.time())
