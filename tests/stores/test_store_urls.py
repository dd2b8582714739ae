"""Store URLs: what is none is refused before anything is connected, and no secret is ever shown."""

import pytest

from stagenorm import ConfigurationError
from stagenorm.errors import StoreError
from stagenorm.stores import open_store
from stagenorm.stores.location import without_secrets

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        (f"redis://ada:{SECRET}@127.0.0.1:6379/0?prefix=eu", "redis://ada@127.0.0.1:6379/0?prefix=eu"),
        (f"rediss://:{SECRET}@host/0?ssl_ca_certs=ca.pem", "rediss://host/0"),
        (f"redis://ada:{SECRET}/#@{SECRET}@host", "redis://ada@host"),
        (f"redis://host/0?password={SECRET}", "redis://host/0"),
        (f"redis://host/0?password=a@{SECRET}", "redis://..."),
        (f"redis://ada:a?{SECRET}@host", "redis://..."),
        (f"redis:ada:{SECRET}@host", "redis://ada@host"),
        (f"redis+sentinel://ada:{SECRET}@one:26379,two/service/0", "redis+sentinel://ada@one:26379,two/service/0"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("file:///var/lib/a@b/modes.json", "file:///var/lib/a@b/modes.json"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url, shown):
    assert without_secrets(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        f"redis://ada:{SECRET}#1@127.0.0.1:1/0",
        f"redis://ada:{SECRET}/1@127.0.0.1:1/0",
        f"redis://:{SECRET}\u2100@127.0.0.1:1/0",
        f"redis://:{SECRET}@[::1/0",
        f"redis://:{SECRET}@127.0.0.1:port/0",
        f"redis://:{SECRET}@127.0.0.1:1/0?prefx=eu",
        f"redis://:{SECRET}@127.0.0.1:1/0?protocol=9",
        f"redis:ada:{SECRET}@127.0.0.1",
        f"redis+sentinel://:{SECRET}@127.0.0.1:1",
        f"redis+sentinel://:{SECRET}@127.0.0.1:port/service",
        f"redis+sentinel://:{SECRET}@127.0.0.1:1/service/first",
        f"http://:{SECRET}@127.0.0.1:1",
        SECRET,
        f":{SECRET}@127.0.0.1",
    ],
)
def test_what_is_no_store_url_is_refused_at_once_and_keeps_its_secret(url):
    with pytest.raises(ConfigurationError) as refused:
        open_store(url)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_server_that_is_not_there_is_named_without_the_secret():
    with pytest.raises(StoreError, match=r"redis://127\.0\.0\.1:1/0 cannot be reached") as unreachable:
        open_store(f"redis://ada:{SECRET}@127.0.0.1:1/0").read()
    assert SECRET not in str(unreachable.value)
