"""Every gate by table, and what must hold of them whatever the numbers are."""

from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm.core.conclusion import Conclusion
from stagenorm.core.modes import Mode, ModeState
from stagenorm.rollout import gates
from stagenorm.rollout.gates import Calendar
from stagenorm.rollout.observations import Counted, Evidence, NotKnown, Proved, Report

PASS, FAIL, HOLD = Conclusion
DAY = 86400.0
NOBODY = NotKnown("Prometheus cannot be reached")


@pytest.mark.parametrize(
    ("counted", "verdict", "words"),
    [
        (Counted(0, 598), PASS, "0 of 598 things (0%): at most 0.5%, under 0.5%"),
        (Counted(0, 597), HOLD, "0 of 597 things (0%): perhaps 0.5%, not surely under 0.5%"),
        (Counted(84, 52_310), PASS, "84 of 52,310 things (0.16%): at most 0.19%, under 0.5%"),
        (Counted(250, 52_310), HOLD, "250 of 52,310 things (0.48%): perhaps 0.53%, not surely under 0.5%"),
        (Counted(300, 52_310), FAIL, "300 of 52,310 things (0.57%): at least 0.52%, and 0.5% is too many"),
        (Counted(1, 1), FAIL, "1 of 1 things (100%): at least 5%, and 0.5% is too many"),
        (Counted(1, 20), HOLD, "1 of 20 things (5%): perhaps 22%, not surely under 0.5%"),
        (Counted(84, 52_310, 40), PASS, "40 more may have been lost at restarts: at most 0.27%"),
        (Counted(84, 52_310, 400), HOLD, "400 more may have been lost at restarts: perhaps"),
        (Counted(0.2, 597.9), HOLD, "1 of 597 things"),
        (Counted(0, 0), HOLD, "nothing was counted"),
        (Counted(0, 0.7), HOLD, "nothing was counted"),
        (Counted(nan, 1000), HOLD, "is no number"),
        (Counted(0, nan), HOLD, "is no number"),
        (Counted(0, inf), HOLD, "is no number"),
        (Counted(0, 1000, nan), HOLD, "is no number"),
        (Counted(-1, 1000), HOLD, "cannot be"),
        (Counted(5, 4), HOLD, "cannot be"),
        (NOBODY, HOLD, "Prometheus cannot be reached"),
        (None, HOLD, "nothing was measured"),
    ],
)
def test_a_share_passes_fails_or_is_not_known_well_enough(counted, verdict, words):
    found = gates.judge(counted, 0.005, "things")
    assert found[0] is verdict
    assert words in found[1]


BAD, GOOD, SMALL = Counted(500, 1000), Counted(0, 10_000), Counted(0, 3)


@pytest.mark.parametrize(
    ("counts", "verdict", "words"),
    [
        ({"a": GOOD, "b": GOOD}, PASS, "a, b: 0 of 10,000"),
        ({"a": GOOD, "b": SMALL}, HOLD, "b: 0 of 3"),
        ({"a": BAD, "b": SMALL}, FAIL, "a: 500 of 1,000"),
        ({"a": GOOD}, HOLD, "b: nothing was measured"),
        ({"a": GOOD, "b": GOOD, "stranger": BAD}, PASS, "a, b"),
        ({}, HOLD, "a, b: nothing was measured"),
    ],
)
@pytest.mark.parametrize("gate", [gates.unknown, gates.enforce_errors, gates.validator])
def test_every_endpoint_must_pass_and_the_gravest_is_told(gate, counts, verdict, words):
    found = gate(counts, ["a", "b"], 0.005)
    assert (found.verdict, words in found.why) == (verdict, True), found
    assert bool(found.remedy) is (verdict is FAIL)


def test_no_endpoint_at_all_holds():
    assert gates.unknown({}, [], 0.005).verdict is HOLD


@pytest.mark.parametrize(
    ("of", "verdict"),
    [(Counted(0, 10_000), PASS), (Counted(0, 9999.9), HOLD), (Counted(0, nan), HOLD), (NOBODY, HOLD), (None, HOLD)],
)
def test_ten_thousand_requests(of, verdict):
    assert gates.requests({"a": of} if of else {}, ["a"], 10_000).verdict is verdict


@pytest.mark.parametrize(
    ("windows", "verdict"),
    [
        ([GOOD, GOOD], PASS),
        ([SMALL, GOOD], PASS),  # little is called: the longer window speaks for it
        ([SMALL, SMALL], HOLD),
        ([BAD, GOOD], FAIL),
        ([GOOD, BAD], FAIL),
        ([NOBODY, NOBODY], HOLD),
        ([], HOLD),
    ],
)
def test_what_is_unknown_now(windows, verdict):
    assert gates.recent([{"a": each} for each in windows], ["a"], 0.01).verdict is verdict


