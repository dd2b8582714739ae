"""Every scenario that comes with the package tells its story, and a file of one's own tells another."""

import pytest

from stagenorm.config import load_scenario
from stagenorm.core.modes import Mode
from stagenorm.errors import ConfigurationError
from stagenorm.rollout.plan import Plan
from stagenorm.rollout.scenario import SCENARIOS
from stagenorm.rollout.simulation import BEGAN, Simulation

DAY = 86400.0


def told(scenario, **plan):
    return list(Simulation(Plan(("simulate", "companies"), **plan), load_scenario(scenario)).run())


@pytest.mark.parametrize(
    ("scenario", "final"),
    [
        ("healthy", (Mode.ENFORCE, 100)),
        ("noisy-client", (Mode.WARN, 0)),
        ("traffic-gone", (Mode.WARN, 0)),
        ("prometheus-down", (Mode.WARN, 0)),
        ("alert-at-50", (Mode.WARN, 0)),
    ],
)
def test_how_each_scenario_ends(scenario, final):
    last = told(scenario)[-1]
    assert (last.mode, last.share) == final


def test_every_scenario_is_tested_here():
    assert set(SCENARIOS) == {"healthy", "noisy-client", "traffic-gone", "prometheus-down", "alert-at-50"}


def test_healthy_takes_its_four_weeks_steps_in_order():
    steps = [
        each.what.partition(":")[0] for each in told("healthy") if each.who == "rollout" and " holds" not in each.what
    ]
    assert steps == ["off", "warn", "backfill", "enforce 10%", "enforce 50%", "enforce 100%"]


def test_a_noisy_client_is_never_enforced_and_somebody_is_paged():
    lines = told("noisy-client")
    assert all(each.mode is not Mode.ENFORCE for each in lines)
    assert [each.page for each in lines].count(True) == 1
    page = next(each for each in lines if each.page)
    assert page.at == BEGAN + 37 * DAY


def test_an_alert_at_50_leads_to_extended_warn_and_to_the_operator():
    lines = told("alert-at-50")
    at = next(number for number, each in enumerate(lines) if each.who == "alert")
    assert lines[at - 1].share == 50
    assert "extended warn, 7 days" in lines[at + 1].what
    assert all(each.mode is Mode.WARN for each in lines[at:])
    assert "latched" in lines[-1].what
    assert lines[-1].at > lines[at].at + 7 * DAY


def test_endpoints_on_their_own_ways(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        '[[happenings]]\nstep = "enforce 50%"\nafter = "1h"\nendpoint = "companies"\nalert = "X"\n'
        '[[happenings]]\nstep = "backfill"\nafter = "9d"\noperator = "unlatch"\n'
    )
    lines = told(str(own), per_endpoint=True)
    final = {each.where: (each.mode, each.share) for each in lines if each.where != "*"}
    assert final == {"simulate": (Mode.ENFORCE, 100), "companies": (Mode.ENFORCE, 100)}
    assert any(each.where == "companies" and each.who == "alert" for each in lines)


def test_an_operator_may_act_in_a_scenario(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        '[[happenings]]\nafter = "10d"\noperator = "hold"\n[[happenings]]\nafter = "29d"\noperator = "abort"\n'
    )
    lines = told(str(own))
    assert lines[-1].mode is Mode.WARN
    assert [each.what for each in lines if each.who == "operator"] == ["sets the mode to off", "hold", "abort"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("days = 0", "days is 0: give a number above 0"),
        ("days = 1e9", "at most 3650"),
        ("dais = 3", "unknown key 'dais'"),
        ("[traffic]\nunknown = 2", "traffic: unknown is 2: give a share from 0 to 1"),
        ("[traffic]\nrequests_a_day = -1", "traffic: requests_a_day is -1"),
        ("[traffic]\nrequests_a_day = nan", "traffic: requests_a_day is nan"),
        ('[[happenings]]\nafter = "1d"', "happening 1: nothing happens: add"),
        ('[[happenings]]\nafter = "soon"\nalert = "X"', "happening 1: after: 'soon' is no duration"),
        ('[[happenings]]\noperator = "sleep"', "happening 1: operator must be one of unlatch, hold, resume, abort"),
        ("[[happenings]]\nunknown = 7", "happening 1: unknown is 7"),
        ('backfill_takes = "0h"', "is no duration"),
        ('[[happenings]]\nstep = "enforce 99%"\nalert = "X"', "happening 1: the plan has no step 'enforce 99%'"),
        ('[[happenings]]\nendpoint = "nobody"\nalert = "X"', "happening 1: the plan has no endpoint 'nobody'"),
        ("\0", "is not TOML"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_naming_the_place(tmp_path, text, why):
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        told(str(own))
    assert why in str(refused.value)
