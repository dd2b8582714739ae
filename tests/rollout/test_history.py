"""The gates against a real Prometheus with a made past: what each story allows, and what holds it."""

import pytest

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Mode, ModeState
from stagenorm.core.progress import EVERYWHERE, Progress
from stagenorm.rollout import controller, gates
from stagenorm.rollout.controller import Situation, Standing, Track
from stagenorm.rollout.observations import STORE, Counted, Evidence, Measure, NotKnown, Proved, Report
from stagenorm.rollout.observing import observe
from stagenorm.rollout.plan import Plan
from stagenorm.stores import Snapshot
from tests.rollout.history import A_SCRAPE, BEGAN, DAY, SCRAPE

PASS, FAIL, HOLD = Conclusion
PLAN = Plan(["simulate"])
TRACK = Track(EVERYWHERE, ("simulate",))


class Past:
    """Prometheus for the numbers; nothing else stands against a step."""

    def __init__(self, prometheus):
        self.counts = prometheus.counts

    def firing(self, endpoints, now):
        return ()

    def evidence(self, now):
        return Evidence(Report(PASS, now), Report(PASS, now), Proved(now - 60))


def says(prometheus, step, entered, day, *, pulled_back=False):
    """What each gate says on a day of the past, and the whole."""
    progress = Progress(step, BEGAN + entered * DAY, pulled_back)
    chosen = PLAN.step(step)
    state = ModeState(chosen.mode, chosen.share, 1)
    situation = Situation(PLAN, Snapshot(1, state, rollout={EVERYWHERE: progress}), state, BEGAN + day * DAY)
    standing = controller.look(situation, TRACK)
    assert isinstance(standing, Standing)
    wait = controller.judge(situation, standing, observe(PLAN, standing, Past(prometheus), situation.now))
    return {result.gate: result for result in wait.results}, wait


@pytest.mark.parametrize(
    ("job", "entered", "day", "verdict", "why"),
    [
        ("quiet", 10.4, 18, PASS, "7 days in a row"),
        ("quiet", 10.4, 17.99, HOLD, "6 of 7 days in a row"),
        ("quiet", 10, 17, PASS, "7 days in a row"),  # entered at midnight
        ("noisy", 10.4, 25, FAIL, "0 of 7 days in a row"),
        ("noisy", 10.4, 40.4, HOLD, "the step has lasted 30d, and 30d is the most"),
        ("quiet", 9, 39.5, HOLD, "the step has lasted 30d"),  # never past the cap, however quiet
        ("calmed", 10, 26.9, FAIL, "6 of 7 days in a row; 2026-01-20"),
        ("calmed", 10, 27, PASS, "7 days in a row"),
        ("spike", 25, 33, FAIL, "2 of 7 days in a row; 2026-01-31"),
        ("spike", 25, 38, PASS, "7 days in a row"),
        ("borderline", 10.4, 25, HOLD, "perhaps"),
        ("gap", 25, 33, HOLD, "2 of 7 days in a row; 2026-01-31: simulate: measured for 93% of 1d only"),
        ("deployed", 10.4, 25, HOLD, "more may have been lost at restarts"),
        ("crashing", 10.4, 25, HOLD, "more may have been lost at restarts"),
        ("gone", 25, 37, HOLD, "no series of it are there"),
        ("never", 10.4, 25, HOLD, "no series of it are there"),
        ("other", 10.4, 25, HOLD, "series of endpoint 'checkout'"),
    ],
)
def test_seven_quiet_days_and_the_cap(asking, job, entered, day, verdict, why):
    prometheus = asking(job)
    results, _ = says(prometheus, "warn", entered, day)
    found = results["quiet days"]
    assert (found.verdict, why in found.why) == (verdict, True), found
    assert found.page is (why.startswith("the step has lasted"))


def test_extended_warn_counts_from_the_alert(asking):
    results, wait = says(asking("quiet"), "warn", 20.5, 28, pulled_back=True)
    assert wait.verdict is PASS, results
    results, wait = says(asking("quiet"), "warn", 20.5, 27.9, pulled_back=True)
    assert wait.until == BEGAN + 28 * DAY


