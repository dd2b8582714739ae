"""RFC 9457 problem details: what a client reads when its request is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from stagenorm.events import Finding, FindingKind

MEDIA_TYPE = b"application/problem+json"
_SHOWN_VALUE = 64
_SHOWN_PLACE = 256
_ROOM = 1 << 15  # for the errors of one document, in bytes: a long vocabulary stands in each of them

# By the finding that decides: the stable part of the problem's type, and its title.
_KINDS = {
    FindingKind.FAILED: ("boundary-failed", "The service could not check this request"),
    FindingKind.UNSUPPORTED: ("unsupported-media-type", "The body is in a form that is not read here"),
    FindingKind.TOO_LARGE: ("body-too-large", "The body is too large to be checked"),
    FindingKind.UNKNOWN: ("unknown-value", "A value is outside the vocabulary"),
    FindingKind.SEALED_ALIAS: ("sealed-alias", "A signed or digested request must hold canonical values"),
    FindingKind.UNREADABLE: ("unreadable", "A value is missing, or cannot be read without doubt"),
}


def problem(status: int, findings: Sequence[Finding], total: int) -> bytes:
    """A problem document.

    Args:
        status: of the response.
        findings: that led to it, at least one; listed while there is room for them.
        total: how many such findings there are, told where it is more than are listed.
    """
    errors = _fitting(findings)
    kinds = {finding.kind for finding in findings}
    slug, title = next(words for kind, words in _KINDS.items() if kind in kinds)
    document: dict[str, Any] = {
        "type": f"urn:stagenorm:problem:{slug}",
        "title": title,
        "status": status,
        "detail": _detail(findings, total),
        "errors": errors,
    }
    if total > len(errors):
        document["errors_total"] = total
    return _encoded(document)


def _encoded(document: dict[str, Any]) -> bytes:
    # ASCII only: invisible and bidirectional characters of the client's stay visible as escapes.
    return json.dumps(document, ensure_ascii=True).encode()


def _fitting(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The first findings as errors: one at least, and no more than there is room for."""
    errors: list[dict[str, Any]] = []
    size = 0
    for finding in findings:
        error = _error(finding)
        size += len(_encoded(error))
        if errors and size > _ROOM:
            break
        errors.append(error)
    return errors


def _detail(findings: Sequence[Finding], total: int) -> str:
    first = findings[0]
    more = f" ({total - 1} more)" if total > 1 else ""
    return f"{first.field}: {first.detail}{more}."


def _error(finding: Finding) -> dict[str, Any]:
    error: dict[str, Any] = {"field": finding.field, "finding": finding.kind.value, "detail": finding.detail}
    if finding.where:
        kind = "pointer" if finding.where.startswith("/") else "parameter"
        error[kind] = finding.where[:_SHOWN_PLACE]
    if isinstance(finding.raw, str):
        error["value"] = finding.raw[:_SHOWN_VALUE]
    if finding.allowed:
        error["suggestions"] = list(finding.suggestions)
        error["allowed"] = list(finding.allowed)
    return error
