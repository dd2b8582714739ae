"""Credentials: the secrets of the ops app, read from the environment and checked once. None of them is ever shown."""

from __future__ import annotations

import binascii
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from stagenorm.errors import ConfigurationError

WEBHOOK_SECRETS = "STAGENORM_WEBHOOK_SECRETS"
ALERTMANAGER_TOKEN = "STAGENORM_ALERTMANAGER_TOKEN"  # noqa: S105 - its name
TOKEN_KEY = "STAGENORM_TOKEN_KEY"  # noqa: S105 - its name
PLAIN_HTTP = "STAGENORM_ALERTMANAGER_PLAIN_HTTP"

_PREFIX = "whsec_"
_LEAST = 24  # bytes of a key, as Standard Webhooks has it, and characters of a token
_WORD = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """One secret of ``STAGENORM_WEBHOOK_SECRETS``.

    Attributes:
        written: as it is configured, ``whsec_`` included; Grafana signs with these bytes.
        key: the bytes that it stands for; Standard Webhooks signs with these.

    Raises:
        ConfigurationError: it is none, or too short.
    """

    written: bytes = field(repr=False)
    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str, name: str = WEBHOOK_SECRETS) -> WebhookSecret:
        """A secret as it is written. Raises ConfigurationError, with how to make one, without showing it."""
        encoded = text.removeprefix(_PREFIX)
        try:
            key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if encoded == text or not key:
            raise ConfigurationError(f"{name} holds something that is no whsec_ secret: {make(name)}")
        if len(key) < _LEAST:
            raise ConfigurationError(f"{name} holds a secret of {len(key)} bytes, {_LEAST} is the least: {make(name)}")
        return cls(text.encode("ascii"), key)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What senders of webhooks and operators prove themselves with.

    Attributes:
        token_key: signs operators' tokens.
        webhook_secrets: of senders that sign, newest first.
        alertmanager_token: of a stock Alertmanager, or None where none may send.
        plain_http: whether that token is taken over plain HTTP from elsewhere too.
    """

    token_key: bytes = field(repr=False)
    webhook_secrets: tuple[WebhookSecret, ...] = ()
    alertmanager_token: bytes | None = field(default=None, repr=False)
    plain_http: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Credentials:
        """The credentials that the environment holds.

        ``STAGENORM_TOKEN_KEY`` must be there, and at least one of ``STAGENORM_WEBHOOK_SECRETS`` (``whsec_...``, with
        spaces between, newest first) and ``STAGENORM_ALERTMANAGER_TOKEN``.
        ``STAGENORM_ALERTMANAGER_PLAIN_HTTP=allow`` takes that token over plain HTTP.

        Raises:
            ConfigurationError: one is missing, too short or no secret; the message holds the command that makes one.
        """
        webhook_secrets = tuple(map(WebhookSecret.parse, environ.get(WEBHOOK_SECRETS, "").split()))
        token = word(environ, ALERTMANAGER_TOKEN) if environ.get(ALERTMANAGER_TOKEN) else None
        if not webhook_secrets and token is None:
            raise ConfigurationError(
                f"neither {WEBHOOK_SECRETS} nor {ALERTMANAGER_TOKEN} is set, so no alert could pull anything back: "
                f"{make(WEBHOOK_SECRETS)}"
            )
        plain = environ.get(PLAIN_HTTP, "")
        if plain not in ("", "allow"):
            raise ConfigurationError(f"{PLAIN_HTTP} is {plain!a}: set it to allow, or not at all")
        return cls(word(environ, TOKEN_KEY), webhook_secrets, token, bool(plain))


def word(environ: Mapping[str, str], name: str) -> bytes:
    """A secret of one word, such as the key of operators' tokens. Raises ConfigurationError as Credentials does."""
    text = environ.get(name, "")
    if not text:
        raise ConfigurationError(f"{name} is not set: {make(name)}")
    if not _WORD.fullmatch(text):
        raise ConfigurationError(f"{name} must be one word of visible ASCII characters: {make(name)}")
    if len(text) < _LEAST:
        raise ConfigurationError(f"{name} has {len(text)} characters, {_LEAST} is the least: {make(name)}")
    return text.encode("ascii")


def make(name: str) -> str:
    """The command that makes a good secret."""
    return f'export {name}="$(stagenorm token secret)"'


def fresh_secret() -> str:
    """A secret that is good for any of them: ``whsec_`` and 32 random bytes."""
    return _PREFIX + b64encode(secrets.token_bytes(32)).decode("ascii")
