"""What is found, to the letter: kind, field, place, value and explanation, for every way that a value can be wrong."""

import json
import logging

import pytest

from stagenorm import FormField, JsonField, JsonKeys, PathField, QueryField, Term, Vocabulary
from stagenorm.events import FindingKind

EACH, STAGE, KEYS, ITEM = JsonField("$[*]"), JsonField("$.a[*].s"), JsonKeys("$.k"), JsonField("$.l[1]")
NEEDED = JsonField("$.a.s", required=True)
NEEDED_ITEM = JsonField("$.l[2].s", required=True)
NEEDED_EACH = JsonField("$.a[*].s", required=True)

JSON = {
    # (field, body): (kind, where, raw, detail)...
    (STAGE, b'{"a":[{"s":1}]}'): [("unreadable", "/a/0/s", None, "a number stands where a string belongs")],
    (STAGE, b'{"a":[{"s":1.5e3}]}'): [("unreadable", "/a/0/s", None, "a number stands where a string belongs")],
    (STAGE, b'{"a":[{"s":true}]}'): [("unreadable", "/a/0/s", None, "a boolean stands where a string belongs")],
    (STAGE, b'{"a":[{"s":null}]}'): [("unreadable", "/a/0/s", None, "null stands where a string belongs")],
    (STAGE, b'{"a":[{"s":{}}]}'): [("unreadable", "/a/0/s", None, "an object stands where a string belongs")],
    (STAGE, b'{"a":[{"s":[]}]}'): [("unreadable", "/a/0/s", None, "an array stands where a string belongs")],
    (STAGE, b'{"a":{"s":"seed"}}'): [("unreadable", "/a", None, "an object stands where an array belongs")],
    (STAGE, b'{"a":"seed"}'): [("unreadable", "/a", None, "a string stands where an array belongs")],
    (STAGE, b'{"a":["seed"]}'): [("unreadable", "/a/0", None, "a string stands where an object belongs")],
    (STAGE, b'[{"s":"seed"}]'): [("unreadable", "", None, "an array stands where an object belongs")],
    (STAGE, b'{"a":[{"s":"x"},{"s":"seed"},{"s":"y"}]}'): [
        ("unknown", "/a/0/s", "x", "'x' is not in the vocabulary"),
        ("unknown", "/a/2/s", "y", "'y' is not in the vocabulary"),
    ],
    (STAGE, b'{"a":[{"s":"Seed"},{"s":"seed"}]}'): [("alias", "", "Seed", "the value is an alias")],
    (STAGE, b'{"a":[{"s":"Seed","t":"Seed"}]}'): [("alias", "/a/0/s", "Seed", "the value is an alias")],
    (STAGE, b'{"a":[{"s":"seed","s":"seed"}]}'): [("unreadable", "/a/0/s", None, "the key 's' stands twice")],
    (STAGE, b'{"a":[{"s":"seed","\\u0073":"seed"}]}'): [("unreadable", "/a/0/s", None, "the key 's' stands twice")],
    (STAGE, b'{"a":[],"a":[]}'): [("unreadable", "/a", None, "the key 'a' stands twice")],
    (STAGE, b'{"a":[{"s":"seed","x":1,"x":2}],"x":1,"x":2}'): [],
    (KEYS, b'{"k":{"x":1}}'): [("unknown", "/k/x", "x", "'x' is not in the vocabulary")],
    (KEYS, b'{"k":{"seed":1,"seed":2}}'): [("unreadable", "/k/seed", "seed", "the key stands twice")] * 2,
    (KEYS, b'{"k":{"Seed":1,"seed":2,"series-a":3}}'): [
        ("unreadable", "/k/Seed", "Seed", "two keys become 'seed'"),
        ("unreadable", "/k/seed", "seed", "two keys become 'seed'"),
    ],
    (KEYS, b'{"k":{"a/b~c":1}}'): [("unknown", "/k/a~1b~0c", "a/b~c", "'a/b~c' is not in the vocabulary")],
    (KEYS, b'{"k":{}}'): [],
    (KEYS, b'{"k":[]}'): [("unreadable", "/k", None, "an array stands where an object belongs")],
    (KEYS, b'{"k":"seed"}'): [("unreadable", "/k", None, "a string stands where an object belongs")],
    (ITEM, b'{"l":["x","y","z"]}'): [("unknown", "/l/1", "y", "'y' is not in the vocabulary")],
    (ITEM, b'{"l":["x"]}'): [],
    (ITEM, b'{"l":{"1":"seed"}}'): [("unreadable", "/l", None, "an object stands where an array belongs")],
    (NEEDED, b"{}"): [("unreadable", "/a", None, "the value is required and absent")],
    (NEEDED, b'{"a":{}}'): [("unreadable", "/a/s", None, "the value is required and absent")],
    (NEEDED, b""): [("unreadable", "", None, "the value is required and there is no body")],
    (NEEDED_ITEM, b'{"l":[1,2]}'): [("unreadable", "/l/2", None, "the value is required and absent")],
    (NEEDED_EACH, b'{"a":[{"s":"seed"},{}]}'): [("unreadable", "/a/1/s", None, "the value is required and absent")],
    (NEEDED_EACH, b'{"a":[]}'): [],
    (JsonField("$.a.s"), b"{}"): [],
    (EACH, b'["Seed\\u200b"]'): [
        ("unknown", "/0", "Seed\u200b", "'Seed\\u200b' holds an invisible character (U+200B ZERO WIDTH SPACE)")
    ],
    (EACH, b'\xef\xbb\xbf["seed"]'): [
        ("unreadable", "", None, "the body begins with a byte order mark: send UTF-8 without one")
    ],
    (EACH, '["seed"]'.encode("utf-16")): [
        ("unreadable", "", None, "the body begins with a byte order mark: send UTF-8 without one")
    ],
    (EACH, b"\xfe\xff" + '["seed"]'.encode("utf-16-be")): [
        ("unreadable", "", None, "the body begins with a byte order mark: send UTF-8 without one")
    ],
    (EACH, b"\x00\x00\xfe\xff" + '["seed"]'.encode("utf-32-be")): [
        ("unreadable", "", None, "the body begins with a byte order mark: send UTF-8 without one")
    ],
    (EACH, '["seed"]'.encode("utf-16-le")): [
        ("unreadable", "", None, "the body looks like UTF-16 or UTF-32: send UTF-8")
    ],
    (EACH, '["seed"]'.encode("utf-32-be")): [
        ("unreadable", "", None, "the body looks like UTF-16 or UTF-32: send UTF-8")
    ],
    (STAGE, b'{"note":"\xff"}'): [("unreadable", "", None, "the body is not UTF-8")],
    (STAGE, b'{"note":"' + b"x" * 70_000 + b'\xc3"}'): [("unreadable", "", None, "the body is not UTF-8")],
    (STAGE, b'{"note":"x"}\xc3'): [("unreadable", "", None, "the body is not UTF-8")],
    (EACH, b"[" * 129 + b"]" * 129): [("unreadable", "", None, "the body nests more than 128 deep")],
    (EACH, b"[" * 100_000): [("unreadable", "", None, "the body nests more than 128 deep")],
    (STAGE, b'{"x":' + b"[" * 128 + b"]" * 128 + b"}"): [("unreadable", "", None, "the body nests more than 128 deep")],
    (STAGE, b'{"x":' + b"[" * 127 + b"]" * 127 + b"}"): [],
    (STAGE, b'{"x":' + b'{"y":' * 127 + b"1" + b"}" * 128): [],
    (STAGE, b'{"x":' + b'{"y":' * 128 + b"1" + b"}" * 129): [
        ("unreadable", "", None, "the body nests more than 128 deep")
    ],
    (STAGE, b'{"x":"' + b"[" * 500 + b'","y":[' + b"[]," * 300 + b"1]}"): [],
    (STAGE, b'{"x":"\\"' + b"[" * 500 + b'"}'): [],
}


