"""The controller over a store: each step, and what an alert or a person does in between."""

from dataclasses import replace

import pytest

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Actor, Mode
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.errors import StoreConflictError, TransitionRefusedError
from stagenorm.rollout.controller import Move, Wait
from stagenorm.rollout.observations import Counted, Measure, NotKnown
from stagenorm.stores import MemoryModeStore, control
from stagenorm.stores.control import Change
from tests.rollout.worlds import DAY, HOUR, Service, World

PASS, FAIL, HOLD = Conclusion


@pytest.fixture
def world():
    return World()


def test_the_whole_way_in_order(world):
    world.until("enforce 100%")
    assert world.trail() == ["rollout begin"] + ["rollout step"] * 5
    steps = [entry.after.rollout[EVERYWHERE].step for entry in reversed(world.store.trail(100))]
    assert steps == [step.name for step in world.plan.steps]
    assert world.mode() == (Mode.ENFORCE, 100, False)
    assert {entry.actor for entry in world.store.trail(100)} == {Actor.CONTROLLER}
    assert world.later(DAY) == Wait(world.plan.steps[-1], None)


def test_a_round_without_news_stores_nothing(world):
    world.later(0)
    revision = world.store.read().revision
    for _ in range(5):
        assert isinstance(world.later(60), Wait)
    assert world.store.read().revision == revision


@pytest.mark.parametrize("step", ["enforce 10%", "enforce 50%", "enforce 100%"])
def test_after_an_alert_the_plan_goes_to_extended_warn_by_itself(world, step):
    world.until(step).alert()
    world.now += 10 * HOUR  # the controller was away
    at = world.now - 10 * HOUR
    told = world.later(0)
    assert isinstance(told, Move)
    assert "extended warn, 7 days" in told.reason
    assert world.store.read().rollout[EVERYWHERE] == Progress("warn", at, pulled_back=True)
    assert world.mode() == (Mode.WARN, 0, True)
    for _ in range(20):
        world.later(DAY)
    assert world.step == "backfill"  # the days were quiet, and yet nothing unlatches itself
    assert world.mode() == (Mode.WARN, 0, True)
    control.unlatch(world.store, world.operator())
    world.later(0)
    assert world.mode() == (Mode.ENFORCE, 10, False)


def test_what_goes_together_comes_back_together(world):
    world.until("enforce 50%").alert("companies")
    world.later(0)
    assert world.mode("companies") == (Mode.WARN, 0, True)
    assert world.mode() == (Mode.WARN, 0, False)
    control.unlatch(world.store, world.operator())
    world.until("enforce 10%")
    assert world.mode() == world.mode("companies") == (Mode.ENFORCE, 10, False)


def test_endpoints_may_go_their_own_way():
    world = World(per_endpoint=True)
    world.until("enforce 50%").alert("companies")
    world.later(0)
    snapshot = world.store.read()
    assert snapshot.rollout["companies"].pulled_back
    assert snapshot.rollout["simulate"].step == "enforce 50%"
    assert snapshot.everywhere is None
    world.until("enforce 100%")
    assert world.mode("companies") == (Mode.WARN, 0, True)


def test_an_alert_in_warn_begins_it_anew(world):
    world.until("warn")
    world.now += 5 * DAY
    world.alert()
    assert isinstance(world.later(HOUR), Move)
    assert world.store.read().rollout[EVERYWHERE] == Progress("warn", world.now - HOUR, pulled_back=True)
    assert isinstance(world.later(HOUR), Wait)


class Racing(MemoryModeStore):
    """Somebody is faster, just before a change is stored."""

    meanwhile = None

    def replace(self, entry):
        if self.meanwhile and entry.actor is not Actor.ALERT:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        super().replace(entry)


def test_a_downgrade_between_look_and_step_wins():
    store = Racing()
    world = World(store).until("enforce 10%")
    store.meanwhile = world.alert
    world.later(2 * HOUR)
    assert store.meanwhile is None
    assert world.mode() == (Mode.WARN, 0, True)
    assert world.trail()[-2:] == ["downgrade", "rollout back"]


def test_a_store_that_fails_is_the_callers_to_try_again():
    class Away(MemoryModeStore):
        def replace(self, entry):
            raise StoreConflictError(0, 1) if self.read().revision else AssertionError

    assert World().driver.look(World().track)
    with pytest.raises(AssertionError):
        World(Away()).later(0)


