"""How people are told of a URL, whatever is wrong with it."""

from __future__ import annotations

import re


def without_secrets(url: str) -> str:
    """A URL without user, password and parameters.

    What stands before an ``@`` is never told, even where it is no password, but for the path of a file.
    """
    scheme, slashes, rest = url.partition("//")
    if not slashes:
        scheme, rest = "", url
    place = rest if rest.startswith("/") else rest.rpartition("@")[2]
    return f"{scheme}{slashes}{re.split('[?#]', place, maxsplit=1)[0]}"
