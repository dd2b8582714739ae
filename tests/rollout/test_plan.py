"""``[rollout]``: what it means, and every way in which it can be wrong, told with its place."""

import pytest

from stagenorm.config import load_configuration
from stagenorm.errors import ConfigurationError
from stagenorm.rollout.plan import FOUR_WEEKS, Kind, Limits, Step

ENDPOINTS = '[[endpoints]]\nname = "simulate"\n[[endpoints]]\nname = "companies"\n'


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "stagenorm.toml"
        path.write_text(ENDPOINTS + text)
        return load_configuration(path).rollout

    return read


def test_without_a_word_it_is_four_weeks_for_all(read):
    settings = read("")
    assert settings.plan.steps == FOUR_WEEKS
    assert settings.plan.limits == Limits()
    assert settings.plan.endpoints == ("simulate", "companies")
    assert not settings.plan.per_endpoint
    assert not settings.plan.partial
    assert settings.watching.prometheus is None


def test_everything_that_can_be_said(read, tmp_path):
    settings = read(
        '[rollout]\nprometheus = "http://prometheus:9090/"\njob = "api"\nscrape = "30s"\nper_endpoint = true\n'
        'endpoints = ["companies"]\nconsumers_report = "c.json"\nreceipt = "/r"\nalertmanager = "https://a"\n'
        'steps = [{kind = "warn"}, {kind = "enforce", share = 5, at_least = "1d"}, {kind = "enforce", share = 100}]\n'
        '[rollout.limits]\nunknown = 0.01\nquiet_days = 3\nwarn_cap = "2w"\nrequests = 500\n'
    )
    assert settings.plan.steps == (Step(Kind.WARN), Step(Kind.ENFORCE, 5, 86400), Step(Kind.ENFORCE, 100))
    assert settings.plan.endpoints == ("companies",)
    assert settings.plan.per_endpoint
    assert settings.plan.partial
    assert settings.plan.limits == Limits(unknown=0.01, quiet_days=3, warn_cap=14 * 86400, requests=500)
    assert settings.watching.prometheus == "http://prometheus:9090"
    assert settings.files.consumers == tmp_path / "c.json"
    assert settings.files.backfill is None
    assert str(settings.files.receipt) == "/r"


WARN, ALL = '{kind = "warn"}', '{kind = "enforce", share = 100}'


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (['{kind = "off"}', ALL], "rollout: steps: warn is missing"),
        ([ALL], "warn is missing"),
        ([], "rollout: steps: warn is missing"),
        ([WARN], "the last one is warn: end with enforce"),
        (
            [WARN, ALL, '{kind = "enforce", share = 50}'],
            "step 3, enforce 50%: it follows enforce 100%: shares only rise",
        ),
        ([WARN, ALL, ALL], "step 3, enforce 100%: it follows enforce 100%: shares only rise"),
        ([WARN, WARN, ALL], "step 2, warn: it stands there twice"),
        ([WARN, '{kind = "off"}', ALL], "step 2, off: it comes before warn"),
        (['{kind = "backfill"}', WARN, ALL], "step 2, warn: it comes before backfill"),
        ([WARN, '{kind = "enforce"}'], "rollout, step 2: enforce 0%: give a share above 0"),
        ([WARN, '{kind = "enforce", share = 101}'], "rollout, step 2: enforce 101%: give a share"),
        ([WARN, '{kind = "enforce", share = nan}'], "rollout, step 2: enforce nan%: give a share"),
        (['{kind = "warn", share = 5}', ALL], "rollout, step 1: warn: only enforce has a share"),
        (['{kind = "warn", at_least = "0d"}', ALL], "rollout, step 1: at_least: '0d' is no duration"),
        (['{kind = "warn", at_least = 7}', ALL], "rollout, step 1: at_least must be a string; a number stands there"),
        (['{kind = "canary"}', ALL], "rollout, step 1: kind must be one of off, warn, backfill, enforce"),
        (['{kind = "warn", hold = "1d"}', ALL], "rollout, step 1: unknown key 'hold'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(read, steps, why):
    with pytest.raises(ConfigurationError) as refused:
        read(f"[rollout]\nsteps = [{', '.join(steps)}]\n")
    assert why in str(refused.value)
    assert "stagenorm.toml: " in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[rollout]\nplan = "fast"', "rollout: unknown key 'plan'"),
        (
            '[rollout]\nprometheus = "prometheus:9090"',
            "rollout: prometheus is 'prometheus:9090', no URL: write http://host:port",
        ),
        ('[rollout]\nendpoints = ["checkout"]', "endpoints: 'checkout' is none of [[endpoints]]: simulate, companies"),
        ('[rollout]\nendpoints = ["companies", "companies"]', "endpoints: 'companies' stands there twice"),
        ('[rollout]\nscrape = "0s"', "rollout: scrape: '0s' is no duration"),
        ("[rollout.limits]\nunknown = 0", "limits: unknown is 0: give a share above 0 and below 1"),
        ("[rollout.limits]\nunknown = 1.5", "limits: unknown is 1.5"),
        ("[rollout.limits]\nunknown = nan", "limits: unknown is nan"),
        ("[rollout.limits]\nquiet_days = 0", "limits: quiet_days is 0: give 1 or more"),
        ("[rollout.limits]\nquiet_days = 1.5", "limits: quiet_days is 1.5: give a whole number"),
        ("[rollout.limits]\nquiet_days = inf", "limits: quiet_days is inf: give a whole number"),
        ('[rollout.limits]\nwarn_cap = "7d"', "limits: warn_cap is 7 days, and 7 whole ones can take 8: give more"),
        ("[rollout.limits]\nrejects = 3", "limits: unknown key 'rejects'"),
    ],
)
def test_whatever_else_is_wrong_names_its_place(read, text, why):
    with pytest.raises(ConfigurationError) as refused:
        read(text + "\n")
    assert why in str(refused.value)
