"""Bodies made to fool the reading that counts: each says what the document holds, whatever its bytes look like."""

import pytest

from stagenorm import INVESTMENT_STAGES, JsonField, JsonKeys, Term, Vocabulary

TRAP = Vocabulary("trap", [Term("Seed", aliases=("series-a", "s")), Term("growth", aliases=("stage", "a,b", "a:b"))])
COMMAS = Vocabulary("commas", [Term("x", aliases=(",", ":", "],[", "},{", ", ", "a,b")), Term("y")])
STAGE, LIST, KEYS = [JsonField("$.stage")], [JsonField("$.l[*].stage")], [JsonKeys("$.k")]
TWO = [JsonField("$.a"), JsonField("$.b", vocabulary=TRAP)]
BOTH = [JsonField("$.stage"), JsonKeys("$.k")]

CASES = [
    # Keys that stand twice: with equal values, with other values, at any depth, and in hiding.
    (STAGE, '{"stage":"seed","stage":"seed"}', {"unreadable": 1}, None),
    (STAGE, '{"stage":"Seed","stage":"Seed"}', {"unreadable": 1}, None),
    (STAGE, '{"stage":"evil","stage":"seed"}', {"unreadable": 1}, None),
    (STAGE, '{"stage":1,"stage":"seed"}', {"unreadable": 1}, None),
    (STAGE, '{"stage":"seed","st\\u0061ge":"evil"}', {"unreadable": 1}, None),
    (LIST, '{"l":[{"stage":"seed","stage":"seed"}]}', {"unreadable": 1}, None),
    (LIST, '{"l":[{"stage":"seed"}],"l":[{"stage":"seed"}]}', {"unreadable": 1}, None),
    (LIST, '{"l":[{"stage":"seed","stage":"seed"},{}]}', {"unreadable": 1}, None),
    (LIST, '{"l":[{"stage":"seed"},{}],"stage":"evil"}', {"canonical": 1}, None),
    (KEYS, '{"k":{"seed":1,"seed":2}}', {"unreadable": 2}, None),
    (KEYS, '{"k":{"Seed":1,"Seed":2}}', {"unreadable": 2}, None),
    (KEYS, '{"k":{"seed":1,"Seed":2}}', {"unreadable": 2}, None),
    (KEYS, '{"k":{"Seed":1,"SEED":2,"series-a":3}}', {"unreadable": 2, "canonical": 1}, None),
    (KEYS, '{"k":{"seed":1},"k":{"evil":1}}', {"unreadable": 1}, None),
    # Twice here and not at all there: the sum would be right.
    (
        [JsonField("$.a"), JsonField("$.o.c")],
        '{"a":"seed","a":"seed","o":{"c":"seed"}}',
        {"unreadable": 1, "canonical": 1},
        None,
    ),
    (LIST, '{"l":[{"stage":"Seed","stage":"Seed"},{"x":"stage"}]}', {"unreadable": 1}, None),
    # The name or the value elsewhere: as a value, as a key, in a string, beside the way.
    (STAGE, '{"stage":"seed","x":"stage"}', {"canonical": 1}, None),
    (STAGE, '{"stage":"Seed","x":"stage"}', {"alias": 1}, '{"stage":"seed","x":"stage"}'),
    (STAGE, '{"stage":"Seed","x":"Seed"}', {"alias": 1}, '{"stage":"seed","x":"Seed"}'),
    (STAGE, '{"Seed":1,"stage":"Seed"}', {"alias": 1}, '{"Seed":1,"stage":"seed"}'),
    (STAGE, '{"o":{"stage":"evil"},"stage":"seed"}', {"canonical": 1}, None),
    (STAGE, '[{"stage":"evil"}]', {"unreadable": 1}, None),
    (STAGE, '{"stage":"Seed","x":"\\"Seed\\""}', {"alias": 1}, '{"stage":"seed","x":"\\"Seed\\""}'),
    (STAGE, '{"stage":"Seed","x":"say Seed"}', {"alias": 1}, '{"stage":"seed","x":"say Seed"}'),
    (
        STAGE,
        '{"stage" : "Seed" , "Seed" : {"stage":"Seed"}}',
        {"alias": 1},
        '{"stage" : "seed" , "Seed" : {"stage":"Seed"}}',
    ),
    (KEYS, '{"k":{"Seed":"Seed"}}', {"alias": 1}, '{"k":{"seed":"Seed"}}'),
    (KEYS, '{"k":{"Seed":{"Seed":1}},"Seed":2}', {"alias": 1}, '{"k":{"seed":{"Seed":1}},"Seed":2}'),
    (KEYS, '{"k":{"seed":["seed",{"seed":"evil"}]}}', {"canonical": 1}, None),
    ([JsonKeys("$")], '{"Seed":{"k":{"Seed":1}}}', {"alias": 1}, '{"seed":{"k":{"Seed":1}}}'),
    # Several places for one text.
    (BOTH, '{"stage":"Seed","k":{"Seed":1}}', {"alias": 2}, '{"stage":"seed","k":{"seed":1}}'),
    (BOTH, '{"k":{"seed":1},"stage":"seed"}', {"canonical": 2}, None),
    (BOTH, '{"k":{"seed":1},"stage":"Seed"}', {"canonical": 1, "alias": 1}, '{"k":{"seed":1},"stage":"seed"}'),
    (BOTH, '{"k":{"stage":1},"stage":"seed"}', {"canonical": 1, "unknown": 1}, None),
    ([JsonField("$.Seed")], '{"Seed":"Seed"}', {"alias": 1}, '{"Seed":"seed"}'),
    ([JsonField("$.seed")], '{"seed":"seed"}', {"canonical": 1}, None),
    ([JsonField("$.seed")], '{"seed":"Seed"}', {"alias": 1}, '{"seed":"seed"}'),
    (
        [JsonField("$.Seed"), JsonField("$.b")],
        '{"Seed":"seed","b":"Seed"}',
        {"canonical": 1, "alias": 1},
        '{"Seed":"seed","b":"seed"}',
    ),
    (
        [JsonField("$.a.s"), JsonField("$.b.s")],
        '{"a":{"s":"seed","s":"seed"},"b":{"s":"seed"}}',
        {"unreadable": 1, "canonical": 1},
        None,
    ),
    (
        [JsonField("$.a.s"), JsonField("$.b")],
        '{"a":{"s":"SEED"},"b":"SEED"}',
        {"alias": 2},
        '{"a":{"s":"seed"},"b":"seed"}',
    ),
    # Two vocabularies: what is canonical in one is an alias in the other, and means something else.
    (TWO, '{"a":"seed","b":"Seed"}', {"canonical": 2}, None),
    (TWO, '{"a":"Seed","b":"series-a"}', {"alias": 2}, '{"a":"seed","b":"Seed"}'),
    (TWO, '{"a":"Series A","b":"series-a"}', {"alias": 2}, '{"a":"series-a","b":"Seed"}'),
    (TWO, '{"a":"series-a","b":"series-a"}', {"canonical": 1, "alias": 1}, '{"a":"series-a","b":"Seed"}'),
    (TWO, '{"a":"Seed","b":"Seed"}', {"alias": 1, "canonical": 1}, '{"a":"seed","b":"Seed"}'),
    (TWO, '{"a":"SEED","b":"SEED"}', {"alias": 2}, '{"a":"seed","b":"Seed"}'),
    (
        [JsonField("$.l[*].a"), JsonField("$.l[*].b", vocabulary=TRAP)],
        '{"l":[{"a":"Series A","b":"s"},{"a":"Seed","b":"series-a"}]}',
        {"alias": 4},
        '{"l":[{"a":"series-a","b":"Seed"},{"a":"seed","b":"Seed"}]}',
    ),
    ([JsonField("$.stage", vocabulary=TRAP)], '{"stage":"stage"}', {"alias": 1}, '{"stage":"growth"}'),
    # Texts that can stand between two strings.
    ([JsonField("$.a", vocabulary=COMMAS)], '{"a":"," , "b":"x","c":"y"}', {"alias": 1}, '{"a":"x" , "b":"x","c":"y"}'),
    ([JsonField("$.a", vocabulary=COMMAS)], '{"b":"x","a":","}', {"alias": 1}, '{"b":"x","a":"x"}'),
    ([JsonField("$.a", vocabulary=COMMAS)], '{"a":":"}', {"alias": 1}, '{"a":"x"}'),
    ([JsonField("$.l[*][*]", vocabulary=COMMAS)], '{"l":[["],["],["],["]]}', {"alias": 2}, '{"l":[["x"],["x"]]}'),
    ([JsonKeys("$.a", vocabulary=COMMAS)], '{"a":{",":"a,b"}}', {"alias": 1}, '{"a":{"x":"a,b"}}'),
    ([JsonField("$[',']")], '{",":"seed","x":"y"}', {"canonical": 1}, None),
    ([JsonField("$[',']")], '{"a":"b",",":"Seed","c":"d"}', {"alias": 1}, '{"a":"b",",":"seed","c":"d"}'),
    ([JsonField("$[':']")], '{":":"seed",":":"seed"}', {"unreadable": 1}, None),
    # The empty name, names beyond ASCII, and the same name in another spelling.
    ([JsonField("$['']")], '{"":"Seed","x":""}', {"alias": 1}, '{"":"seed","x":""}'),
    ([JsonField("$['']")], '{"":"seed","":"seed"}', {"unreadable": 1}, None),
    ([JsonField("$.\u00e9")], '{"\u00e9":"Seed"}', {"alias": 1}, '{"\u00e9":"seed"}'),
    ([JsonField("$.\u00e9")], '{"\u00e9":"seed","\\u00e9":"seed"}', {"unreadable": 1}, None),
    ([JsonField("$.\u00e9")], '{"\u00e9":"seed","e\u0301":"evil","\u00c9":"evil"}', {"canonical": 1}, None),
    (STAGE, '{"Stage":"evil","stage ":"evil","stage":"seed"}', {"canonical": 1}, None),
    (STAGE, '{"stage":"\uff33eed","x":"\uff33eed"}', {"alias": 1}, '{"stage":"seed","x":"\uff33eed"}'),
    # Shapes that decoders might forgive.
    (LIST, '{"l":[{"stage":"seed"},["stage"]]}', {"canonical": 1, "unreadable": 1}, None),
    (LIST, '{"l":{"stage":"seed"}}', {"unreadable": 1}, None),
    (LIST, '{"l":null}', {"unreadable": 1}, None),
    (LIST, '{"l":[]}', {}, None),
    (LIST, "{}", {}, None),
    (STAGE, '{"stage":null}', {"unreadable": 1}, None),
    (STAGE, '{"stage":["seed"]}', {"unreadable": 1}, None),
    (KEYS, '{"k":["seed"]}', {"unreadable": 1}, None),
    (KEYS, '{"k":{}}', {}, None),
    (STAGE, '"stage"', {"unreadable": 1}, None),
    # Nesting beside the way.
    (STAGE, '{"stage":"seed","x":' + "[" * 127 + "]" * 127 + "}", {"canonical": 1}, None),
    (STAGE, '{"stage":"seed","x":' + "[" * 128 + "]" * 128 + "}", {"unreadable": 1}, None),
    (STAGE, '{"stage":"Seed","x":' + '{"":' * 128 + "0" + "}" * 128 + "}", {"unreadable": 1}, None),
    (STAGE, '{"stage":"\\u0073eed","x":' + "[" * 128 + "]" * 128 + "}", {"unreadable": 1}, None),
    (STAGE, '{"stage":"seed","x":[' + ",".join(["[]"] * 300) + "]}", {"canonical": 1}, None),
    (STAGE, '{"stage":"seed","x":"' + "[" * 300 + '"}', {"canonical": 1}, None),
    (STAGE, '{"stage":"seed","x":"' + '\\"[' * 300 + '"}', {"canonical": 1}, None),
    (STAGE, '{"stage":"seed","x":"\\\\","y":' + "[" * 128 + "]" * 128 + "}", {"unreadable": 1}, None),
    (LIST, '{"l":[' + ",".join(['{"stage":"seed"}'] * 300) + "]}", {"canonical": 300}, None),
]