@pytest.mark.parametrize("what", ["alerts", "counted"])
def test_what_fails_or_is_not_known_holds_every_enforcing_step(world, what):
    world.until("enforce 10%")
    setattr(world.service, what, ("X",) if what == "alerts" else NotKnown("Prometheus cannot be reached"))
    for _ in range(10):
        told = world.later(DAY)
        assert told.verdict in (FAIL, HOLD)
    assert world.mode() == (Mode.ENFORCE, 10, False)
    world.service = world.driver._source = Service()
    assert isinstance(world.later(HOUR), Move)


def test_at_the_cap_warn_holds_and_pages_for_ever(world):
    world.until("warn")
    world.service.counted = Counted(900, 100_000)
    entered = world.store.read().rollout[EVERYWHERE].entered_at
    while world.now < entered + 30 * DAY:
        told = world.later(DAY)
    (page,) = [result for result in told.results if result.page]
    assert page.verdict is HOLD
    world.service.counted = Counted(0, 1_000_000)
    for _ in range(20):
        assert any(result.page for result in world.later(DAY).results)
    world.operate("resume")
    world.until("backfill")


def test_a_mode_that_was_set_by_hand_holds_until_somebody_resumes(world):
    world.until("warn")
    world.set(Mode.ENFORCE, 30)
    told = world.later(9 * DAY)
    assert (told.verdict, told.results[0].gate) == (HOLD, "by hand")
    assert "everywhere is enforce 30%: ada set it (because)" in told.results[0].why
    way_out = "everywhere is enforce 30%, and the plan has no such step: stagenorm mode set enforce --share 10 --reason"
    assert told.results[0].remedy.startswith(way_out)
    with pytest.raises(TransitionRefusedError, match=f"resume: {way_out}"):
        world.operate("resume")
    assert world.step == "warn"
    world.set(Mode.ENFORCE, 10)
    assert world.later(0).results[0].remedy.startswith("stagenorm rollout resume")
    world.operate("resume")
    assert isinstance(world.later(2 * HOUR), Move)


def test_an_endpoint_with_a_mode_of_its_own_is_named(world):
    world.until("warn")
    world.set(Mode.OFF, endpoint="companies")
    told = world.later(9 * DAY)
    assert "mode clear --endpoint companies" in told.results[0].remedy
    with pytest.raises(TransitionRefusedError, match="resume: companies is off: stagenorm mode clear"):
        world.operate("resume")
    control.clear(world.store, world.operator(), "companies")
    assert isinstance(world.later(0), Move)


def test_nobody_is_told_to_enforce_where_an_alert_pulled_back(world):
    world.until("warn")
    world.driver.plan = replace(world.plan, partial=True)
    first, second = world.plan.endpoints[:2]
    world.set(Mode.ENFORCE, 10, endpoint=first)
    world.set(Mode.WARN, endpoint=second)
    assert (
        world.later(0)
        .results[0]
        .remedy.startswith(
            f"{first} is enforce 10%, and all go together: stagenorm mode set warn --endpoint {first} --reason"
        )
    )


def test_endpoints_that_go_together_with_different_modes_are_told_what_to_set(world):
    world.until("warn")
    world.driver.plan = replace(world.plan, partial=True)
    for endpoint, share in zip(world.plan.endpoints, (10, 50, 10), strict=False):
        world.set(Mode.ENFORCE, share, endpoint=endpoint)
    second = world.plan.endpoints[1]
    remedy = world.later(0).results[0].remedy
    assert remedy.startswith(
        f"{second} is enforce 50%, and all go together: stagenorm mode set enforce --share 10 --endpoint {second} --reason"
    )
    with pytest.raises(TransitionRefusedError, match="all go together"):
        world.operate("resume")
    for endpoint in world.plan.endpoints:
        world.set(Mode.ENFORCE, 10, endpoint=endpoint)
    world.operate("resume")
    assert world.step == "enforce 10%"


def test_hold_resume_and_abort(world):
    world.until("enforce 10%")
    world.operate("hold")
    for _ in range(5):
        assert world.later(DAY).results[0].why == "held by ada: because"
    assert world.mode() == (Mode.ENFORCE, 10, False)
    world.operate("resume")
    assert isinstance(world.later(0), Move)  # what was measured meanwhile counts
    assert world.step == "enforce 50%"
    world.operate("abort")
    assert world.mode() == (Mode.WARN, 0, False)
    assert world.step == "warn"
    for _ in range(10):
        assert isinstance(world.later(DAY), Wait)
    world.operate("resume")
    world.until("enforce 100%")