def calendar(entered=0.5, now=8.0, needed=7):
    return Calendar(entered * DAY, now * DAY, DAY, needed)


@pytest.mark.parametrize(
    ("chosen", "days", "verdict", "until", "words"),
    [
        (calendar(now=8), [GOOD] * 7, PASS, None, "7 days in a row"),
        (calendar(now=7.99), [GOOD] * 6, HOLD, 8, "6 of 7"),
        (calendar(now=0.6), [], HOLD, 8, "0 of 7"),
        (calendar(entered=1, now=1), [], HOLD, 8, "0 of 7"),
        (calendar(now=8), [GOOD] * 6 + [BAD], FAIL, 15, "0 of 7 days in a row; 1970-01-08: a: 500"),
        (calendar(now=8), [BAD] + [GOOD] * 6, FAIL, 9, "6 of 7 days in a row; 1970-01-02: a: 500"),
        (calendar(now=8), [GOOD] * 3 + [NOBODY] + [GOOD] * 3, HOLD, 12, "3 of 7 days in a row; 1970-01-05"),
        (calendar(now=9), [GOOD] * 7, PASS, None, "1970-01-09"),
        (calendar(now=9), [SMALL] + [GOOD] * 6, HOLD, 10, "1970-01-03: a: 0 of 3"),
        (calendar(entered=0.5, now=30.4), [GOOD] * 7, PASS, None, "7 days in a row"),
        (calendar(entered=0.5, now=30.5), [GOOD] * 7, HOLD, None, "the step has lasted 30d"),
        (calendar(entered=9, now=8), [], HOLD, 16, "0 of 7"),  # a clock that went back
    ],
)
def test_quiet_days(chosen, days, verdict, until, words):
    assert len(chosen.days) == len(days)
    found = gates.quiet_days(chosen, [{"a": each} for each in days], ["a"], 0.005, 30 * DAY)
    assert (found.verdict, words in found.why) == (verdict, True), found
    assert found.until == (None if until is None else until * DAY)
    assert found.page is ("has lasted" in found.why)


def report(result=PASS, at=100.0):
    return Report(result, at)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (report(), PASS),
        (report(FAIL), FAIL),
        (report(HOLD), HOLD),
        (report(at=-1001), HOLD),
        (report(at=201), HOLD),  # to come
        (report(at=150), PASS),  # two clocks
        (report(at=nan), HOLD),
        (NOBODY, HOLD),
    ],
)
def test_a_report(found, verdict):
    assert gates.reported("consumers", found, 100.0, 1000.0, "do").verdict is verdict


@pytest.mark.parametrize(
    ("backed_up", "verified", "verdict"),
    [
        (0, 3600, PASS),
        (0, 23.9 * 3600, PASS),
        (0, 24.1 * 3600, FAIL),
        (7200, 3600, HOLD),  # made after what it is to protect
        (nan, 3600, HOLD),
        (0, 200 * 3600, HOLD),  # verified in the future
    ],
)
def test_a_receipt_was_fresh_when_the_backfill_was_verified(backed_up, verified, verdict):
    evidence = Evidence(NOBODY, Report(PASS, verified), Proved(backed_up))
    assert gates.receipt(evidence, 100 * 3600.0, DAY).verdict is verdict


def test_a_backfill_may_be_verified_again_when_its_backup_is_old():
    again = Report(PASS, 9 * DAY, began_at=3600.0)
    assert gates.receipt(Evidence(NOBODY, again, Proved(0)), 9 * DAY, DAY).verdict is PASS
    late = Report(PASS, 9 * DAY, began_at=25 * 3600.0)
    assert gates.receipt(Evidence(NOBODY, late, Proved(0)), 9 * DAY, DAY).verdict is FAIL


def test_without_a_receipt_or_a_backfill_nobody_knows():
    assert gates.receipt(Evidence(NOBODY, report(), NOBODY), 100.0, DAY).verdict is HOLD
    assert gates.receipt(Evidence(NOBODY, NOBODY, Proved(1)), 100.0, DAY).verdict is HOLD


