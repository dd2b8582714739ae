"""without_secrets(): where a URL leads, and nothing of who asks."""

import pytest

from stagenorm.urls import without_secrets


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:9090/prometheus", "http://127.0.0.1:9090/prometheus"),
        ("redis://:secret@h:1/0?prefix=x", "redis://h:1/0"),
        ("file:///var/x@y/modes.json", "file:///var/x@y/modes.json"),
        ("unix://ada:secret@/run/redis.sock?password=secret", "unix:///run/redis.sock"),
        ("http://ada:secret@h/x?y=z#f", "http://h/x"),
        ("http://ada:sec#ret@h", "http://..."),
        ("http://ada:s?ecret@h", "http://..."),
        ("http://ada:s//ecret@h", "http://..."),
        ("http://ada:sec/ret@h/x", "http://..."),
        ("http:///ada:secret@h:9090", "http://..."),
        ("redis://h:1/0?password=p@secret", "redis://..."),
        ("http://h/x?to=http://u:secret@k", "http://..."),
        ("file:///var/x?y=a@b", "file:///var/x"),
        ("/var/x@y", "/var/x@y"),
        ("ada:se#cret@h", "..."),
        ("redis:ada:sec//ret@h", "..."),
        ("//ada:secret@h/x", "//h/x"),
        ("redis://:secret", "redis://..."),
        ("postgresql://ada:secret/x", "postgresql://..."),
        ("postgresql://ada:se?cret", "postgresql://..."),
        ("host=h user=ada password=secret", "..."),
        ("sqlite:////var/x@y.db", "sqlite:////var/x@y.db"),
        ("redis+sentinel://ada:secret@[::1]:26379,h2/main/0", "redis+sentinel://[::1]:26379,h2/main/0"),
        ("h:9090", "h:9090"),
        ("", ""),
    ],
)
def test_what_is_told(url, told):
    assert without_secrets(url) == told
