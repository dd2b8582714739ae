"""Large bodies are read as small ones are: over the edges of pieces, beyond the quick way, in any order."""

import json
import random
from urllib.parse import urlencode

import pytest

from stagenorm import INVESTMENT_STAGES, FormField, JsonField, JsonKeys
from stagenorm.boundary.json_scan import MAX_BAD_KEYS

VALUES = len(tuple(INVESTMENT_STAGES))
UNITS = [b'"[\\"[\\\\",', b'"\\\\\\\\\\\\",', b'"\\"{\\"[",', b'"]]]}",']


@pytest.mark.parametrize("nested", [127, 128])
@pytest.mark.parametrize("unit", UNITS)
def test_brackets_in_strings_do_not_nest_wherever_they_stand(guarded, unit, nested):
    endpoint = guarded(JsonField("$[0]"))
    for offset in range(len(unit)):
        body = b'["seed",' + b" " * offset + unit * (150_000 // len(unit)) + b"[" * nested + b"]" * nested + b"]"
        endpoint.send(body)
        deep = [each.detail for each in endpoint.events[-1].findings]
        assert deep == (["the body nests more than 128 deep"] if nested == 128 else []), offset


def test_aliases_are_replaced_in_a_body_of_any_size(guarded):
    stages = ["Seed", "Series A", "series-b", "S\u0065ed", "pre seed"] * 20_000
    document = {"n": 1.50, "stages": [{"x": '\\"', "stage": each} for each in stages]}
    body = json.dumps(document, indent=1).encode()
    assert len(body) > 1 << 20
    verdict = guarded(JsonField("$.stages[*].stage"), max_body_bytes=1 << 24).send(body)
    meant = {"Seed": "seed", "Series A": "series-a", "pre seed": "pre-seed"}
    document["stages"] = [{"x": '\\"', "stage": meant.get(each, each)} for each in stages]
    assert verdict.body == json.dumps(document, indent=1).encode()


def test_fields_may_be_declared_in_another_order_than_they_stand_in(guarded):
    names = [f"f{number}" for number in range(40)]
    random.Random(1).shuffle(names)
    body = b"{" + b",".join(b'"f%d": "\\u0053eed"' % number for number in range(40)) + b"}"
    verdict = guarded(*(JsonField(f"$.{name}") for name in names)).send(body)
    assert verdict.body == body.replace(b"\\u0053eed", b"seed")
    forms = [(name, "Series A") for name in sorted(names)]
    verdict = guarded(*(FormField(name) for name in names)).form(urlencode(forms).encode())
    assert verdict.body == urlencode([(name, "series-a") for name, _ in forms]).encode()


@pytest.mark.parametrize("beyond", [0, 1])
def test_an_object_of_far_too_many_keys_is_unreadable_as_a_whole(guarded, beyond):
    bad = MAX_BAD_KEYS + VALUES + beyond
    body = json.dumps({"k": dict.fromkeys(map(str, range(bad)), 0), "s": "Seed"}).encode()
    endpoint = guarded(JsonKeys("$.k"), JsonField("$.s"))
    endpoint.send(body)
    assert endpoint.counts() == ({"unreadable": 1, "alias": 1} if beyond else {"unknown": bad, "alias": 1})
    if beyond:
        detail = f"the object has more than {bad - 1} keys, of which {VALUES} can be values"
        assert endpoint.events[-1].findings[0].detail == detail


@pytest.mark.parametrize("kinds", [1000, 2000])
def test_a_form_of_many_distinct_values_is_judged_to_the_last(guarded, kinds):
    """Beyond what is counted first, values are judged one by one."""
    unknown = [f"x{number}" for number in range(kinds)]
    written = [*unknown, "Series A", "seed", "series a", "s\u0435ed", *unknown]
    endpoint = guarded(FormField("s", repeated=True), mode="warn")
    verdict = endpoint.form(urlencode([("s", each) for each in written]).encode())
    assert endpoint.counts() == {"unknown": 2 * kinds + 1, "alias": 2, "canonical": 1}
    written[kinds] = written[kinds + 2] = "series-a"
    assert verdict.body == urlencode([("s", each) for each in written]).encode()


def test_objects_of_values_follow_each_other(guarded):
    endpoint = guarded(JsonKeys("$[*]"), mode="warn")
    verdict = endpoint.send(b'[ {} ,{"Seed":{"a":[1]} }, { }, {"\\u0053eed":1 , "x":"]"},{"Series A":0},{}]')
    assert verdict.body == b'[ {} ,{"seed":{"a":[1]} }, { }, {"seed":1 , "x":"]"},{"series-a":0},{}]'
    assert endpoint.counts() == {"alias": 3, "unknown": 1}
