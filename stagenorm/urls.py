"""How people are told of a URL, whatever is wrong with it."""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?P<scheme>(?:[A-Za-z][A-Za-z0-9+.-]*:)?//)?(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL
)
_HOST = r"(?:[\w.%-]*|\[[\w:.%]+\])(?::\d*)?"
_HOSTS = re.compile(f"{_HOST}(?:,{_HOST})*")
_FILES = ("", "file://", "unix://", "sqlite://")


def without_secrets(url: str) -> str:
    """A URL without user, password and parameters.

    Where an ``@`` stands behind the host as RFC 3986 has it, in a path or in parameters, it may as well end a password that
    was not quoted, and what is no host with a port may be one: nothing but the scheme is told then. The path of a file is
    told, whatever it holds.
    """
    found = _URL.fullmatch(url)
    assert found is not None  # whatever it is
    scheme, authority, path, rest = found.group("scheme") or "", *found.group("authority", "path", "rest")
    is_file = not authority and scheme in _FILES
    if is_file:
        return f"{scheme}{path}"
    hosts = authority.rpartition("@")[2]
    return f"{scheme}..." if "@" in path + rest or not _HOSTS.fullmatch(hosts) else f"{scheme}{hosts}{path}"
