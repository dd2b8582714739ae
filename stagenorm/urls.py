"""How people are told of a URL, whatever is wrong with it."""

from __future__ import annotations

import re


def without_secrets(url: str) -> str:
    """A URL without user, password and parameters. What stands before an ``@`` is never told, even where it is no password."""
    place = re.split(r"[?#]", url, maxsplit=1)[0]
    scheme, slashes, rest = place.rpartition("//")
    return f"{scheme.rpartition('@')[2]}{slashes}{rest.rpartition('@')[2]}"
