"""From a User-Agent header to the family of its program. It imports ua_parser."""

from __future__ import annotations

import re
from functools import lru_cache

from stagenorm.errors import MissingExtraError

try:
    from ua_parser import Domain, Parser
    from ua_parser.basic import Resolver
    from ua_parser.loaders import load_lazy_builtins
except ModuleNotFoundError as error:
    raise MissingExtraError("telling user agents apart", "consumers") from error

_LONGEST = 512  # characters that are looked at
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{0,39}")
_NO_PRODUCT = {"mozilla"}
UNKNOWN = "unknown"
"""The family of a request that does not say what sent it."""


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Resolver(load_lazy_builtins()))


@lru_cache(maxsize=8192)
def family(agent: str) -> str:
    """The family, such as ``Chrome`` or ``Python Requests``.

    A program that the parser's list does not have is called what it calls itself: the first product of the header
    (RFC 9110, section 10.1.5), such as ``nightly-import``; otherwise it is ``unknown``.
    """
    found = _parser()(agent[:_LONGEST], Domain.USER_AGENT).user_agent
    if found is not None:
        return found.family[:_LONGEST]
    product = _PRODUCT.match(agent)
    return product[0] if product and product[0].casefold() not in _NO_PRODUCT else UNKNOWN