def shown(findings):
    return [(each.kind.value, each.where, each.raw, each.detail) for each in findings]


@pytest.mark.parametrize(
    ("field", "body"), JSON, ids=lambda part: part.path if hasattr(part, "path") else repr(part)[:40]
)
def test_json(guarded, field, body):
    one = guarded(field)
    one.send(body)
    (event,) = one.events
    assert shown(event.findings) == JSON[field, body]
    assert {each.field for each in event.findings} <= {field.path, "body"}
    assert sum(times for kind, times in event.counts.items() if kind is not FindingKind.CANONICAL) == len(
        event.findings
    )


@pytest.mark.parametrize("depth", [126, 127, 128])
def test_nesting_is_counted_with_what_leads_to_a_value(guarded, depth):
    body = b'{"a":[{"s":"%s","x":' + b"[" * depth + b"]" * depth + b"}]}"
    for value in (b"seed", b"Seed", b"x", b"s\\u0065ed"):
        one = guarded(STAGE)
        one.send(body % value)
        nested = [each for each in one.events[0].findings if "nests" in each.detail]
        assert bool(nested) == (depth + 3 > 128), (depth, value)


@pytest.mark.parametrize("depth", [126, 127])
def test_nesting_is_counted_in_an_array_too(guarded, depth):
    body = b'[{"s":"%s","x":' + b"[" * depth + b"]" * depth + b"}]"
    for value in (b"seed", b"Seed", b"x", b"s\\u0065ed"):
        one = guarded(JsonField("$[*].s"))
        one.send(body % value)
        nested = [each for each in one.events[0].findings if "nests" in each.detail]
        assert bool(nested) == (depth + 2 > 128), (depth, value)