@pytest.mark.parametrize(
    ("job", "step", "gate", "verdict"),
    [
        ("quiet", "off", "traffic", PASS),
        ("gone", "off", "traffic", HOLD),
        ("quiet", "backfill", "unknown now", PASS),
        ("noisy", "backfill", "unknown now", PASS),  # under 1%
        ("gone", "backfill", "unknown now", HOLD),
        ("quiet", "enforce 10%", "enforce errors", PASS),
        ("refusing", "enforce 10%", "enforce errors", FAIL),
        ("gap", "enforce 10%", "enforce errors", HOLD),
        ("gone", "enforce 10%", "enforce errors", HOLD),
        ("quiet", "warn", "validator", PASS),
        ("slow", "warn", "validator", FAIL),
        ("gone", "warn", "validator", HOLD),
        ("quiet", "enforce 50%", "store", PASS),
        ("slow", "enforce 50%", "store", FAIL),
        ("gone", "enforce 50%", "store", HOLD),
    ],
)
def test_every_gate_that_counts(asking, job, step, gate, verdict):
    prometheus = asking(job)
    results, _ = says(prometheus, step, 29, 36)
    assert results[gate].verdict is verdict, results[gate]


def test_one_percent_unknown_for_ten_minutes_keeps_enforce_away(asking):
    during, _ = says(asking("spike"), "backfill", 29, 30.6)
    assert during["unknown now"].verdict is FAIL
    assert "2%" in during["unknown now"].why
    an_hour_later, _ = says(asking("spike"), "backfill", 29, 31.04)
    assert an_hour_later["unknown now"].verdict is FAIL  # the day still says so
    later, _ = says(asking("spike"), "backfill", 29, 32.1)
    assert later["unknown now"].verdict is PASS


def test_counts_are_right_to_the_request(asking):
    start, end = BEGAN + 20 * DAY, BEGAN + 21 * DAY
    (counted,) = asking("noisy").counts(Measure.UNKNOWN, ["simulate"], start, end, whole=True).values()
    assert counted.of == pytest.approx(A_SCRAPE * DAY / SCRAPE, rel=1e-3)
    assert counted.hits == pytest.approx(counted.of * 0.009, rel=1e-2)
    assert counted.lost == 0


def test_a_restart_costs_what_it_may_have_lost(asking):
    start, end = BEGAN + 20 * DAY, BEGAN + 21 * DAY
    (counted,) = asking("deployed").counts(Measure.UNKNOWN, ["simulate"], start, end, whole=True).values()
    assert A_SCRAPE <= counted.lost <= 3 * A_SCRAPE
    # One scrape in five minutes: a restart hides more than half a percent of a day.
    assert gates.judge(counted, 0.005, "values unknown")[0] is HOLD
    assert gates.judge(counted, 0.01, "values unknown")[0] is PASS
    assert gates.judge(Counted(counted.hits, counted.of), 0.005, "values unknown")[0] is PASS


def test_the_store_is_counted_under_its_own_name(asking):
    counts = asking("quiet").counts(Measure.SLOW_STORE, (), BEGAN + DAY, BEGAN + 2 * DAY, whole=False)
    assert counts[STORE].of > 1000


def test_series_of_several_jobs_are_never_added_up(asking):
    several = asking("", ["simulate", "checkout"])
    (found,) = several.counts(Measure.UNKNOWN, ["simulate"], BEGAN + DAY, BEGAN + 2 * DAY, whole=True).values()
    assert isinstance(found, NotKnown)
    assert "name yours as job under [rollout]" in found.why


def test_without_rules_nobody_knows_whether_an_alert_fires(asking):
    found = asking("quiet").firing(["simulate"], BEGAN + DAY)
    assert gates.no_alert(found).verdict is HOLD
    assert "StagenormDeadMansSwitch does not fire" in found.why


def test_a_mode_that_is_not_the_steps_asks_for_nothing():
    state = ModeState(Mode.OFF, revision=1, changed_by="ada", reason="by hand")
    snapshot = Snapshot(1, state, rollout={EVERYWHERE: Progress("warn", BEGAN)})
    held = controller.look(Situation(PLAN, snapshot, state, BEGAN + 1), TRACK)
    assert held.verdict is HOLD
