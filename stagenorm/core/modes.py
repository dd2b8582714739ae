"""Mode, ModeState, the one table of allowed transitions, and how a request's mode is resolved.

Pure: time comes in as a value, nothing is stored. Webhook, controller, CLI and API all change a mode through
``change``, ``downgrade`` and ``unlatch`` below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from stagenorm.core.overlays import Overlays
from stagenorm.core.token import Token
from stagenorm.errors import ConfigurationError, TransitionRefusedError


class Mode(Token):
    """How strictly the boundary acts. A canary is ENFORCE with a share below 100."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"

    @property
    def strictness(self) -> int:
        """0 for off, 1 for warn, 2 for enforce."""
        return _STRICTNESS[self]


_STRICTNESS = {mode: rank for rank, mode in enumerate(Mode)}


class Actor(Token):
    """Who asks for a mode change."""

    OPERATOR = "operator"
    CONTROLLER = "controller"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class ModeState:
    """One mode as it stands, globally or for one endpoint.

    Attributes:
        mode: off, warn or enforce.
        share: percentage of consumers that enforce holds, 0 to 100. Has no effect in the other modes.
        revision: grows by one with every change; 0 was never stored.
        changed_at: when it was last changed, in seconds since the epoch; 0.0 for a configured default.
        changed_by: who changed it.
        reason: why.
        latched: an alert pulled this back; nothing enforces again until an operator unlatches it.

    Raises:
        ConfigurationError: the share is no percentage.
    """

    mode: Mode
    share: float = 100
    revision: int = 0
    changed_at: float = 0.0
    changed_by: str = ""
    reason: str = ""
    latched: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 100:
            raise ConfigurationError(f"share {self.share!r} is no percentage: give a number from 0 to 100")


def in_words(state: ModeState) -> str:
    """A mode as people say it."""
    share = f" {state.share:g}%" if state.mode is Mode.ENFORCE else ""
    return f"{state.mode.value}{share}{', latched' if state.latched else ''}"


# Who may move a mode from where to where. A pair that is not here is refused for everyone.
# An operator may do anything but enforce past a latch. The controller walks the rollout's own path, so it never
# turns the boundary off and never skips warn. An alert only ever lowers.
_ALLOWED: Mapping[tuple[Mode, Mode], frozenset[Actor]] = MappingProxyType(
    {
        (Mode.OFF, Mode.OFF): frozenset({Actor.OPERATOR}),
        (Mode.OFF, Mode.WARN): frozenset({Actor.OPERATOR, Actor.CONTROLLER}),  # the rollout begins
        (Mode.OFF, Mode.ENFORCE): frozenset({Actor.OPERATOR}),  # a person may know better than the plan
        (Mode.WARN, Mode.OFF): frozenset({Actor.OPERATOR}),  # counting stops only by hand
        (Mode.WARN, Mode.WARN): frozenset({Actor.OPERATOR, Actor.ALERT}),  # an alert's repeat is no error
        (Mode.WARN, Mode.ENFORCE): frozenset({Actor.OPERATOR, Actor.CONTROLLER}),  # the canary begins; never latched
        (Mode.ENFORCE, Mode.OFF): frozenset({Actor.OPERATOR}),  # the kill switch
        (Mode.ENFORCE, Mode.WARN): frozenset({Actor.OPERATOR, Actor.CONTROLLER, Actor.ALERT}),  # the way back
        (Mode.ENFORCE, Mode.ENFORCE): frozenset({Actor.OPERATOR, Actor.CONTROLLER}),  # the share moves; never latched
    }
)


def change(
    current: ModeState, mode: Mode, share: float, *, actor: Actor, changed_by: str, reason: str, now: float
) -> ModeState:
    """The state that follows a requested change. What an alert lowers is latched, as by ``downgrade``.

    Raises:
        TransitionRefusedError: the table does not let this actor do it, the state is latched, or no reason is given.
        ConfigurationError: the share is no percentage.
    """
    if not reason.strip():
        raise TransitionRefusedError(f"{current.mode.value} to {mode.value}: a change needs a reason")
    if actor not in _ALLOWED[current.mode, mode]:
        may = ", ".join(sorted(who.value for who in _ALLOWED[current.mode, mode]))
        raise TransitionRefusedError(f"{current.mode.value} to {mode.value}: not for the {actor.value}; who may: {may}")
    if mode is Mode.ENFORCE and current.latched:
        raise TransitionRefusedError(
            f"{current.mode.value} to enforce: latched since {current.changed_by} pulled it back "
            f"({current.reason}); an operator must unlatch it first"
        )
    return replace(
        current,
        mode=mode,
        share=share,
        revision=current.revision + 1,
        changed_at=now,
        changed_by=changed_by,
        reason=reason,
        latched=current.latched or actor is Actor.ALERT,
    )