PARAMETERS = {
    b"": [],
    b"s=seed": [],
    b"%73=seed&x=1": [],
    b"s=angel": [("unknown", "s", "angel", "'angel' is not in the vocabulary")],
    b"s=": [("unknown", "s", "", "the value is empty")],
    b"s": [("unknown", "s", "", "the value is empty")],
    b"s=seed&s=seed": [("unreadable", "s", None, "the parameter stands more than once")],
    b"s=Series+A": [("alias", "s", "Series A", "the value is an alias")],
    b"x=1;s=seed": [
        (
            "unreadable",
            "s",
            "seed",
            "a ';' separates the parameter for some readers and not for others: use '&', or %3B for the letter",
        )
    ],
    b"s=seed;": [
        (
            "unreadable",
            "s",
            "seed",
            "a ';' separates the parameter for some readers and not for others: use '&', or %3B for the letter",
        )
    ],
    b"s=seed&x=1;y=2": [],
    b"s=s\xc3\xa9ed": [
        ("unreadable", "s", "s\xc3\xa9ed", "the value holds raw bytes beyond ASCII: percent-encode it as UTF-8")
    ],
    b"s=%C3%28": [("unreadable", "s", "%C3%28", "the value is not percent-encoded UTF-8")],
}
PLUS = "a raw '+' stands for a space, where none belongs: write %2B for the letter, as in Series%20C%2B"
PLUSES = [
    b"Series+C+",
    b"+seed",
    b"Series+C++round",
    b"series-c+%20round",
    b"series-c%20+round",
    b"series-+c",
    b"+",
    b"Series+_C",
]
PARAMETERS |= {b"s=" + raw: [("unreadable", "s", raw.decode(), PLUS)] for raw in PLUSES}


@pytest.mark.parametrize("encoded", PARAMETERS, ids=repr)
def test_queries_and_forms(guarded, encoded):
    query, form = guarded(QueryField("s"), method="GET"), guarded(FormField("s"))
    query.send(query=encoded)
    form.form(encoded)
    assert shown(query.events[0].findings) == PARAMETERS[encoded]
    assert shown(form.events[0].findings) == PARAMETERS[encoded]


def test_a_required_parameter(guarded):
    one = guarded(QueryField("s", required=True), method="GET")
    one.send(query=b"x=1")
    assert shown(one.events[0].findings) == [("unreadable", "s", None, "the parameter is required and absent")]


def test_a_repeated_parameter_is_judged_each_time(guarded):
    one = guarded(QueryField("s", repeated=True), method="GET", mode="warn")
    verdict = one.send(query=b"s=Seed&x=Seed&s=series-a&s=Series%20B")
    assert verdict.query == b"s=seed&x=Seed&s=series-a&s=series-b"
    assert one.counts() == {"canonical": 1, "alias": 2}
    one.send(query=b"s=seed&s=series-a&s=seed&s=%73eed")
    assert one.counts() == {"canonical": 4}
    one.send(query=b"s=%ff&s=x&s=%ff&s=x&s=%fe")
    assert one.counts() == {"unreadable": 3, "unknown": 2}


def test_only_the_bytes_of_parameters_change(guarded):
    verdict = guarded(QueryField("s"), QueryField("t"), method="GET").send(query=b"&&%74=Series%20C%2B&=&x=%7e&s=Seed&")
    assert verdict.query == b"&&%74=series-c%2B&=&x=%7e&s=seed&"


