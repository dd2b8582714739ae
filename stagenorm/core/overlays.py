"""Runtime overlays: temporary aliases and consumer exemptions, each with a reason, an author and an expiry.

Pure values and their rules; they are stored beside the modes, and the boundary judges by them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stagenorm.core.folding import defect, fold, is_null_like, spell
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.errors import OverlayError


@dataclass(frozen=True, slots=True)
class TemporaryAlias:
    """A written form that means a canonical value until it expires.

    Attributes:
        vocabulary: the name of the vocabulary.
        form: the form, folded.
        value: the canonical value.
        expires_at: in seconds since the epoch; at this moment it no longer counts.
        author: who added it.
        reason: why.
        endpoint: the name of the endpoint where it counts, or None for every endpoint.
    """

    vocabulary: str
    form: str
    value: str
    expires_at: float
    author: str
    reason: str
    endpoint: str | None = None

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What it is known by: an alias that is added replaces the one with the same key."""
        return self.vocabulary, self.form, self.endpoint


@dataclass(frozen=True, slots=True)
class Exemption:
    """A consumer that is judged and counted, but never rejected, until it expires.

    Attributes:
        consumer: the consumer's key.
        endpoint: the endpoint's name, or None for every endpoint.
        expires_at: in seconds since the epoch; at this moment it no longer counts.
        author: who added it.
        reason: why.
    """

    consumer: str
    endpoint: str | None
    expires_at: float
    author: str
    reason: str


def temporary_alias(
    vocabulary: Vocabulary,
    written: str,
    value: str,
    endpoint: str | None = None,
    *,
    expires_at: float,
    author: str,
    reason: str,
    now: float,
) -> TemporaryAlias:
    """A temporary alias that does not contradict its vocabulary.

    Raises:
        OverlayError: the value is not canonical, the form means something already or cannot be a form, the expiry
            is not in the future, or no reason is given.
    """
    _check_lifetime(f"alias {written!a}", expires_at, reason, now)
    if value not in vocabulary:
        raise OverlayError(
            f"alias {written!a}: {value!a} is not a canonical value of {vocabulary.name!r} "
            f"({', '.join(vocabulary.values)}): name one of these"
        )
    fault = defect(written)
    if fault:
        where = f" ({spell(fault[1])})" if fault[1] else ""
        raise OverlayError(
            f"alias {written!a} is refused as {fault[0].value}{where}: write it with plain, visible letters"
        )
    form = fold(written)
    if is_null_like(form):
        raise OverlayError(
            f"alias {written!a} is refused as null-like: it says that there is no value, so it can mean none"
        )
    owner = vocabulary.table.get(form)
    if owner is not None:
        raise OverlayError(f"alias {written!a}: {vocabulary.name!r} already takes it for {owner!r}: nothing to add")
    return TemporaryAlias(vocabulary.name, form, value, expires_at, author, reason, endpoint)


def exemption(
    consumer: str, endpoint: str | None, *, expires_at: float, author: str, reason: str, now: float
) -> Exemption:
    """An exemption. Raises OverlayError if no consumer or reason is given, or the expiry is not in the future."""
    if not consumer:
        raise OverlayError("an exemption needs the key of a consumer")
    _check_lifetime(f"exemption of {consumer!a}", expires_at, reason, now)
    return Exemption(consumer, endpoint, expires_at, author, reason)


def _check_lifetime(what: str, expires_at: float, reason: str, now: float) -> None:
    if not reason.strip():
        raise OverlayError(f"{what} needs a reason")
    if not now < expires_at < math.inf:
        raise OverlayError(f"{what} must expire later than now, and not never: give another expiry")


@dataclass(frozen=True, slots=True)
class Overlays:
    """The overlays that are stored, expired ones included until somebody removes them."""

    aliases: tuple[TemporaryAlias, ...] = ()
    exemptions: tuple[Exemption, ...] = ()

    def with_alias(self, alias: TemporaryAlias) -> Overlays:
        """These and a temporary alias, in place of one with the same form for the same endpoint."""
        others = self.without_alias(*alias.key).aliases
        return replace(self, aliases=(*others, alias))

    def without_alias(self, vocabulary: str, form: str, endpoint: str | None) -> Overlays:
        """These without the temporary alias of a folded form."""
        gone = (vocabulary, form, endpoint)
        return replace(self, aliases=tuple(each for each in self.aliases if each.key != gone))

    def with_exemption(self, exemption: Exemption) -> Overlays:
        """These and an exemption, in place of one for the same endpoint."""
        others = self.without_exemption(exemption.consumer, exemption.endpoint).exemptions
        return replace(self, exemptions=(*others, exemption))

    def without_exemption(self, consumer: str, endpoint: str | None) -> Overlays:
        """These without the exemption of a consumer."""
        kept = tuple(each for each in self.exemptions if (each.consumer, each.endpoint) != (consumer, endpoint))
        return replace(self, exemptions=kept)

    def __le__(self, other: Overlays) -> bool:
        """Whether the other ones hold all of these."""
        return set(self.aliases) <= set(other.aliases) and set(self.exemptions) <= set(other.exemptions)

    def __iter__(self) -> Iterator[TemporaryAlias | Exemption]:
        yield from self.aliases
        yield from self.exemptions

    def __bool__(self) -> bool:
        return bool(self.aliases or self.exemptions)

    def forms(self, endpoint: str, now: float) -> dict[tuple[str, str], str]:
        """What counts at an endpoint now: pairs of a vocabulary's name and a folded form, each with its canonical value.

        Where one alias is for every endpoint and another for this one, this one's holds.
        """
        counting = [each for each in self.aliases if each.endpoint in (None, endpoint) and now < each.expires_at]
        counting.sort(key=lambda each: each.endpoint is not None)
        return {(each.vocabulary, each.form): each.value for each in counting}

    def is_exempt(self, consumer: str | None, endpoint: str, now: float) -> bool:
        """Whether a consumer must not be rejected now."""
        return any(
            each.consumer == consumer and each.endpoint in (None, endpoint) and now < each.expires_at
            for each in self.exemptions
        )