def test_a_mode_that_was_set_while_held_is_told_and_begins_anew(world):
    world.until("enforce 10%")
    world.operate("hold")
    world.now += HOUR
    world.set(Mode.ENFORCE, 50)
    told, halted = world.later(0).results
    assert (told.gate, "everywhere is enforce 50%: ada set it" in told.why) == ("by hand", True)
    assert halted.gate == "operator", "what resume ends is told too"
    world.operate("resume")
    assert world.step == "enforce 50%"
    assert isinstance(world.later(HOUR), Wait)
    world.set(Mode.ENFORCE, 10)
    world.set(Mode.ENFORCE, 50)
    world.operate("hold")
    world.operate("resume")
    assert world.store.read().rollout[EVERYWHERE].entered_at == world.now


def test_an_alert_pulls_back_what_is_held_and_it_stays_held(world):
    world.until("enforce 10%")
    world.operate("hold")
    world.alert()
    world.later(0)
    progress = world.store.read().rollout[EVERYWHERE]
    assert (progress.step, progress.pulled_back, progress.halted) == ("warn", True, "held by ada: because")


def test_advance_takes_one_step_if_its_gates_pass(world):
    world.until("enforce 10%")
    told = world.driver.advance(world.track, "ada").outcome
    assert (told.verdict, world.step) == (HOLD, "enforce 10%")
    world.now += 2 * HOUR
    assert isinstance(world.driver.advance(world.track, "ada").outcome, Move)
    (entry,) = world.store.trail(1)
    assert (entry.actor, entry.author) == (Actor.OPERATOR, "ada")
    assert "all gates of enforce 10% pass: time, enforce errors" in entry.reason


def test_an_override_is_recorded_and_does_not_unlatch(world):
    world.until("enforce 10%")
    world.driver.advance(world.track, "ada", "the board waits")
    (entry,) = world.store.trail(1)
    assert entry.reason == "the board waits (overriding time HOLD)"
    assert world.mode() == (Mode.ENFORCE, 50, False)
    world.alert()
    world.later(0)
    world.driver.advance(world.track, "ada", "now")
    with pytest.raises(TransitionRefusedError, match="latched"):
        world.driver.advance(world.track, "ada", "now")


def test_behind_the_last_step_nothing_follows(world):
    world.until("enforce 100%")
    with pytest.raises(TransitionRefusedError, match="complete"):
        world.driver.advance(world.track, "ada")


def test_a_rollout_begins_where_the_mode_stands(world):
    world.set(Mode.ENFORCE, 60)
    world.later(0)
    assert world.step == "enforce 50%"


def test_a_step_that_the_plan_lost_holds(world):
    world.until("enforce 10%")
    world.driver.plan = replace(world.plan, steps=(*world.plan.steps[:3], *world.plan.steps[4:]))
    told = world.later(DAY)
    assert "the plan no longer has the step 'enforce 10%'" in told.results[0].why
    assert told.results[0].remedy.startswith(
        "everywhere is enforce 10%, and the plan has no such step: stagenorm mode set warn"
    )
    world.set(Mode.WARN)
    assert world.later(0).results[0].remedy.startswith("stagenorm rollout resume")
    world.operate("resume")
    assert world.step == "warn"


def test_hold_needs_a_rollout(world):
    with pytest.raises(TransitionRefusedError, match="has not begun"):
        world.operate("hold")


def test_only_operators_operate(world):
    world.later(0)
    for actor in (Actor.ALERT, Actor.CONTROLLER):
        with pytest.raises(TransitionRefusedError, match="only an operator"):
            world.driver.operate(world.track, "abort", Change(actor, "x", "y", world.now))


def test_measures_are_asked_for_only_where_a_gate_needs_them(world):
    asked = []
    counts = world.service.counts
    world.service.counts = lambda measure, *rest, **more: asked.append(measure) or counts(measure, *rest, **more)
    world.later(0)
    world.later(0)
    assert set(asked) == {Measure.REQUESTS, Measure.SLOW}