def test_aliases_are_told_in_the_order_in_which_they_stand(guarded):
    forms = ["Seed", "Series A", "Series_B", "Pre Seed", "SEED", "Series-C"]
    one = guarded(STAGE)
    one.send(json.dumps({"a": [{"s": form} for form in forms]}).encode())
    assert [each.raw for each in one.events[0].findings] == forms


def test_only_the_bytes_of_values_change(guarded):
    body = b' {"n" : -0.0E+0 ,"a":[ {"s":"Seed","t":"Seed"},\t{"s" :"S\\u0065ries A"} ],"a2":1e999}\n'
    verdict = guarded(STAGE).send(body)
    assert verdict.body == b' {"n" : -0.0E+0 ,"a":[ {"s":"seed","t":"Seed"},\t{"s" :"series-a"} ],"a2":1e999}\n'


@pytest.mark.parametrize(
    ("header", "sealed"),
    [
        (b"signature", True),
        (b"signature-input", True),
        (b"x-hub-signature-256", True),
        (b"stripe-signature", True),
        (b"x-shopify-hmac-sha256", True),
        (b"content-digest", False),
        (b"repr-digest", False),
        (b"digest", False),
        (b"content-md5", False),
        (b"x-amz-content-sha256", False),
        (b"x-content-sha512", False),
        (b"content-sha1", False),
        (b"x-body-hash", False),
        (b"x-checksum", False),
    ],
)
def test_a_digest_seals_the_body_and_a_signature_everything(guarded, header, sealed):
    one = guarded(JsonField("$.s"), QueryField("q"), PathField("p"), path="/e/{p}", mode="warn")
    body = b'{"s":"Seed"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"12"), (header, b"x")]
    verdict = one.send(body, query=b"q=Seed", path="/e/Seed", headers=headers)
    kinds = sorted((each.kind.value, each.where) for each in one.events[0].findings)
    if sealed:
        assert kinds == [("sealed-alias", "/s"), ("sealed-alias", "p"), ("sealed-alias", "q")]
        assert not hasattr(verdict, "body")
    else:
        assert kinds == [("alias", "p"), ("alias", "q"), ("sealed-alias", "/s")]
        assert (verdict.path, verdict.query, verdict.body) == ("/e/seed", b"q=seed", None)
    sealed_ones = [each for each in one.events[0].findings if each.kind is FindingKind.SEALED_ALIAS]
    assert {each.detail for each in sealed_ones} == {
        "the value is an alias, and a digest or signature forbids rewriting it: send a canonical value"
    }


@pytest.mark.parametrize("header", [b"signature", b"content-digest"])
def test_a_seal_changes_what_an_alias_is_and_nothing_else(guarded, header):
    one = guarded(JsonField("$.s[*]"), JsonKeys("$.k"), QueryField("q", repeated=True), mode="warn")
    body = b'{"s":["Seed","x","seed",1,"Seed"],"k":{"Seed":1,"y":2}}'
    headers = [(b"content-type", b"application/json"), (header, b"x")]
    one.send(body, query=b"q=seed&q=z;&q=angel", headers=headers)
    sealed = "the value is an alias, and a digest or signature forbids rewriting it: send a canonical value"
    assert shown(one.events[0].findings)[1:] == [
        ("unknown", "q", "angel", "'angel' is not in the vocabulary"),
        ("sealed-alias", "/s/0", "Seed", sealed),
        ("unknown", "/s/1", "x", "'x' is not in the vocabulary"),
        ("unreadable", "/s/3", None, "a number stands where a string belongs"),
        ("sealed-alias", "/s/4", "Seed", sealed),
        ("sealed-alias", "/k/Seed", "Seed", sealed),
        ("unknown", "/k/y", "y", "'y' is not in the vocabulary"),
    ]
    assert one.counts() == {"canonical": 2, "sealed-alias": 3, "unknown": 3, "unreadable": 2}


@pytest.mark.parametrize("header", [b"signature", b"hmac", b"digest", b"content-md5", b"sha256"])
@pytest.mark.parametrize("others", [[], [(b"host", b"x"), (b"x-app", b"y")]])
def test_a_seal_counts_wherever_it_stands(guarded, header, others):
    media = (b"content-type", b"application/json")
    for headers in ([(header, b"x"), media, *others], [media, *others, (header, b"x")]):
        one = guarded(JsonField("$.s"))
        one.send(b'{"s":"Seed"}', headers=headers)
        assert one.counts() == {"sealed-alias": 1}


