"""JSON bodies, whatever they hold: an independent reading agrees, and rewriting changes the stage values alone."""

import json
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stagenorm import INVESTMENT_STAGES, JsonField, JsonKeys, Match, Normalizer, Term, Vocabulary
from stagenorm.boundary.json_body import JsonReader
from stagenorm.boundary.json_path import EACH
from stagenorm.boundary.reading import Slot
from stagenorm.events import FindingKind

# Two vocabularies that are each other's trap: "seed" is canonical in one and an alias in the other, and the other way.
TRAP = Vocabulary("trap", [Term("Seed", aliases=("series-a", "s")), Term("growth", aliases=("stage", "a,b", "a:b"))])
FIELDS = {
    "list of objects": [JsonField("$.rounds[*].stage")],
    "list of objects, required": [JsonField("$.rounds[*].stage", required=True), JsonField("$.s")],
    "list of values": [JsonField("$[*]")],
    "two levels of lists": [JsonField("$.rounds[*][*]")],
    "keys": [JsonKeys("$.k")],
    "keys in a list": [JsonKeys("$[*]")],
    "keys and values": [JsonKeys("$.k"), JsonField("$.rounds[*].stage"), JsonField("$.s")],
    "one name in two places": [JsonField("$.s"), JsonField("$.o.s")],
    "two vocabularies": [JsonField("$.s"), JsonField("$.o.stage", vocabulary=TRAP), JsonKeys("$.k", vocabulary=TRAP)],
    "two vocabularies in a list": [JsonField("$.rounds[*].stage"), JsonField("$.rounds[*].s", vocabulary=TRAP)],
    "places": [JsonField("$[0]"), JsonKeys("$[2].k", required=True)],
    "names that are values": [JsonField("$.seed"), JsonField("$.Seed"), JsonField("$.stage.seed")],
    "odd names": [JsonField("$['a,b']"), JsonField("$['']"), JsonField("$['\u00e9'].s"), JsonField("$['\"']")],
    "the root": [JsonField("$")],
    "keys of the root": [JsonKeys("$", required=True)],
}
NAMES = ["rounds", "stage", "s", "k", "o", "seed", "Seed", "a,b", "", "\u00e9", '"', "series-a", "x", "Series A"]
TEXTS = [
    *(
        "seed",
        "Seed",
        "SEED round",
        "series-a",
        "Series A",
        "series-c+",
        "Series C+",
        "seriesc+",
        "\uff33eed",
        " seed ",
    ),
    *(
        "growth",
        "s",
        "stage",
        "rounds",
        "a,b",
        "a:b",
        "",
        "x",
        '"seed"',
        "\\",
        "}{",
        '":"',
        "\u2028",
        "\U0001f600",
        "\n",
    ),
]
SPACE = st.sampled_from(["", "", " ", "\n\t", "\r\n  "])
NUMBERS = st.sampled_from(
    ["0", "-0", "1E400", "-1.50e+10", "12345678901234567890123", "0.1000", "true", "false", "null"]
)


def spelled(text, style):
    """A string of JSON in one of four styles."""
    if style == "mixed" and text:
        return f'"\\u{ord(text[0]):04x}{json.dumps(text[1:])[1:]}' if ord(text[0]) < 0x10000 else json.dumps(text)
    if style == "escaped":
        units = text.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[at]:02X}{units[at + 1]:02x}" for at in range(0, len(units), 2)) + '"'
    return json.dumps(text, ensure_ascii=style == "ascii")


STYLES = {False: st.just("plain"), True: st.sampled_from(["plain", "plain", "ascii", "escaped", "mixed"])}
# What the values of one document are drawn from: a document of odd texts alone would never be read quickly.
POOLS = [TEXTS[:6:3], TEXTS[:7], [*TEXTS[:7], "growth", "Seed", "s", "stage"], TEXTS]


def strings(pool, *, escapes):
    return st.builds(spelled, st.sampled_from(pool), STYLES[escapes])


def anything(pool, *, escapes):
    names = strings(NAMES + TEXTS[:10] if escapes else [name for name in NAMES if name != '"'], escapes=escapes)

    def containers(values):
        member = st.builds("{}{}{}:{}{}{}".format, SPACE, names, SPACE, SPACE, values, SPACE)
        element = st.builds("{}{}{}".format, SPACE, values, SPACE)
        return st.one_of(
            st.builds("{{{}}}".format, st.lists(member, min_size=1, max_size=5).map(",".join)),
            st.builds("[{}]".format, st.lists(element, min_size=1, max_size=4).map(",".join)),
            st.sampled_from(["{}", "[]", "{ }", "[\n]"]),
        )

    return st.recursive(st.one_of(strings(pool, escapes=escapes), NUMBERS), containers, max_leaves=8)


