"""JSON bodies: what is found where, and what is rewritten how."""

import itertools
import json

import pytest

from stagenorm import JsonField, JsonKeys, Term, Vocabulary

A = Vocabulary("a", [Term("y", aliases=("x",))])
B = Vocabulary("b", [Term("z", aliases=("y",))])


@pytest.mark.parametrize(
    "name", ['a"b', "a\\b", "a\tb", "a\x00b", "", "0", "\u00e9", "a b", "a,b", "a:b", "a'b", "class"]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_any_member_name_can_be_declared(guarded, name, ascii_only):
    path = f"$[{json.dumps(name)}]"
    body = json.dumps({name: "Seed", "other": "Seed"}, ensure_ascii=ascii_only).encode()
    verdict = guarded(JsonField(path)).send(body)
    assert json.loads(verdict.body) == {name: "seed", "other": "Seed"}


def test_one_replacement_does_not_make_anothers_text(guarded):
    verdict = guarded(JsonField("$.a", vocabulary=A), JsonField("$.b", vocabulary=B)).send(b'{"a":"x","b":"y"}')
    assert verdict.body == b'{"a":"y","b":"z"}'


def test_a_replacement_that_holds_a_quote_does_not_make_anothers_text(guarded):
    quoting = Vocabulary("quoting", [Term('a"Seed', aliases=("q",)), Term("seed")])
    verdict = guarded(JsonField("$.a"), JsonField("$.b"), vocabulary=quoting).send(b'{"a":"q","b":"Seed"}')
    assert verdict.body == b'{"a":"a\\"Seed","b":"seed"}'


@pytest.mark.parametrize("value", ['say "hi"', "back\\slash", "\u00e9", "</script>", "a,b:c"])
@pytest.mark.parametrize("alias", ["alias", "esc\\u0061ped"])
def test_a_canonical_value_is_written_as_json(guarded, value, alias):
    vocabulary = Vocabulary("odd", [Term(value, aliases=("alias", "escaped"))])
    verdict = guarded(JsonField("$.s"), JsonKeys("$.k"), vocabulary=vocabulary).send(
        b'{"s":"%s" , "k":{"%s":1e0}}' % (alias.encode(), alias.encode())
    )
    spelled = json.dumps(value, ensure_ascii=False).encode()
    assert verdict.body == b'{"s":%s , "k":{%s:1e0}}' % (spelled, spelled)


@pytest.mark.parametrize(
    ("path", "body", "rewritten"),
    [
        ("$[*]", b'["mark",","]', b'["mark","mark"]'),
        ("$[*]", b'[",","mark"]', b'["mark","mark"]'),
        ("$.t", b'{"t":":"}', b'{"t":"mark"}'),
        ("$.t", b'{"s":["x","y"],"t":","}', b'{"s":["x","y"],"t":"mark"}'),
    ],
)
def test_punctuation_between_strings_is_no_alias(guarded, path, body, rewritten):
    marks = Vocabulary("marks", [Term("mark", aliases=(",", ":"))])
    assert guarded(JsonField(path), vocabulary=marks).send(body).body == rewritten


@pytest.mark.parametrize(
    ("body", "rewritten"),
    [
        (b'{"s":"Seed","t":"Seed"}', b'{"s":"seed","t":"Seed"}'),
        (b'{"s":"Seed","t":"Seed","u":"seed"}', b'{"s":"seed","t":"Seed","u":"seed"}'),
        (b'{"s":"Seed","Seed":"seed"}', b'{"s":"seed","Seed":"seed"}'),
        (b'{"t":"\\\\","s":"Seed"}', b'{"t":"\\\\","s":"seed"}'),
        (b'{"t":"\\\\\\"","s":"Seed","u":"\\\\"}', b'{"t":"\\\\\\"","s":"seed","u":"\\\\"}'),
        (b'{"\\"s":"Seed","s":"Seed"}', b'{"\\"s":"Seed","s":"seed"}'),
    ],
)
def test_what_is_no_declared_value_stays_whatever_it_holds(guarded, body, rewritten):
    one = guarded(JsonField("$.s"))
    assert one.send(body).body == rewritten
    assert one.counts() == {"alias": 1}


def test_equal_aliases_are_counted_each(guarded):
    one = guarded(JsonField("$.s[*]"))
    assert one.send(b'{"s":["Seed","seed","Seed"]}').body == b'{"s":["seed","seed","seed"]}'
    assert one.counts() == {"canonical": 1, "alias": 2}


@pytest.mark.parametrize("name", [",", ":"])
def test_punctuation_between_strings_is_no_name(guarded, problem_of, name):
    path = f"$[{json.dumps(name)}]"
    hidden = f'{{{json.dumps(name)}:"x",{json.dumps(name)}:"seed"}}'
    (error,) = problem_of(guarded(JsonField(path)).send(hidden.encode()))["errors"]
    assert error["detail"] == f"the key {name!a} stands twice"


def test_every_value_of_every_array_and_object_is_counted(guarded):
    one = guarded(JsonField("$.a[*].s"), JsonField("$.a[*].t"), JsonField("$.b[*]"), JsonField("$.c"), JsonKeys("$.k"))
    body = b'{"a":[{"s":"seed","t":"seed"},{"s":"%s","t":"seed"}],"b":["seed","seed","seed"],"c":"seed","k":{"series-b":1}}'
    one.send(body % b"seed")
    assert one.counts() == {"canonical": 9}
    one.send(body % b"Seed")
    assert one.counts() == {"canonical": 8, "alias": 1}


@pytest.mark.parametrize("value", ["\u00e9", "</script>", "a b"])
def test_a_canonical_value_keeps_its_letters(guarded, value):
    vocabulary = Vocabulary("odd", [Term(value, aliases=("alias",))])
    verdict = guarded(JsonField("$.s"), vocabulary=vocabulary).send(b'{"s":"alias"}')
    assert verdict.body == f'{{"s":"{value}"}}'.encode()


@pytest.mark.parametrize(
    "text",
    [r"\ud800", r"\uDBFFx", r"\ud800\u0041", r"\udc00", r"\uDFFF\ud800", r"\ud83d\ude00\ude00", r"\ud83d\\ude00"],
)
@pytest.mark.parametrize("body", ['{"s":"%s"}', '{"s":"seed","x":["%s"]}', '{"s":"seed","%s":1}'])
def test_a_lone_surrogate_anywhere_is_named(guarded, problem_of, body, text):
    problem = problem_of(guarded(JsonField("$.s")).send((body % text).encode()))
    assert problem["detail"] == (
        r"body: a string holds a lone surrogate: an escape such as \ud800 without its other half."
    )


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\ud800", r"\uD7FF\uE000"])
def test_whole_characters_are_not(guarded, outcome_of, text):
    assert outcome_of(guarded(JsonField("$.s")).send(f'{{"s":"seed","x":"{text}"}}'.encode())) == "pass"


def test_every_spelling_of_an_alias_is_rewritten_however_many_there_are(guarded):
    one = guarded(JsonField("$.s"))
    spellings = ["".join(each) for each in itertools.product(*zip("series a fu", "SERIES_A FU", strict=True))]
    spellings = sorted({f"{each}nding" for each in spellings})
    assert len(spellings) == 1024
    for spelling in [*spellings, "Series-A", "SERIES A ROUND", *spellings[-2:], "Series-A"]:
        assert one.send(b'{"s":"%s"}' % spelling.encode()).body == b'{"s":"series-a"}', spelling
