"""Receipt: the signed word that a backup of one database was restored and was right. It imports itsdangerous."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from stagenorm.backfill.target import Target
from stagenorm.errors import BackfillRefusedError, BackupError, ConfigurationError, MissingExtraError
from stagenorm.files import replacing

try:
    from itsdangerous import BadData, URLSafeTimedSerializer
except ModuleNotFoundError as error:
    raise MissingExtraError("a restore receipt", "backfill") from error

RECEIPT_KEY = "STAGENORM_RECEIPT_KEY"
LONGEST_AGE = 24 * 3600.0
"""Seconds that a receipt is good for."""
_LEAST = 24
_LARGEST = 1 << 20
_AHEAD = 60.0  # seconds that two machines' clocks may differ


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was proved.

    Attributes:
        database: which one, as ``Database.identity`` tells.
        sha256: of the dump.
        backed_up_at: seconds since the epoch.
        columns: whose values were compared, each as ``Target.name`` has it.
        restored_in: seconds that it took.
    """

    database: str
    sha256: str
    backed_up_at: float
    columns: tuple[str, ...]
    restored_in: float

    @property
    def good_until(self) -> float:
        """When no run may begin on it any longer, in seconds since the epoch, if it was signed after the backup."""
        return self.backed_up_at + LONGEST_AGE


class Receipts:
    """Signs receipts and reads them.

    Args:
        environment: holds the key as ``STAGENORM_RECEIPT_KEY``.

    Raises:
        ConfigurationError: there is no key, or it is too short.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        key = environment.get(RECEIPT_KEY, "")
        if len(key) < _LEAST:
            raise ConfigurationError(
                f"{RECEIPT_KEY} is {'too short' if key else 'not set'}: set it to the key that receipts are signed with, or "
                "make the first one: stagenorm token secret"
            )
        self._serializer = URLSafeTimedSerializer(
            key, salt="stagenorm restore", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )

    def write(self, receipt: Receipt, dump: Path) -> Path:
        """Write it beside its dump. Raises DataFileError where that cannot be."""
        path = place(dump)
        with replacing(path) as file:
            file.write(str(self._serializer.dumps(asdict(receipt))).encode())
        return path

    def accept(self, path: Path, database: str, target: Target, now: float) -> Receipt:
        """A receipt that a run may begin on.

        Args:
            path: of the receipt.
            database: which one is to be changed.
            target: what is to be changed in it, its table named as ``resolved`` does.
            now: seconds since the epoch.

        Raises:
            BackupError: it cannot be read.
            BackfillRefusedError: it was not signed with this key, is of another database or did not compare the
                column's values, or it or its backup is older than 24 hours.
        """
        receipt, signed_at = self._load(path)
        if receipt.database != database:
            raise BackfillRefusedError(f"{path} is of another database ({receipt.database}, not {database}): {_PROVE}")
        oldest = min(signed_at, receipt.backed_up_at)
        if not -_AHEAD <= now - oldest < LONGEST_AGE:
            raise BackfillRefusedError(
                f"{path}: its backup is {(now - oldest) / 3600:.1f} hours old, 24 is the most: {_PROVE}"
            )
        if target.name not in receipt.columns:
            raise BackfillRefusedError(
                f"{path} proves nothing of the values of {target.name}: stagenorm backup create --column {target.name}, then "
                "stagenorm backup restore-test"
            )
        return receipt

    def read(self, path: Path) -> Receipt:
        """What a receipt says, of whichever database and however old. Raises as ``accept`` does if it is none."""
        return self._load(path)[0]

    def _load(self, path: Path) -> tuple[Receipt, float]:
        """A receipt that was signed with this key, and when."""
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST)
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror}: {_PROVE}") from error
        try:
            content, signed_at = self._serializer.loads(text, return_timestamp=True)
            return Receipt(**{**content, "columns": tuple(content["columns"])}), signed_at.timestamp()
        except (BadData, TypeError, KeyError) as error:
            raise BackfillRefusedError(
                f"{path} is no receipt, was edited, or was not signed with this {RECEIPT_KEY}: {_PROVE}"
            ) from error


_PROVE = "stagenorm backup create, then stagenorm backup restore-test"


def place(dump: Path) -> Path:
    """Where the receipt of a dump is."""
    return dump.with_name(f"{dump.name}.receipt")