DRAWN = [
    (strings(pool, escapes=escapes), anything(pool, escapes=escapes), escapes) for pool in POOLS for escapes in STYLES
]


class Writer:
    """Writes one document; ``wild`` says how often it leaves the shape that fields expect, in percent."""

    def __init__(self, draw, wild):
        self.draw, self.wild = draw, wild
        self.texts, self.noise, self.escapes = draw(st.sampled_from(DRAWN))

    def strays(self):
        return self.draw(st.integers(1, 100)) <= self.wild

    def join(self, brackets, parts):
        inside = ",".join(f"{self.draw(SPACE)}{part}{self.draw(SPACE)}" for part in parts)
        return f"{brackets[0]}{inside}{brackets[1]}"

    def member(self, name, value):
        return f"{name}{self.draw(SPACE)}:{self.draw(SPACE)}{value}"

    def spelled(self, name):
        return spelled(name, self.draw(STYLES[self.escapes]))

    def value(self, places):
        if self.strays():
            return self.draw(self.noise)
        leaf = next((field for steps, field in places if not steps), None)
        if isinstance(leaf, JsonField):
            return self.draw(self.texts)
        if leaf:
            keys = self.draw(st.lists(self.texts, max_size=4, unique=not self.strays()))
            return self.join("{}", [self.member(key, self.draw(self.noise)) for key in keys])
        heads = dict.fromkeys(steps[0] for steps, _ in places)
        below = {head: [(steps[1:], field) for steps, field in places if steps[0] == head] for head in heads}
        if all(isinstance(head, str) for head in below):
            return self.members(below)
        length = range(self.draw(st.integers(0, 4)))
        inside = [below.get(EACH) or below.get(at) for at in length]
        return self.join("[]", [self.value(under) if under else self.draw(self.noise) for under in inside])

    def members(self, below):
        members = []
        for name, under in below.items():
            times = self.draw(st.sampled_from([0, 2])) if self.strays() else 1
            members += [self.member(self.spelled(name), self.value(under)) for _ in range(times)]
        others = st.sampled_from([name for name in NAMES if self.escapes or name != '"'])
        for _ in range(self.draw(st.integers(0, 2)) if self.strays() else 0):
            members.append(self.member(self.spelled(self.draw(others)), self.draw(self.noise)))
        return self.join("{}", self.draw(st.permutations(members)))


@st.composite
def shaped(draw, fields, *, wild):
    """Documents for some fields."""
    writer = Writer(draw, wild)
    return draw(SPACE) + writer.value([(field.steps, field) for field in fields]) + draw(SPACE)


class Number(str):
    """A number as it is spelled."""

    __slots__ = ()


def decoded(text):
    """A document as the standard library reads it: objects as pairs, so that no key is lost, and numbers as spelled."""
    return json.loads(text, object_pairs_hook=tuple, parse_int=Number, parse_float=Number)


class Oracle:
    """What fields find in a document.

    Attributes:
        counts: how many findings of each kind.
        document: the decoded document with canonical values in the places of aliases.
    """

    def __init__(self, fields, text):
        self.counts = Counter()
        self.document = decoded(text)
        for field in fields:
            self.normalize = Normalizer(field.vocabulary or INVESTMENT_STAGES)
            self.document = self.walk(field, field.steps, self.document)

    def found(self, kind, value, times=1):
        self.counts[kind] += times
        return value

    def judged(self, text):
        found = self.normalize(text)
        if not isinstance(found, Match):
            return self.found("unknown", text)
        return self.found("canonical" if found.exact else "alias", found.value)

    def walk(self, field, steps, value):
        if not steps:
            if isinstance(field, JsonKeys):
                return self.keys(value) if type(value) is tuple else self.found("unreadable", value)
            return self.judged(value) if type(value) is str else self.found("unreadable", value)
        head, *rest = steps
        if type(value) is not (tuple if isinstance(head, str) else list):
            return self.found("unreadable", value)
        if head is EACH:
            return [self.walk(field, rest, each) for each in value]
        pairs = value if isinstance(head, str) else list(enumerate(value))
        times = [name for name, _ in pairs].count(head)
        if times != 1:
            return self.found("unreadable", value, 1 if times else field.required)
        walked = [(name, self.walk(field, rest, each) if name == head else each) for name, each in pairs]
        return tuple(walked) if isinstance(head, str) else [each for _, each in walked]

    def keys(self, pairs):
        names = [name for name, _ in pairs]
        means = {name: getattr(self.normalize(name), "value", name) for name in names}
        return tuple(
            (
                self.found("unreadable", name)
                if names.count(name) > 1 or (list(means.values()).count(means[name]) > 1 and self.normalize(name).value)
                else self.judged(name),
                each,
            )
            for name, each in pairs
        )


