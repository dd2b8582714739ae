"""Boundary: a request in, a verdict out.

``open`` says whether a request is guarded, its guard whether the body must be held, ``lets_pass`` takes a quick look, and
``inspect`` judges. The adapters do nothing but move bytes between these and the server.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from time import perf_counter

from stagenorm.boundary import headers as http
from stagenorm.boundary.decisions import Decision, Situation, decide, strictest
from stagenorm.boundary.endpoint import Endpoint, Routes
from stagenorm.boundary.fields import Field
from stagenorm.boundary.guard import AMBIGUOUS_END, PLAIN, Announced, Guard, Parts
from stagenorm.boundary.headers import Headers
from stagenorm.boundary.path import rewrite_raw
from stagenorm.boundary.problem import MEDIA_TYPE, problem
from stagenorm.boundary.reading import MAX_FINDINGS, NO_ALIASES, Reading, Slot
from stagenorm.boundary.request import Pass, Reject, Request, Rewrite, Unread, Verdict
from stagenorm.core.canary import in_share
from stagenorm.core.modes import FixedModes, Mode, ModeSource, ModeState, ModeView
from stagenorm.core.normalizer import Normalizer
from stagenorm.core.vocabulary import Vocabulary
from stagenorm.errors import ConfigurationError
from stagenorm.events import Finding, FindingKind, Hook, Inspected, Outcome

_logger = logging.getLogger("stagenorm")
_PASS = Pass()
# Looked up once: before Python 3.12 a member of an enumeration is slow to get.
_ENFORCE, _CANONICAL = Mode.ENFORCE, FindingKind.CANONICAL
_WARN = Situation.WARN
_PASSED, _REJECT, _REWRITE = Outcome.PASS, Outcome.REJECT, Outcome.REWRITE
_FALLBACK = ModeState(Mode.WARN)  # where even the mode could not be read


class Boundary:
    """Lets only canonical values through to the endpoints that it guards, as its mode says. Safe to share.

    Args:
        vocabulary: for every field that names none of its own.
        endpoints: the guarded operations.
        modes: where the mode is read; without one the boundary stays in warn.
        hooks: hear an event for every guarded request.
        max_body_bytes: the largest body that is read, in bytes.
        consumer_header: the request header that identifies a consumer; None takes the client's address.
        clock: seconds since the epoch; overlays expire by it.
        salt: sets this rollout's canary apart from others.

    Attributes:
        open: the guard of a request, by its method as the client wrote it and its path, decoded and below the mounted
            application; None: hand that request on untouched.
        elsewhere: paths known to be unguarded: an adapter may hand a request for one on at once.
        modes: may be replaced while running; the next request reads the new one.

    Raises:
        ConfigurationError: endpoints or fields contradict each other; the message names them and the fix.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        endpoints: Iterable[Endpoint],
        modes: ModeSource | None = None,
        *,
        hooks: Iterable[Hook] = (),
        max_body_bytes: int = 1 << 20,
        consumer_header: str | None = None,
        salt: str = "stagenorm",
        clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(vocabulary, str):
            raise ConfigurationError(f"{vocabulary!r} is no vocabulary: give load_vocabulary({vocabulary!r})")
        if max_body_bytes < 1:
            raise ConfigurationError(f"max_body_bytes is {max_body_bytes}: give at least 1")
        self.vocabulary = vocabulary
        self.endpoints = tuple(endpoints)
        if not self.endpoints:
            raise ConfigurationError(
                "no endpoints: a boundary without one guards nothing; give endpoints=[Endpoint(...)]"
            )
        self.modes: ModeSource = modes or FixedModes(ModeView())
        self.hooks: list[Hook] = list(hooks)
        self.max_body_bytes = max_body_bytes
        self._consumer_header = consumer_header.lower().encode("latin-1") if consumer_header else None
        self._salt = salt
        self._clock = clock
        self._normalizers = {vocabulary: Normalizer(vocabulary)}
        routes = Routes((each, Guard(each, self._slot, max_body_bytes)) for each in self.endpoints)
        self.open: Callable[[str, str], Guard | None] = routes.find
        self.elsewhere: AbstractSet[str] = routes.elsewhere

    def _slot(self, declared: Field) -> Slot:
        vocabulary = declared.vocabulary or self.vocabulary
        for known in self._normalizers:
            if known.name == vocabulary.name and known.table != vocabulary.table:
                raise ConfigurationError(
                    f"two vocabularies are named {vocabulary.name!r}: rename one, since temporary aliases go by the name"
                )
        return Slot(declared, self._normalizers.setdefault(vocabulary, Normalizer(vocabulary)))

    def lets_pass(  # noqa: PLR0917 - nearly every request ends here, before a Request is made of it
        self,
        guard: Guard,
        announced: Announced,
        path: str,
        headers: Headers,
        client: str | None,
        body: bytes | Unread,
    ) -> bool:
        """Whether a quick look proves a request good in every mode; False says nothing: it must be inspected.

        Args:
            guard: of the request.
            announced: what its headers say of the body.
            path: as in Request, and so are the others.
            headers: of the request.
            client: the peer's address, or None.
            body: the whole body, or why it is not held.
        """
        if announced is not PLAIN or guard.count_canonical is None or path.endswith(AMBIGUOUS_END):
            return False
        if not isinstance(body, bytes) or len(body) > self.max_body_bytes:
            return False
        try:
            started = perf_counter() if self.hooks else 0.0
            canonical = guard.count_canonical(body)
            if canonical is None:
                return False
            if self.hooks:
                self._tell(self._passed(guard, self._consumer(headers, client), canonical, started))
        except Exception:  # noqa: BLE001 - the full judgement meets it again, and says so
            return False
        return True

    def inspect(self, request: Request) -> Verdict:
        """Judge one guarded request. Nothing is raised: a failure of the boundary itself is a finding too."""
        started = perf_counter()
        state = _FALLBACK
        situation = _WARN
        consumer = None
        failure: Exception | None = None
        try:
            view = self.modes.view
            name = request.guard.endpoint.name
            state = view.state(name)
            consumer = self._consumer(request.headers, request.client)
            situation = Situation.of(state.mode, self._is_inside(view, state, name, consumer))
            aliases = view.overlays.forms(name, self._clock()) if view.has_overlays else NO_ALIASES
            parts = request.guard.read(request, aliases)
            verdict, decision = self._conclude(request, parts, situation)
        except Exception as error:  # the last line of defence: whatever it is, the table says what follows
            with suppress(Exception):  # a log handler is someone else's code too
                _logger.exception("the boundary failed on endpoint %s", request.guard.endpoint.name)
            failure = error
            parts = Parts(body=Reading.of(FindingKind.FAILED, "request", "the check itself failed"))
            verdict, decision = self._conclude(request, parts, situation)
        if self.hooks:
            self._tell(
                Inspected(
                    endpoint=request.guard.endpoint.name,
                    mode=state.mode,
                    in_share=situation is Situation.ENFORCE,
                    outcome=_OUTCOMES[type(verdict)],
                    would_reject=decision.would_reject,
                    logged=decision.logged,
                    counts=_counts(parts),
                    findings=tuple(_findings(parts)),
                    consumer=consumer,
                    seconds=perf_counter() - started,
                    error=failure,
                )
            )
        return verdict

    def _passed(self, guard: Guard, consumer: str | None, canonical: int, started: float) -> Inspected:
        view = self.modes.view
        name = guard.endpoint.name
        state = view.state(name)
        inside = self._is_inside(view, state, name, consumer)
        return Inspected(name, state.mode, inside, _PASSED, {_CANONICAL: canonical}, consumer, perf_counter() - started)

    def _is_inside(self, view: ModeView, state: ModeState, endpoint: str, consumer: str | None) -> bool:
        """Whether enforce holds for a consumer."""
        if state.mode is not _ENFORCE or not in_share(consumer, state.share, self._salt):
            return False
        return not (view.has_overlays and view.overlays.is_exempt(consumer, endpoint, self._clock()))

    def _consumer(self, headers: Headers, client: str | None) -> str | None:
        if self._consumer_header is None:
            return client
        found = http.first_value(headers, self._consumer_header)
        return None if found is None else found.decode("latin-1")

    def _conclude(self, request: Request, parts: Parts, situation: Situation) -> tuple[Verdict, Decision]:
        decision = strictest([decide(kind, situation) for part in parts if part for kind in part.counts])
        if decision.outcome is _REJECT:
            return _reject(request, parts, situation, decision.status), decision
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if decision.notice:
            headers = tuple(http.notices(request.guard.endpoint, _noticed(parts, situation)))
        if decision.outcome is _REWRITE:
            return _rewrite(request, parts, headers), decision
        return Pass(headers) if headers else _PASS, decision

    def _tell(self, event: Inspected) -> None:
        for hook in self.hooks:
            try:
                hook(event)
            except Exception:  # a hook is someone else's code, and must not fail a request
                with suppress(Exception):
                    _logger.exception("hook %r failed", hook)


