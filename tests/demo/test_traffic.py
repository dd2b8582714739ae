"""The demo's data and requests: real forms with real weights, the same for the same seed."""

import json
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from stagenorm import INVESTMENT_STAGES, Match, Normalizer
from stagenorm.demo.traffic import CONSUMERS, make_calls
from stagenorm.demo.written_forms import written_forms
from stagenorm.events import FindingKind


def test_every_written_form_is_normalized_as_its_careful_label_says():
    normalizer = Normalizer(INVESTMENT_STAGES)
    forms = written_forms()
    assert len(forms) == len({form.raw for form in forms}) == 480
    for form in forms:
        found = normalizer(form.raw)
        assert (found.value if isinstance(found, Match) else None) in form.meanings, form


def test_white_space_and_order_of_the_forms_are_kept():
    forms = written_forms()
    assert (forms[0].raw, forms[0].count, forms[0].kind) == ("Seed", 13244, FindingKind.ALIAS)
    assert any(form.raw != form.raw.strip() or "  " in form.raw for form in forms)


def test_the_same_seed_makes_the_same_requests_and_another_one_others():
    assert make_calls(50, seed=1) == make_calls(50, seed=1) != make_calls(50, seed=2)


def test_a_call_holds_its_forms_in_the_order_in_which_a_handler_reads_them():
    for call in make_calls(300, seed=1):
        assert [form.raw for form in call.forms] == values_in(call)
        assert all(len(form.meanings) == 1 for form in call.forms)


def values_in(call):
    if call.body is None:
        assert call.method == "GET"
        return parse_qs(urlsplit(call.target).query, keep_blank_values=True, strict_parsing=True)["stage"]
    body = json.loads(call.body)
    return (
        [entry["stage"] for entry in body["stageDistribution"]]
        if "stageDistribution" in body
        else [*body["allocations"]]
    )


def test_all_endpoints_consumers_and_kinds_take_part():
    calls = make_calls(1000, seed=7)
    assert len({(call.method, urlsplit(call.target).path) for call in calls}) == 3
    assert {call.consumer for call in calls} == set(CONSUMERS)
    kinds = Counter(form.kind for call in calls for form in call.forms)
    assert set(kinds) == {FindingKind.CANONICAL, FindingKind.ALIAS, FindingKind.UNKNOWN}
    # The sources hold 9% canonical, 31% alias and 60% unknown values by weight.
    assert 0.5 < kinds[FindingKind.UNKNOWN] / kinds.total() < 0.7
