"""assert_boundary_holds: one line that fuzzes a consumer's ASGI or WSGI app in enforce."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from stagenorm.boundary.boundary import Boundary
from stagenorm.boundary.endpoint import Endpoint, PathParameter
from stagenorm.boundary.fields import PathField
from stagenorm.boundary.problem import MEDIA_TYPE
from stagenorm.core.modes import FixedModes, Mode, ModeState, ModeView
from stagenorm.events import Event, Inspected, Outcome
from stagenorm.testing.drivers import Answer, Driver, driving
from stagenorm.testing.parameters import PARAMETERS
from stagenorm.testing.requests import Expected, GeneratedRequest, requests_for


def assert_boundary_holds(
    app: Any,
    boundary: Boundary,
    *,
    examples: int = 100,
    prefix: str = "",
    headers: Mapping[str, str] | None = None,
) -> None:
    """Fuzz every endpoint of a guarded app, and fail with the smallest request that gets past the boundary.

    The boundary enforces for every consumer meanwhile, and has its own modes back afterwards. Each request is made so
    that it is known what must become of it. Every one must be judged by this boundary; one that must be refused must
    be answered with a stagenorm problem and a 4xx status; any other must not. Handlers run on the values that pass,
    and of the canonical requests to an endpoint one at least must get another answer than 404, 405 or 5xx.

    The same requests are sent every time, so that a test fails for what changed in the app alone.

    Args:
        app: the whole ASGI 3 or WSGI application, with its middleware; its lifespan runs meanwhile.
        boundary: the one that the application's StageNormMiddleware was given.
        examples: how many requests are sent to each endpoint.
        prefix: the path below which the guarded application is mounted, such as ``/v1``.
        headers: to send with every request: what stands in front of the middleware may want a host or a credential.

    Raises:
        AssertionError: the boundary does not hold. The message shows the request as a curl command, what became of
            it, and what to do.
    """
    common = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items())
    with _enforcing(boundary) as judged, driving(app) as send:
        for endpoint in boundary.endpoints:
            _Check(endpoint, boundary, send, judged, prefix.rstrip("/"), common).run(examples)


# What to look at where canonical requests are answered so; anything below 500 and not here is a handler's answer.
_REMEDIES = {404: "Is the path right?", 405: "Is the method right?"}
_BROKEN = "Does the handler read the very fields that the endpoint declares?"


@contextmanager
def _enforcing(boundary: Boundary) -> Iterator[list[Inspected]]:
    """Enforce for every consumer, and tell what the boundary judged."""
    judged: list[Inspected] = []
    modes = boundary.modes

    def hook(event: Event) -> None:
        if isinstance(event, Inspected):
            judged.append(event)

    boundary.modes = FixedModes(ModeView(ModeState(Mode.ENFORCE)))
    boundary.hooks.append(hook)
    try:
        yield judged
    finally:
        boundary.modes = modes
        boundary.hooks.remove(hook)


@dataclass(frozen=True)
class _Check:
    """Sends requests to one endpoint and says what is wrong with an answer."""

    endpoint: Endpoint
    boundary: Boundary
    send: Driver
    judged: list[Inspected]
    prefix: str
    headers: tuple[tuple[bytes, bytes], ...]
    canonical: list[Answer] = field(default_factory=list)  # the answers to canonical requests

    def run(self, examples: int) -> None:
        """Raises AssertionError for the smallest request whose answer is wrong, or if no handler was ever reached."""
        requests = requests_for(self.endpoint, self.boundary.vocabulary, max_body_bytes=self.boundary.max_body_bytes)

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            verbosity=Verbosity.quiet,
            print_blob=False,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(requests)
        def check(request: GeneratedRequest) -> None:
            self._send_one(request)

        try:
            check()
        except _HoleError as hole:
            raise AssertionError(str(hole)) from hole.error
        self._check_reached()

    def _check_reached(self) -> None:
        """A boundary in front of nothing holds nothing."""
        statuses = {answer.status for answer in self.canonical}
        if not statuses or any(status < 500 and status not in _REMEDIES for status in statuses):
            return
        told = " or ".join(map(str, sorted(statuses)))
        remedies = dict.fromkeys(_REMEDIES.get(status, _BROKEN) for status in sorted(statuses))
        raised = next((answer.error for answer in self.canonical if answer.error), None)
        cause = f" ({raised!r})" if raised else ""
        free = {part.name for part in self.endpoint.segments if isinstance(part, PathParameter)}
        free -= {each.name for each in self.endpoint.fields if isinstance(each, PathField)}
        named = ", ".join(f"{{{name}}}" for name in sorted(free))
        values = f" Does the app know {' and '.join(PARAMETERS)}, which stand for {named}?" if free else ""
        raise AssertionError(
            f"no canonical request reached a handler of {self.endpoint.name!r}: every one was answered {told}{cause}. "
            f"{' '.join(remedies)}{values}"
        ) from raised

    def _send_one(self, request: GeneratedRequest) -> None:
        mine = [pair for pair in self.headers if pair[0] not in dict(request.headers)]
        request = replace(request, path=self.prefix.encode() + request.path, headers=(*request.headers, *mine))
        self.judged.clear()
        answer = self.send(request)
        if request.expected is Expected.CANONICAL:
            self.canonical.append(answer)
        fault = self._fault(request, answer)
        if fault:
            raise _HoleError(
                f"the boundary does not hold on endpoint {self.endpoint.name!r}.\n\n"
                f"This request holds {request.way.value}:\n\n  {request}\n\n{fault}",
                answer.error,
            )

    def _fault(self, request: GeneratedRequest, answer: Answer) -> str | None:
        """What is wrong with an answer, and what to do about it."""
        told = f"status {answer.status}" + (f" ({answer.error!r})" if answer.error else "")
        mine = [event for event in self.judged if event.endpoint == self.endpoint.name]
        if not mine:
            where = f"below the prefix {self.prefix!r}" if self.prefix else "without a prefix"
            others = "another boundary's problem and " if _is_problem(request, answer) else ""
            return (
                f"This boundary never judged it; it was answered with {others}{told}. Wrap the application in "
                f"StageNormMiddleware with this very boundary. It was looked for {where}: if the application is "
                "mounted elsewhere give prefix=, and if something in front of it wants a host or a credential give "
                "headers=."
            )
        if request.expected is Expected.REFUSED:
            if _is_problem(request, answer) and 400 <= answer.status < 500:
                return None
            return (
                f"It must be refused with a stagenorm problem and a 4xx status, and was answered with {told}. If the "
                "middleware is stagenorm's own and nothing outside it rewrites answers, report this request as a bug."
            )
        # A problem in answer to HEAD may be the host's: whose it is stands in the body, which HEAD has none of.
        if _is_problem(request, answer) and (request.method != "HEAD" or mine[-1].outcome is Outcome.REJECT):
            return (
                f"It must pass, and was refused with {told}: {answer.body.decode(errors='replace')[:400]}. Compare "
                "the endpoint's fields and vocabulary with what the message names; if they are right, report this "
                "request as a bug."
            )
        return None


class _HoleError(Exception):
    """A request whose answer is wrong. Not an AssertionError, so that one of the app's own is not taken for it."""

    def __init__(self, message: str, error: Exception | None) -> None:
        super().__init__(message)
        self.error = error


def _is_problem(request: GeneratedRequest, answer: Answer) -> bool:
    """Whether an answer is a problem document of stagenorm's; to HEAD there is only its media type."""
    if dict(answer.headers).get(b"content-type") != MEDIA_TYPE:
        return False
    if request.method == "HEAD":
        return True
    try:
        document = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(document, dict) and str(document.get("type")).startswith("urn:stagenorm:problem:")