_OUTCOMES = {Pass: Outcome.PASS, Rewrite: Outcome.REWRITE, Reject: Outcome.REJECT}


def _findings(parts: Parts) -> Sequence[Finding]:
    return [finding for reading in parts.readings() for finding in reading.findings()]


def _counts(parts: Parts) -> Counter[FindingKind]:
    counts: Counter[FindingKind] = Counter()
    for reading in parts.readings():
        counts.update(reading.counts)
        counts[FindingKind.CANONICAL] += reading.canonical
    return counts


def _noticed(parts: Parts, situation: Situation) -> list[tuple[str, str]]:
    """The distinct pairs of field and finding that the table gives a notice."""
    return [
        (label, kind.value)
        for reading in parts.readings()
        for kind in reading.counts
        if decide(kind, situation).notice
        for label in reading.labels(kind)
    ]


def _rewrite(request: Request, parts: Parts, headers: tuple[tuple[bytes, bytes], ...]) -> Rewrite:
    path = parts.path.rewrite().decode("utf-8", "surrogatepass") if parts.path and parts.path.rewrite else None
    return Rewrite(
        headers,
        path,
        None if path is None else rewrite_raw(request.raw_path, request.path, path),
        parts.query.rewrite() if parts.query and parts.query.rewrite else None,
        parts.body.rewrite() if parts.body and parts.body.rewrite else None,
    )


def _reject(request: Request, parts: Parts, situation: Situation, status: int) -> Reject:
    def rejects(kind: FindingKind) -> bool:
        return decide(kind, situation).outcome is Outcome.REJECT

    listed = [finding for finding in _findings(parts) if rejects(finding.kind)][:MAX_FINDINGS]
    total = sum(times for kind, times in _counts(parts).items() if rejects(kind))
    body = problem(status, listed, total)
    headers = ((b"content-type", MEDIA_TYPE), (b"cache-control", b"no-store"))
    if request.method.upper() == "HEAD":
        return Reject(status, headers)
    return Reject(status, (*headers, (b"content-length", b"%d" % len(body))), body)
