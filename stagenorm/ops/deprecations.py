"""What is deprecated: written forms that are not canonical, where, since when and until when, and how often seen.

It is public: the notices that clients get link to it.
"""

from __future__ import annotations

import threading
from collections import Counter
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stagenorm.boundary.boundary import Boundary
from stagenorm.boundary.endpoint import Endpoint
from stagenorm.core.folding import fold
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.events import Event, FindingKind, Inspected
from stagenorm.ops.models import DeprecatedAt, DeprecatedForm, Deprecations
from stagenorm.ops.problems import ProblemError

_ALIASES = (FindingKind.ALIAS, FindingKind.SEALED_ALIAS)


class SeenForms:
    """A hook that counts aliases. Bounded, because only forms that a vocabulary holds are told apart.

    Args:
        boundary: whose endpoints are watched.
    """

    def __init__(self, boundary: Boundary) -> None:
        self._vocabularies = {
            endpoint.name: [(field.label, field.vocabulary or boundary.vocabulary) for field in endpoint.fields]
            for endpoint in boundary.endpoints
        }
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._forms: Counter[tuple[str, Vocabulary, str]] = Counter()

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        if not isinstance(event, Inspected):
            return
        total = sum(event.counts.get(kind, 0) for kind in _ALIASES)
        if not total:
            return
        with self._lock:
            self._seen[event.endpoint] += total
            for finding in event.findings:
                if finding.kind in _ALIASES and isinstance(finding.raw, str):
                    form = fold(finding.raw)
                    for label, vocabulary in self._vocabularies[event.endpoint]:
                        if label == finding.field and form in vocabulary.table:
                            self._forms[event.endpoint, vocabulary, form] += 1
                            break  # two fields may have one label: the first that knows the form has it

    def at(self, endpoint: Endpoint) -> DeprecatedAt:
        """What is deprecated at an endpoint, and what of it was seen."""
        with self._lock:
            seen, forms = self._seen[endpoint.name], dict(self._forms)
        listed = []
        for vocabulary in dict.fromkeys(vocabulary for _, vocabulary in self._vocabularies[endpoint.name]):
            with_suffix = [form for name, of, form in forms if (name, of) == (endpoint.name, vocabulary)]
            for form in dict.fromkeys([*vocabulary.forms, *with_suffix]):
                value = vocabulary.table[form]
                if form != value:
                    count = forms.get((endpoint.name, vocabulary, form), 0)
                    listed.append(DeprecatedForm(form=form, value=value, seen=count))
        return DeprecatedAt(
            endpoint=endpoint.name,
            method=endpoint.method,
            path=endpoint.path,
            deprecation=endpoint.deprecation,
            sunset=endpoint.sunset,
            seen=seen,
            forms=listed,
        )


def deprecations_app(boundary: Boundary) -> ASGIApp:
    """An ASGI application that answers every GET with what is deprecated; hosts serve it at ``/api/deprecations``.

    Args:
        boundary: whose endpoints are told; it gets a hook that counts, if it has none yet.
    """
    return _DeprecationsApp(boundary)


class _DeprecationsApp:
    """An object and no function, so that Starlette's Route takes it for an application."""

    def __init__(self, boundary: Boundary) -> None:
        self._boundary = boundary
        hook = next((hook for hook in boundary.hooks if isinstance(hook, SeenForms)), None)
        self._seen = hook or SeenForms(boundary)
        if hook is None:
            boundary.hooks.append(self._seen)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            refused = ProblemError(
                HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "only GET is answered here", {"allow": "GET, HEAD"}
            )
            await refused.response()(scope, receive, send)
            return
        document = Deprecations(endpoints=[self._seen.at(endpoint) for endpoint in self._boundary.endpoints])
        response = Response(document.model_dump_json(), media_type="application/json")
        await response(scope, receive, send)