def test_alerts_latches_time_and_the_store():
    assert gates.no_alert(()).verdict is PASS
    assert gates.no_alert(("StagenormEnforceRejects",)).verdict is FAIL
    assert gates.no_alert(NOBODY).verdict is HOLD
    assert gates.not_latched([("a", ModeState(Mode.WARN))]).verdict is PASS
    latched = ModeState(Mode.WARN, changed_by="alertmanager", reason="alert", latched=True)
    assert gates.not_latched([("a", ModeState(Mode.WARN)), ("b", latched)]).verdict is HOLD
    assert gates.lasted(0, 7200, 7200).verdict is PASS
    assert (gates.lasted(0, 7199, 7200).verdict, gates.lasted(0, 7199, 7200).until) == (HOLD, 7200)
    assert gates.lasted(100, 0, 7200).verdict is HOLD
    assert gates.store_reads(Counted(0, 299), 0.01).verdict is PASS
    assert gates.store_reads(Counted(0, 298), 0.01).verdict is HOLD
    assert gates.store_reads(Counted(50, 298), 0.01).verdict is FAIL


numbers = st.integers(0, 200_000)
counted = st.builds(lambda good, hits, lost: Counted(hits, good + hits, lost), numbers, st.integers(0, 2000), numbers)
odd = st.one_of(st.sampled_from([nan, inf, -inf, -1.0, 1e300]), st.floats(0, 1e6).map(lambda number: round(number, 2)))
known = st.one_of(counted, st.just(NOBODY), st.builds(Counted, odd, odd, odd))
days = st.lists(known, min_size=7, max_size=7)


def verdicts(each, seven):
    """What every gate that counts says, of one endpoint that shows this."""
    one = {"a": each}
    return [
        gates.unknown(one, ["a"], 0.005).verdict,
        gates.enforce_errors(one, ["a"], 0.001).verdict,
        gates.validator(one, ["a"], 0.01).verdict,
        gates.store_reads(each, 0.01).verdict,
        gates.recent([{"a": other} for other in [each, *seven]], ["a"], 0.01).verdict,
        gates.quiet_days(calendar(), [{"a": other} for other in seven], ["a"], 0.005, 30 * DAY).verdict,
    ]


def is_count(each):
    return isinstance(each, Counted) and each.hits >= 0  # to what is less than nothing, nothing can be added


def worse(each, errors):
    return replace(each, hits=each.hits + errors, of=each.of + errors) if is_count(each) else each


@given(known, days, st.integers(1, 5000), st.booleans())
def test_more_errors_never_make_anything_pass(each, seven, errors, of_the_same_requests):
    more = worse(each, errors)
    if of_the_same_requests and is_count(each):
        more = replace(each, hits=min(each.hits + errors, each.of))
    for before, after in zip(
        verdicts(each, seven), verdicts(more, [worse(other, errors) for other in seven]), strict=True
    ):
        assert before is PASS or after is not PASS


@given(known, days, st.floats(0, 1))
def test_less_data_never_makes_what_holds_pass(each, seven, kept):
    def less(whole):
        """Fewer of the good ones were seen."""
        if not isinstance(whole, Counted):
            return whole
        return replace(whole, of=whole.hits + (whole.of - whole.hits) * kept)

    for before, after in zip(verdicts(each, seven), verdicts(less(each), list(map(less, seven))), strict=True):
        assert before is not HOLD or after is not PASS


@given(known, days, st.integers(0, 6))
def test_a_day_that_is_not_known_never_passes(each, seven, lost):
    seven[lost] = NOBODY
    assert verdicts(NOBODY, seven)[:4] == [HOLD] * 4
    assert verdicts(each, seven)[-1] is not PASS


@given(st.lists(known, min_size=1, max_size=4), st.integers(0, 3))
def test_an_endpoint_more_never_helps(several, which):
    names = [str(number) for number in range(len(several))]
    counts = dict(zip(names, several, strict=True))
    some = [name for name in names if name != str(which)]
    if some and gates.unknown(counts, some, 0.005).verdict is not PASS:
        assert gates.unknown(counts, names, 0.005).verdict is not PASS


@pytest.mark.parametrize(
    ("about", "verdict"),
    [
        ({}, Conclusion.PASS),
        ({"until": 50.0}, Conclusion.PASS),
        ({"until": -1000.0}, Conclusion.HOLD),
        ({"filter": "id < 10"}, Conclusion.HOLD),
    ],
)
def test_what_a_report_does_not_cover_is_not_known(about, verdict):
    report = Report(Conclusion.PASS, 90.0, **about)
    assert gates.reported("consumers", report, 100.0, 1000.0, "do").verdict is verdict


@pytest.mark.parametrize(("identity", "verdict"), [("app", Conclusion.PASS), ("other", Conclusion.HOLD)])
def test_a_receipt_of_another_database_proves_nothing(identity, verdict):
    report = Report(Conclusion.PASS, 90.0, identity="app")
    evidence = Evidence(NotKnown("-"), report, Proved(50.0, identity))
    assert gates.receipt(evidence, 100.0, 1000.0).verdict is verdict