def downgrade(current: ModeState, *, changed_by: str, reason: str, now: float) -> ModeState:
    """The one-way ratchet: enforce becomes warn and latches; off and warn stay what they are, and latch.

    Idempotent: a state that is latched already is returned as it is.
    """
    if current.latched and current.mode is not Mode.ENFORCE:
        return current
    mode = Mode.WARN if current.mode is Mode.ENFORCE else current.mode
    lowered = replace(current, revision=current.revision + 1, changed_at=now, changed_by=changed_by, reason=reason)
    return replace(lowered, mode=mode, latched=True)


def unlatch(current: ModeState, *, changed_by: str, reason: str, now: float) -> ModeState:
    """The state after an operator cleared the latch. The mode stays; enforcing again is a change of its own."""
    return replace(
        current, latched=False, revision=current.revision + 1, changed_at=now, changed_by=changed_by, reason=reason
    )


class ModeView:
    """Every mode at one moment, resolved without I/O: local ceiling, then endpoint, then global, then default.

    Args:
        default: what holds while nothing is stored.
        everywhere: the stored global state, if any.
        endpoints: stored states by endpoint name.
        ceiling: the strictest mode that this host allows, or None. It only ever lowers.
        overlays: temporary aliases and exemptions.

    Attributes:
        has_overlays: whether there are any, so that a request need not ask.
    """

    __slots__ = ("_endpoints", "_otherwise", "ceiling", "has_overlays", "overlays")

    def __init__(
        self,
        default: ModeState = ModeState(Mode.WARN),
        everywhere: ModeState | None = None,
        endpoints: Mapping[str, ModeState] = MappingProxyType({}),
        *,
        ceiling: Mode | None = None,
        overlays: Overlays = Overlays(),  # noqa: B008 - frozen
    ) -> None:
        self.ceiling = ceiling
        self.overlays = overlays
        self.has_overlays = bool(overlays)
        self._otherwise = lowered(everywhere or default, ceiling)
        self._endpoints = {name: lowered(state, ceiling) for name, state in endpoints.items()}

    def state(self, endpoint: str) -> ModeState:
        """The state that holds for one endpoint."""
        return self._endpoints.get(endpoint, self._otherwise)

    def changes_from(self, other: ModeView) -> Iterator[tuple[str | None, ModeState, ModeState]]:
        """Where another mode or share holds than in another view: the endpoint or None for everywhere, then, now."""
        if weight(self._otherwise) != weight(other._otherwise):
            yield None, other._otherwise, self._otherwise
        for name in sorted({*self._endpoints, *other._endpoints}):
            if weight(self.state(name)) != weight(other.state(name)):
                yield name, other.state(name), self.state(name)

    def exceeding(self, other: ModeView) -> dict[str | None, ModeState]:
        """The states of this view that are stricter than what another one has at the same place, None being everywhere.

        That is a stricter mode, enforce for a larger share, or enforce without an overlay that the other one has.
        """
        bare = not other.overlays <= self.overlays
        return {
            place: mine
            for place, (mine, theirs) in self._beside(other).items()
            if weight(mine) > weight(theirs) or (bare and mine.mode is Mode.ENFORCE)
        }

    def milder(self, other: ModeView) -> ModeView:
        """A view with the milder of two states at each place, and what this one has otherwise."""
        states = {place: min(both, key=weight) for place, both in self._beside(other).items()}
        everywhere = states.pop(None)
        endpoints = {place: state for place, state in states.items() if place is not None}
        return ModeView(everywhere, endpoints=endpoints, ceiling=self.ceiling, overlays=self.overlays)

    def _beside(self, other: ModeView) -> dict[str | None, tuple[ModeState, ModeState]]:
        names = sorted({*self._endpoints, *other._endpoints})
        return {
            None: (self._otherwise, other._otherwise),
            **{name: (self.state(name), other.state(name)) for name in names},
        }


def lowered(state: ModeState, ceiling: Mode | None) -> ModeState:
    """A state under a ceiling."""
    return state if ceiling is None or state.mode.strictness <= ceiling.strictness else replace(state, mode=ceiling)


def weight(state: ModeState) -> tuple[int, float]:
    """How much a state enforces: of two, the one with the greater weight is the stricter."""
    return state.mode.strictness, state.share if state.mode is Mode.ENFORCE else 0


class ModeSource(Protocol):
    """Where a boundary reads its modes: one attribute, never I/O."""

    @property
    def view(self) -> ModeView:
        """The newest view this process has."""


@dataclass(slots=True)
class FixedModes:
    """A mode source that never changes by itself: tests, scripts, and hosts without a store."""

    view: ModeView
