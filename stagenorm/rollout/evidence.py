"""Evidence: what the operator's commands left behind in files. What cannot be read is not known; nothing is raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from stagenorm.core.conclusion import Conclusion
from stagenorm.errors import StagenormError
from stagenorm.rollout.observations import Evidence, NotKnown, Proved, Report
from stagenorm.rollout.settings import EvidenceFiles
from stagenorm.times import seconds_at

_LARGEST = 64 << 20


def read_evidence(files: EvidenceFiles, environ: Mapping[str, str]) -> Evidence:
    """What the files say.

    Args:
        files: where they are.
        environ: holds the key of receipts.
    """
    return Evidence(
        _report(files.consumers, "consumers_report"),
        _report(files.backfill, "verify_report"),
        _receipt(files.receipt, environ),
    )


def _report(path: Path | None, key: str) -> Report | NotKnown:
    if path is None:
        return NotKnown(f"no {key} is named under [rollout] in stagenorm.toml")
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_LARGEST))
        began, logs, identity = (content.get(key) for key in ("began_at", "logs", "identity"))
        return Report(
            Conclusion(content["result"]),
            seconds_at(content["generated_at"]),
            began_at=None if began is None else seconds_at(began),
            until=seconds_at(logs["until"]) if logs and logs["until"] else None,
            filter=str(content.get("filter") or ""),
            identity=None if identity is None else str(identity),
        )
    except FileNotFoundError:
        return NotKnown(f"{path} is not there")
    except OSError as error:
        return NotKnown(f"{path} cannot be read: {error.strerror}")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return NotKnown(f"{path} is no report: it needs result and generated_at")


def _receipt(path: Path | None, environ: Mapping[str, str]) -> Proved | NotKnown:
    if path is None:
        return NotKnown("no receipt is named under [rollout] in stagenorm.toml")
    try:
        from stagenorm.backups.receipt import RECEIPT_KEY, Receipts  # noqa: PLC0415 - an extra

        if not environ.get(RECEIPT_KEY):  # a new one would read none that is there
            return NotKnown(f"{RECEIPT_KEY} is not set: set it to the key that signed {path}")
        receipt = Receipts(environ).read(path)
        return Proved(receipt.backed_up_at, receipt.database)
    except StagenormError as error:
        return NotKnown(str(error))
