"""How a written form is folded, and what makes one unfit to be folded.

Only functions from text to text (or to the name of a defect) live here; what a form *means* is the vocabulary's.
"""

from __future__ import annotations

import unicodedata

from stagenorm.core.token import Token

SEPARATOR = "-"
MAX_LENGTH = 256
"""The longest written form that is looked at, in code points, as written and as NFKC spells it out."""
_MAX_EXPANSION = 18  # code points that NFKC makes of one at most: U+FDFA

# Unicode's White_Space property (PropList.txt). str.isspace() is not used: it also takes U+001C..U+001F, which
# are control characters here.
WHITE_SPACE = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | frozenset(
    map(chr, range(0x2000, 0x200B))
)
# General category Pd (Unicode 15.1), and the two members of the Dash property beyond it that NFKC keeps.
_DASHES = frozenset(
    "-\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0"
    "\ufe31\ufe32\ufe58\ufe63\uff0d\U00010ead\u2212\u2053"
)
SEPARATORS = WHITE_SPACE | _DASHES | {"_"}
_TO_SEPARATOR = dict.fromkeys(map(ord, SEPARATORS), SEPARATOR)

_BIDIRECTIONAL = frozenset(map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
# Default_Ignorable_Code_Point beyond general category Cf (DerivedCoreProperties.txt).
_INVISIBLE = frozenset(
    map(
        chr,
        (
            847,
            4447,
            4448,
            6068,
            6069,
            6155,
            6156,
            6157,
            6159,
            8293,
            12644,
            65440,
            *tuple(range(65024, 65040)),
            *tuple(range(65520, 65529)),
            *tuple(range(917504, 921600)),
        ),
    )
)
# Letters of other scripts, case-folded, that print like a Latin one: the single-letter rows of UTS #39's
# confusables for Cyrillic, Greek, Armenian and Cherokee.
_LOOKALIKES = dict(
    zip(
        "авгекмнорстухѕіјԁԛԝһѵӏүαβγεζηικμνορτυχϲϳօսոհցզքᎠᎡᎢᎥᎪᎬᎳᎷᎻᏀᏃᏚᏞᏟᏢᏦᏴ",
        "abrekmhopctyxsijdqwhvlyabyezhikmvoptyxcjounhgqfdrtiaewmhgzslcpkb",
        strict=True,
    )
)
_NULL_LIKES = frozenset(
    [
        "n/a",
        "na",
        "n.a.",
        "n.a",
        "none",
        "null",
        "nil",
        "nan",
        "undefined",
        "unknown",
        "undisclosed",
        "unattributed",
        "unspecified",
        "missing",
        "tbd",
        "?",
        "??",
    ]
)


class Reason(Token):
    """Why a written form is refused; the value is a stable token for logs and problem documents."""

    NOT_A_STRING = "not-a-string"
    EMPTY = "empty"
    NULL_LIKE = "null-like"
    TOO_LONG = "too-long"
    SURROGATE = "lone-surrogate"
    CONTROL = "control-character"
    BIDIRECTIONAL = "bidirectional-character"
    INVISIBLE = "invisible-character"
    LOOKALIKE = "lookalike-letter"
    NOT_IN_VOCABULARY = "not-in-vocabulary"


def fold(text: str) -> str:
    """Fold one written form: NFKC, casefold, and every run of separators to one ``-``, none at the ends.

    ``+`` is a letter. Runs to a fixed point, so folding is idempotent by construction (one pass of NFKC and
    casefold is not: Unicode 15.0, section 3.13, D145 to D147).
    """
    while True:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        folded = SEPARATOR.join(filter(None, folded.translate(_TO_SEPARATOR).split(SEPARATOR)))
        if folded == text:
            return folded
        text = folded


def defect(text: str) -> tuple[Reason, str] | None:
    """Name what makes a text unfit as a written form, whatever the vocabulary.

    Returns:
        The reason and the offending part (one character, or the empty string), or None if nothing is wrong.
    """
    if is_too_long(text):
        return Reason.TOO_LONG, ""
    for ch in text:
        category = unicodedata.category(ch)
        if category == "Cs":
            return Reason.SURROGATE, ch
        if category == "Cc" and ch not in WHITE_SPACE:
            return Reason.CONTROL, ch
        if ch in _BIDIRECTIONAL:
            return Reason.BIDIRECTIONAL, ch
        if category == "Cf" or ch in _INVISIBLE:
            return Reason.INVISIBLE, ch
    folded = fold(text)
    if not folded:
        return (Reason.NULL_LIKE, "") if text.strip("".join(WHITE_SPACE)) else (Reason.EMPTY, "")
    impostor = next((ch for ch in folded if ch in _LOOKALIKES), None)
    if impostor is not None and latin_skeleton(folded).isascii():
        return Reason.LOOKALIKE, impostor
    return None


def is_too_long(text: str) -> bool:
    """Whether a text has more than MAX_LENGTH code points."""
    if len(text) <= MAX_LENGTH // _MAX_EXPANSION or (len(text) <= MAX_LENGTH and text.isascii()):
        return False
    return len(text) > MAX_LENGTH or len(unicodedata.normalize("NFKC", text)) > MAX_LENGTH


def latin_skeleton(folded: str) -> str:
    """Replace look-alike letters in a folded form by the Latin letters that they imitate."""
    return "".join(_LOOKALIKES.get(ch, ch) for ch in folded)


def is_null_like(folded: str) -> bool:
    """Whether a folded form is one of the ways people write that there is no value."""
    return folded in _NULL_LIKES


def spell(ch: str) -> str:
    """Name one character in ASCII, such as ``U+200B ZERO WIDTH SPACE``."""
    return f"U+{ord(ch):04X} {unicodedata.name(ch, '(unnamed)')}"
