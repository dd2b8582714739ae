"""Operators' tokens: signed, expiring, and naming the operator. The only file that imports itsdangerous."""

from __future__ import annotations

import hashlib

from itsdangerous import BadData, URLSafeSerializer

from stagenorm.errors import ConfigurationError, TokenRefusedError

_LONGEST = 2048
_SALT = "stagenorm operator"


class Tokens:
    """Issues tokens and reads them.

    Args:
        key: signs them; whoever has it is every operator.
    """

    def __init__(self, key: bytes) -> None:
        self._serializer: URLSafeSerializer = URLSafeSerializer(
            key, salt=_SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )

    def issue(self, actor: str, expires_at: float) -> str:
        """A token.

        Args:
            actor: who acts with it; the trail keeps this name.
            expires_at: seconds since the epoch.

        Raises:
            ConfigurationError: the name cannot be written as UTF-8.
        """
        try:
            return self._serializer.dumps({"actor": actor, "expires_at": expires_at})
        except UnicodeEncodeError as error:
            raise ConfigurationError(f"{actor!a} is no name that a token can carry: give it in UTF-8") from error

    def actor(self, token: bytes, now: float) -> str:
        """Whose token it is.

        Args:
            token: as it was sent.
            now: seconds since the epoch.

        Raises:
            TokenRefusedError: it was not issued with this key, or has expired.
        """
        if not token:
            raise TokenRefusedError(f"an operator's token is needed, as Authorization: Bearer TOKEN; {_ISSUE}")
        try:
            payload = self._serializer.loads(token) if len(token) <= _LONGEST else None
        except BadData:
            payload = None
        if payload is None:
            raise TokenRefusedError(f"this token was not issued with the service's STAGENORM_TOKEN_KEY; {_ISSUE}")
        if now >= payload["expires_at"]:
            raise TokenRefusedError(f"this token has expired; {_ISSUE}")
        return str(payload["actor"])


_ISSUE = "make one with: stagenorm token issue --actor NAME"
