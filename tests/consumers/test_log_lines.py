"""Every format says the same request."""

import json

import pytest

from stagenorm.consumers.json_lines import read_json
from stagenorm.consumers.record import Record, moment_of
from stagenorm.consumers.text_lines import read_text

AT = 1431857103
MOMENT = b"17/May/2015:10:05:03 +0000"
FRONT = b"203.0.113.9 - - [" + MOMENT + b"] "
REQUEST = b'"GET /a?b HTTP/1.1" 200 12'
WHOLE = Record(AT, b"GET", b"/a?b", b"203.0.113.9", b"", b"curl/8")

TEXT = {
    "combined": (FRONT + REQUEST + b' "-" "curl/8"', WHOLE),
    "common": (FRONT + REQUEST, WHOLE._replace(agent=b"")),
    "ident and user with a space": (b"203.0.113.9 me Ada L [" + MOMENT + b"] " + REQUEST + b' "-" "curl/8"', WHOLE),
    "virtual host in front": (b"shop.example:443 " + FRONT + REQUEST + b' "-" "curl/8"', WHOLE),
    "nginx main": (FRONT + REQUEST + b' "-" "curl/8" "198.51.100.7, 10.0.0.1"', WHOLE._replace(forwarded=b"198.51.100.7, 10.0.0.1")),
    "forwarded in front": (b"198.51.100.7, 10.0.0.1 " + FRONT + REQUEST + b' "-" "curl/8"', WHOLE._replace(forwarded=b"198.51.100.7, 10.0.0.1")),
    "times and sizes after it": (FRONT + REQUEST + b' "-" "curl/8" rt=0.012 uct="0.000" 512 77', WHOLE),
    "a host between": (FRONT + b"shop.example " + REQUEST + b' "-" "curl/8"', WHOLE),
    "another zone": (b"203.0.113.9 - - [17/May/2015:12:05:03 +0200] " + REQUEST + b' "-" "curl/8"', WHOLE),
    "RFC 3339": (b"203.0.113.9 - - [2015-05-17T10:05:03+00:00] " + REQUEST + b' "-" "curl/8"', WHOLE),
    "IPv6": (b"2001:db8::7" + (FRONT + REQUEST + b' "-" "curl/8"')[11:], WHOLE._replace(peer=b"2001:db8::7")),
    "a name": (b"client.example" + (FRONT + REQUEST + b' "-" "curl/8"')[11:], WHOLE._replace(peer=b"client.example")),
    "HTTP/0.9": (FRONT + b'"GET /a?b" 200 12 "-" "curl/8"', WHOLE),
    "escaped quotes": (FRONT + REQUEST + b' "-" "cu\\"rl [x] \\xe9"', WHOLE._replace(agent=b'cu\\"rl [x] \\xe9')),
    "letters of no encoding": (FRONT + REQUEST + b' "-" "cu\xff\xe9rl"', WHOLE._replace(agent=b"cu\xff\xe9rl")),
    "a connection that sent nothing": (FRONT + b'"-" 408 0 "-" "-"', WHOLE._replace(method=b"", target=b"", agent=b"-")),
    "NULs of a log that was cut": (b"\0" * 50 + FRONT + REQUEST + b' "-" "curl/8"', WHOLE),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT)
def test_text(name):
    text, expected = TEXT[name]
    assert read_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense",
        b"\0\0\0",
        FRONT + REQUEST + b' "-" "no end',
        FRONT + b'"GET /a?b HTTP/1.1 200 12',
        FRONT.replace(b"17/May", b"32/May") + REQUEST,
        FRONT.replace(b"May", b"Foo") + REQUEST,
        FRONT.replace(b"10:05:03", b"25:05:03") + REQUEST,
        FRONT.replace(b"10:05:03", b"10:65:03") + REQUEST,
        b"[" + MOMENT + b"] " + REQUEST,
    ],
)
def test_malformed_text(text):
    assert read_text(text) is None


JSON = {
    "nginx": {"time_iso8601": "2015-05-17T10:05:03+00:00", "remote_addr": "203.0.113.9", "request_method": "GET", "request_uri": "/a?b", "status": "200", "http_user_agent": "curl/8"},
    "a request line": {"time": "17/May/2015:10:05:03 +0000", "remote_addr": "203.0.113.9", "request": "GET /a?b HTTP/1.1", "user_agent": "curl/8"},
    "Caddy": {"ts": 1431857103.5, "request": {"remote_ip": "203.0.113.9", "method": "GET", "uri": "/a?b", "headers": {"User-Agent": ["curl/8"]}}},
    "Traefik": {"ClientHost": "203.0.113.9", "RequestMethod": "GET", "RequestPath": "/a?b", "StartUTC": "2015-05-17T10:05:03.123456789Z", "request_User-Agent": "curl/8"},
    "Elastic Common Schema": {"@timestamp": "2015-05-17T10:05:03.000Z", "source": {"ip": "203.0.113.9"}, "http": {"request": {"method": "GET"}}, "url": {"original": "/a?b"}, "user_agent": {"original": "curl/8"}},
    "a load balancer": {"timestamp": "2015-05-17T10:05:03Z", "httpRequest": {"requestMethod": "GET", "requestUrl": "/a?b", "remoteIp": "203.0.113.9", "userAgent": "curl/8"}},
    "milliseconds": {"timestamp": 1431857103123, "client_ip": "203.0.113.9", "method": "GET", "path": "/a?b", "ua": "curl/8"},
}  # fmt: skip


@pytest.mark.parametrize("name", JSON)
def test_json(name):
    assert read_json(json.dumps(JSON[name]).encode()) == WHOLE


@pytest.mark.parametrize(
    "text", [b"{", b"{}", b"[]", b"3", b'{"time": "yesterday", "path": "/a"}', b'{"a": ' * 5000, b'{"a": "\xff"}']
)
def test_malformed_json(text):
    assert read_json(text) is None


@pytest.mark.parametrize(
    "text", [b"", b"-1", b"nan", b"9" * 40, b"0000-00-00T00:00:00Z", b"17/May/2015:10:05", b"9999-12-31T23:59:59Z"]
)
def test_no_moment(text):
    assert moment_of(text) is None