every_tree = pytest.mark.parametrize("name", FIELDS)
THOROUGH = settings(max_examples=150, suppress_health_check=list(HealthCheck))


@every_tree
@THOROUGH
@given(data=st.data())
def test_the_standard_librarys_reading_agrees(guarded, outcome_of, name, data):
    text = data.draw(
        st.one_of(shaped(FIELDS[name], wild=0), shaped(FIELDS[name], wild=12), shaped(FIELDS[name], wild=50))
    )
    oracle = Oracle(FIELDS[name], text)
    endpoint = guarded(*FIELDS[name])
    verdict = endpoint.send(text.encode())
    assert endpoint.counts() == {kind: times for kind, times in oracle.counts.items() if times}
    if oracle.counts["unknown"] or oracle.counts["unreadable"]:
        assert outcome_of(verdict) == "reject"
    elif oracle.counts["alias"]:
        assert decoded(verdict.body) == oracle.document
    else:
        assert outcome_of(verdict) == "pass"


STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@every_tree
@THOROUGH
@given(data=st.data())
def test_rewriting_changes_the_stage_values_and_no_other_byte(guarded, name, data):
    # In warn the unknown and the unreadable pass, and what is an alias beside them is rewritten.
    text = data.draw(st.one_of(shaped(FIELDS[name], wild=0), shaped(FIELDS[name], wild=12)))
    oracle = Oracle(FIELDS[name], text)
    endpoint = guarded(*FIELDS[name], mode="warn")
    after = getattr(endpoint.send(text.encode()), "body", None)
    after = text if after is None else after.decode()
    assert decoded(after) == oracle.document
    assert STRING.split(after) == STRING.split(text), "white space, numbers and structure"
    strings = list(zip(STRING.findall(text), STRING.findall(after), strict=True))
    changed = [(before, after) for before, after in strings if before != after]
    assert len(changed) == oracle.counts["alias"]
    for _, value in changed:
        assert value == json.dumps(json.loads(value), ensure_ascii=False)


@every_tree
@THOROUGH
@given(data=st.data())
@example(data=None)
def test_the_counting_and_the_exact_reading_agree(name, data):
    fields = FIELDS[name]
    bodies = (
        ["{}", "[]", '"seed"']
        if data is None
        else [data.draw(shaped(fields, wild=data.draw(st.sampled_from([0, 5, 25]))))]
    )
    for body in bodies:
        both = []
        for locate in (False, True):
            slots = [Slot(field, Normalizer(field.vocabulary or INVESTMENT_STAGES)) for field in fields]
            reading = JsonReader(slots).read(body.encode(), locate=locate)
            both.append((reading.canonical, reading.counts, reading.rewrite and reading.rewrite()))
        assert both[0] == both[1]


@pytest.mark.parametrize(
    ("fields", "body", "canonical", "aliases"),
    [
        ([JsonField("$.rounds[*].stage")], '{"rounds":[{"stage":"seed"},{"stage":"seed"}]}', 2, 0),
        ([JsonField("$.rounds[*].stage")], '{"rounds":[{"stage":"Seed"},{"stage":"seed"},{"stage":"Seed"}]}', 1, 2),
        ([JsonKeys("$.k")], '{"k":{"seed":0,"series-a":1}}', 2, 0),
        ([JsonKeys("$.k")], '{"k":{"Seed":0,"series-a":1}}', 1, 1),
        ([JsonField("$.a"), JsonField("$.b")], '{"b":"seed","a":"SEED"}', 1, 1),
    ],
)
def test_these_are_settled_by_counting_alone(monkeypatch, fields, body, canonical, aliases):
    monkeypatch.setattr("stagenorm.boundary.json_body.scan", None)
    reading = JsonReader([Slot(field, Normalizer(INVESTMENT_STAGES)) for field in fields]).read(body.encode())
    assert reading.canonical == canonical
    assert reading.counts == ({FindingKind.ALIAS: aliases} if aliases else {})
