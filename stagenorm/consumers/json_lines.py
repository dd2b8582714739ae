"""Access logs as lines of JSON, under the names that servers, proxies and logging libraries give to their fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from stagenorm.consumers.record import Record, moment_of

# Names without case and separators, the surest first: nginx and Apache as people write them, then Caddy, Traefik,
# Envoy, the Elastic Common Schema and Google's load balancers. A nested name is written with its parents.
_MOMENT = (
    "timeiso8601", "timelocal", "msec", "time", "timestamp", "@timestamp", "ts", "datetime", "date", "starttime",
    "startutc", "t",
)  # fmt: skip
_METHOD = (
    "requestmethod", "method", "httpmethod", "verb", "httprequestmethod", "httprequestrequestmethod",
)  # fmt: skip
_TARGET = (
    "requesturi", "uri", "requestpath", "requesturl", "path", "url", "target", "xenvoyoriginalpath", "urloriginal",
    "urlpath", "httprequestrequesturl", "httpurl",
)  # fmt: skip
_REQUEST = ("request", "requestline", "httprequest")
_PEER = (
    "remoteaddr", "remoteip", "requestremoteip", "requestremoteaddr", "clientip", "clientaddr", "clienthost",
    "requestclientip", "client", "ip", "sourceip", "clientipaddress", "downstreamremoteaddress", "httprequestremoteip",
    "remotehost", "remote", "addr", "host",
)  # fmt: skip
_FORWARDED = (
    "httpxforwardedfor", "xforwardedfor", "xff", "forwardedfor", "requestheadersxforwardedfor", "requestxforwardedfor",
)  # fmt: skip
_AGENT = (
    "httpuseragent", "useragent", "agent", "ua", "requestuseragent", "requestheadersuseragent", "useragentoriginal",
    "httprequestuseragent",
)  # fmt: skip
_SEPARATORS = re.compile(r"[^a-z0-9@]+")
_LINE = re.compile(r"([A-Za-z]+) (\S+)")
_decoder = msgspec.json.Decoder(dict[str, Any])
_DEPTH = 4


def read_json(line: bytes) -> Record | None:
    """What a line says, or None where it is malformed.

    Args:
        line: without its end.
    """
    try:
        fields = dict(_flat(_decoder.decode(line.strip(b"\0 \t\r")), "", _DEPTH))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    moment = next((at for at in (moment_of(fields[name].encode()) for name in _MOMENT if name in fields) if at), None)
    if moment is None:
        return None
    method, target = _first(fields, _METHOD), _first(fields, _TARGET)
    request = _LINE.match(_first(fields, _REQUEST))
    if request and not (method and target):
        method, target = request.groups()
    peer, forwarded, agent = (_first(fields, names) for names in (_PEER, _FORWARDED, _AGENT))
    if not (target or request or peer):
        return None
    return Record(moment, *(text.encode("utf-8", "replace") for text in (method, target, peer, forwarded, agent)))


def _flat(value: dict[str, Any], parents: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        name = parents + _SEPARATORS.sub("", key.lower())
        if isinstance(each, list) and each:
            each = each[0]  # noqa: PLW2901 - headers have their values in arrays
        if isinstance(each, dict) and depth:
            yield from _flat(each, name, depth - 1)
        elif isinstance(each, (str, int, float)) and not isinstance(each, bool):
            yield name, repr(each) if isinstance(each, float) else str(each)


def _first(fields: dict[str, str], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")
