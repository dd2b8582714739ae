"""The canary share: which consumers a percentage holds. Sticky and monotone, pure arithmetic on a digest."""

from __future__ import annotations

from hashlib import blake2b

_BUCKETS = 2**64


def in_share(consumer: str | None, share: float, salt: str) -> bool:
    """Whether a consumer lies in the first ``share`` percent of all consumers.

    The same consumer and salt get the same answer in every process, and a larger share holds every smaller one.

    Args:
        consumer: the consumer's key; None where a request has none, which only 100 percent holds.
        share: a percentage, 0 to 100.
        salt: sets rollouts apart, so that not always the same consumers go first.
    """
    if share >= 100:
        return True
    if consumer is None or share <= 0:
        return False
    digest = blake2b(consumer.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()[:64]).digest()
    return int.from_bytes(digest, "big") * 100 < share * _BUCKETS
