"""How people are told of a URL, whatever is wrong with it."""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL
)
_FILES = ("", "file://", "unix://")


def without_secrets(url: str) -> str:
    """A URL without user, password and parameters.

    Where an ``@`` stands behind the host as RFC 3986 has it, in a path or in parameters, it may as well end a password that
    was not quoted: nothing but the scheme is told then. The path of a file is told, whatever it holds.
    """
    found = _URL.fullmatch(url)
    assert found is not None  # whatever it is
    scheme, authority, path, rest = found.group("scheme") or "", *found.group("authority", "path", "rest")
    is_file = not authority and scheme in _FILES
    if "@" in rest or ("@" in path and not is_file):
        return f"{scheme}..." if not is_file else f"{scheme}{path}"
    return f"{scheme}{authority.rpartition('@')[2]}{path}"