@pytest.mark.parametrize(("fields", "body", "counts", "rewritten"), CASES, ids=[case[1][:60] for case in CASES])
def test_a_body_is_what_it_holds(guarded, outcome_of, fields, body, counts, rewritten):
    for listeners in (True, False):
        endpoint = guarded(*fields)
        if not listeners:
            endpoint.boundary.hooks.clear()
        verdict = endpoint.send(body.encode())
        if listeners:
            assert endpoint.counts() == counts
        if rewritten is None:
            assert outcome_of(verdict) == ("reject" if counts.keys() & {"unknown", "unreadable"} else "pass")
        else:
            assert verdict.body.decode() == rewritten


@pytest.mark.parametrize("distinct", [15, 16, 17, 40])
def test_any_number_of_distinct_aliases_is_rewritten(guarded, distinct):
    forms = [f'"seed{" " * spaces}"' for spaces in range(1, distinct + 1)]
    verdict = guarded(JsonField("$[*]")).send(f"[{','.join(forms)}]".encode())
    assert verdict.body == b"[" + b",".join([b'"seed"'] * distinct) + b"]"


def test_every_stage_spelled_in_every_way_at_once(guarded):
    values = [*INVESTMENT_STAGES, *(INVESTMENT_STAGES.label(value) for value in INVESTMENT_STAGES)]
    plain = ",".join(f'"{value}"' for value in values)
    canonical = ",".join(f'"{value}"' for value in [*INVESTMENT_STAGES, *INVESTMENT_STAGES])
    assert guarded(JsonField("$[*]")).send(f"[{plain}]".encode()).body.decode() == f"[{canonical}]"
