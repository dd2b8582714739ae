"""How a store URL is shown: never with the secrets that it may hold."""

from __future__ import annotations

from urllib.parse import parse_qsl


def without_secrets(url: str) -> str:
    """A store URL for people to read: the user and the prefix stay, the password and every other parameter go.

    What is no URL is cut in the same way: all that may belong to a password goes.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        return url
    login, at, place = rest.removeprefix("//").rpartition("@")
    if "?" in login:  # of a password, or before one in a parameter
        return f"{scheme}://..."
    user = login.partition(":")[0]
    place, _, parameters = place.partition("?")
    prefix = dict(parse_qsl(parameters)).get("prefix")
    return f"{scheme}://{user + at if user else ''}{place}" + (f"?prefix={prefix}" if prefix else "")