@pytest.mark.parametrize(
    "value",
    [
        b"Signature keyId=a,signature=b",
        b"AWS4-HMAC-SHA256 Credential=a",
        b'Hawk id="a"',
        b"acs-hmac x",
        b'Digest uri="/"',
    ],
)
def test_an_authorization_that_signs_the_request_seals_it(guarded, value):
    headers = [(b"content-type", b"application/json"), (b"content-length", b"12"), (b"authorization", value)]
    one = guarded(JsonField("$.s"), QueryField("q"), mode="warn")
    one.send(b'{"s":"Seed"}', query=b"q=Seed", headers=headers)
    assert one.counts() == {"sealed-alias": 2}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"authorization", b"Bearer signature"),
        (b"authorization", b"Basic aG1hYw=="),
        (b"x-app", b"signature"),
        (b"x-shard", b"1"),
        (b"x-hashtag", b"a"),
    ],
)
def test_any_other_header_seals_nothing(guarded, header, value):
    headers = [(b"content-type", b"application/json"), (b"content-length", b"12"), (header, value)]
    assert guarded(JsonField("$.s")).send(b'{"s":"Seed"}', headers=headers).body == b'{"s":"seed"}'


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/e/Series%20A/%78", b"/e/series-a/%78"),
        (b"/v1/e/Series%20A/x", b"/v1/e/series-a/x"),
        (b"/e/Series A/x", b"/e/series-a/x"),
        (b"/e/other/x", None),
        (b"x", None),
        (None, None),
    ],
)
def test_the_raw_path_follows(guarded, raw, expected):
    verdict = guarded(PathField("p"), path="/e/{p}/{q}").send(path="/e/Series A/x", raw_path=raw)
    assert verdict.path == "/e/series-a/x"
    assert verdict.raw_path == expected


def test_a_hook_that_raises_is_logged_and_harms_nobody(guarded, outcome_of, caplog):
    def broken(event):
        raise RuntimeError(event.endpoint)

    one = guarded(EACH)
    one.boundary.hooks.insert(0, broken)
    assert outcome_of(one.send(b'["seed"]')) == "pass"
    assert len(one.events) == 1  # the hooks behind it still hear
    (record,) = caplog.records
    assert record.name == "stagenorm"
    assert record.levelname == "ERROR"
    assert "hook" in record.getMessage()
    assert "broken" in record.getMessage()
    assert record.exc_info[0] is RuntimeError


def test_a_body_larger_than_the_limit_is_named_with_the_limit(guarded, problem_of):
    one = guarded(EACH, max_body_bytes=8)
    assert problem_of(one.send(b'["seed"] '))["detail"] == "body: the body has more than 8 bytes: send less."
    assert one.counts() == {"too-large": 1}
    assert one.send(b'["seed"]') is not None
    assert one.counts() == {"canonical": 1}


def test_two_vocabularies_in_one_body(guarded):
    colours = Vocabulary("colours", [Term("red", aliases=("Seed",)), Term("seed-green")])
    one = guarded(JsonField("$.s"), JsonField("$.c", vocabulary=colours), JsonKeys("$.k", vocabulary=colours))
    verdict = one.send(b'{"s":"Seed","c":"Seed","k":{"Seed":"Seed","seed green":1}}')
    assert verdict.body == b'{"s":"seed","c":"red","k":{"red":"Seed","seed-green":1}}'
    assert one.counts() == {"alias": 4}


def test_a_log_handler_that_raises_harms_nobody(guarded, outcome_of):
    def broken(*_):
        raise RuntimeError

    handler = logging.Handler()
    handler.emit = broken
    one = guarded(EACH)
    one.boundary.hooks.insert(0, broken)
    logging.getLogger("stagenorm").addHandler(handler)
    try:
        assert outcome_of(one.send(b'["seed"]')) == "pass"
        assert outcome_of(one.send(b'["Seed"]')) == "rewrite"
        one.boundary.modes = None
        assert outcome_of(one.send(b'["Seed"]')) == "pass"
    finally:
        logging.getLogger("stagenorm").removeHandler(handler)
    assert len(one.events) == 3
