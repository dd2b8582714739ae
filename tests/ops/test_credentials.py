"""Secrets come from the environment; a missing or weak one stops the ops app, with the command that makes a good one."""

import os
import subprocess

import pytest

from stagenorm import ConfigurationError
from stagenorm.ops import Credentials
from stagenorm.ops.credentials import fresh_secret

GOOD = {
    "STAGENORM_TOKEN_KEY": "k" * 32,
    "STAGENORM_WEBHOOK_SECRETS": f"{fresh_secret()} {fresh_secret()}",
    "STAGENORM_ALERTMANAGER_TOKEN": "t" * 32,
}


def test_all_of_them():
    found = Credentials.from_environment(GOOD)
    assert [secret.written.decode() for secret in found.webhook_secrets] == GOOD["STAGENORM_WEBHOOK_SECRETS"].split()
    assert (found.token_key, found.alertmanager_token, found.plain_http) == (b"k" * 32, b"t" * 32, False)
    shown = repr(found)
    assert not any(word in shown for value in GOOD.values() for word in value.split())


@pytest.mark.parametrize("name", ["STAGENORM_WEBHOOK_SECRETS", "STAGENORM_ALERTMANAGER_TOKEN"])
def test_one_kind_of_sender_is_enough(name):
    Credentials.from_environment({key: value for key, value in GOOD.items() if key != name})


BAD = {
    "no key": {"STAGENORM_TOKEN_KEY": ""},
    "a short key": {"STAGENORM_TOKEN_KEY": "k" * 23},
    "a key of two words": {"STAGENORM_TOKEN_KEY": "k" * 23 + " " + "k" * 23},
    "a short token": {"STAGENORM_ALERTMANAGER_TOKEN": "t" * 23},
    "a token of other letters": {"STAGENORM_ALERTMANAGER_TOKEN": "é" * 32},
    "nobody may send": {"STAGENORM_WEBHOOK_SECRETS": " ", "STAGENORM_ALERTMANAGER_TOKEN": ""},
    "a short secret": {"STAGENORM_WEBHOOK_SECRETS": "whsec_c2hvcnQ="},
    "an empty secret": {"STAGENORM_WEBHOOK_SECRETS": "whsec_"},
    "a secret without its prefix": {"STAGENORM_WEBHOOK_SECRETS": fresh_secret()[6:]},
    "a secret that is no base64": {"STAGENORM_WEBHOOK_SECRETS": "whsec_" + "!" * 40},
    "one bad of two": {"STAGENORM_WEBHOOK_SECRETS": f"{fresh_secret()} whsec_c2hvcnQ="},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_a_missing_or_weak_one_is_named_with_the_command_that_makes_a_good_one(change):
    with pytest.raises(ConfigurationError) as raised:
        Credentials.from_environment({**GOOD, **change})
    message = str(raised.value)
    assert next(iter(change)) in message
    assert f'export {next(iter(change))}="$(stagenorm token secret)"' in message
    assert not any(len(word) > 8 and word in message for value in change.values() for word in value.split())


def test_plain_http_is_allowed_in_one_word_only():
    allowed = Credentials.from_environment({**GOOD, "STAGENORM_ALERTMANAGER_PLAIN_HTTP": "allow"})
    assert allowed.plain_http
    with pytest.raises(ConfigurationError, match="set it to allow"):
        Credentials.from_environment({**GOOD, "STAGENORM_ALERTMANAGER_PLAIN_HTTP": "1"})


def test_the_command_in_the_message_makes_a_good_one(tmp_path):
    with pytest.raises(ConfigurationError) as raised:
        Credentials.from_environment({})
    command = str(raised.value).partition("export ")[2].partition("=")[2]
    script = tmp_path / "stagenorm"
    script.write_text(f'#!/bin/sh\nexec "{os.sys.executable}" -m stagenorm "$@"\n')
    script.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(os.sys.path)}
    made = subprocess.run(["sh", "-c", f"printf %s {command}"], env=environment, capture_output=True, check=True)
    secret = made.stdout.decode()
    for name in GOOD:
        Credentials.from_environment({**GOOD, name: secret})
