"""What a host declares wrongly is an error when it is built, and the message names the place and the fix."""

from datetime import datetime, timezone

import pytest

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    ConfigurationError,
    Endpoint,
    FormField,
    JsonField,
    JsonKeys,
    PathField,
    QueryField,
    Term,
    Vocabulary,
)

QUERY = [QueryField("q")]
EARLY, LATE = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2027, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            ("", "GET", "/", QUERY),
            "endpoint name '': use 1 to 64 of the letters, digits, '_', '.' and '-'; it labels metrics",
        ),
        (("a b", "GET", "/", QUERY), "endpoint name 'a b': use 1 to 64"),
        (("x" * 65, "GET", "/", QUERY), "use 1 to 64"),
        (("\u00e9", "GET", "/", QUERY), "use 1 to 64"),
        (("e\n", "GET", "/", QUERY), "use 1 to 64"),
        (("e", "get", "/", QUERY), "endpoint 'e': method 'get' is no HTTP method in capitals, such as 'POST'"),
        (("e", "", "/", QUERY), "is no HTTP method"),
        (("e", "GET POST", "/", QUERY), "is no HTTP method"),
        (("e", "HEAD", "/", QUERY), "endpoint 'e': HEAD is guarded with GET: declare 'GET'"),
        (("e", "GET", "", QUERY), "path '' must begin with '/', without empty segments, query or fragment"),
        (("e", "GET", "a", QUERY), "must begin with '/'"),
        (("e", "GET", "/a?q=1", QUERY), "must begin with '/'"),
        (("e", "GET", "/a#b", QUERY), "must begin with '/'"),
        (("e", "GET", "/a//b", QUERY), "must begin with '/'"),
        (
            ("e", "GET", "/{a", QUERY),
            "path segment '{a': a parameter fills a whole segment, as {id} or :id, and literal",
        ),
        (("e", "GET", "/a{b}", QUERY), "path segment 'a{b}'"),
        (("e", "GET", "/a}", QUERY), "path segment 'a}'"),
        (("e", "GET", "/{a:int}", QUERY), "path segment '{a:int}'"),
        (("e", "GET", "/{1a}", QUERY), "path segment '{1a}'"),
        (("e", "GET", "/:", QUERY), "path segment ':'"),
        (("e", "GET", "/:a-b", QUERY), "path segment ':a-b'"),
        (("e", "GET", "/a/<id>", QUERY), "endpoint 'e': path segment '<id>': write {id}, not <id>"),
        (("e", "GET", "/<int:id>", QUERY), "write {id}, not <int:id>"),
        (("e", "GET", "/a-<id>", QUERY), "path segment 'a-<id>': write {id}, not <id>"),
        (("e", "GET", "/a%20b", QUERY), "literal text is written decoded"),
        (("e", "GET", "/{a}/{a}", QUERY), "endpoint 'e': path '/{a}/{a}' names a parameter twice"),
        (("e", "GET", "/{a}/:a", QUERY), "names a parameter twice"),
        (("e", "GET", "/", []), "endpoint 'e': no fields: name at least one place where a value sits"),
        (("e", "GET", "/{a}", [PathField("b")]), "PathField 'b' is not in the path '/{a}': write {b}"),
        (
            ("e", "GET", "/", [QueryField("a"), QueryField("a")]),
            "endpoint 'e': field 'a' is declared twice: remove one",
        ),
        (("e", "GET", "/", [JsonField("$.a"), JsonField("$.a")]), "field '$.a' is declared twice"),
        (("e", "GET", "/{a}", [PathField("a"), PathField("a")]), "field 'a' is declared twice"),
        (("e", "POST", "/", [FormField("a"), JsonField("$.a")]), "its body cannot be both JSON and a form"),
        (("e", "POST", "/", [FormField("a"), JsonKeys("$.a")]), "its body cannot be both JSON and a form"),
    ],
)
def test_an_endpoint_that_cannot_work(declared, message):
    with pytest.raises(ConfigurationError) as failure:
        Endpoint(*declared)
    assert message in str(failure.value)


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ({"deprecation": datetime(2026, 1, 1)}, "date 2026-01-01 00:00:00 has no time zone: add tzinfo=timezone.utc"),  # noqa: DTZ001
        ({"sunset": datetime(2026, 1, 1)}, "has no time zone"),  # noqa: DTZ001
        (
            {"deprecation": LATE, "sunset": EARLY},
            "sunset lies before deprecation (RFC 9745, section 4): move one of them",
        ),
    ],
)
def test_dates_that_cannot_be(dates, message):
    with pytest.raises(ConfigurationError) as failure:
        Endpoint("e", "GET", "/", QUERY, **dates)
    assert message in str(failure.value)


def test_these_endpoints_work():
    for name in ("a", "A.b_c-9", "x" * 64):
        assert Endpoint(name, "GET", "/", QUERY).name == name
    assert Endpoint("e", "GET", "/", QUERY, deprecation=EARLY, sunset=EARLY).sunset == EARLY
    both = Endpoint("e", "POST", "/{a}", [QueryField("a"), PathField("a"), FormField("a")])
    assert both.fields == (QueryField("a"), PathField("a"), FormField("a"))
    assert Endpoint("e", "GET", "/", iter(QUERY)) == Endpoint("e", "GET", "/", QUERY)
    assert hash(Endpoint("e", "GET", "/", QUERY)) == hash(Endpoint("e", "GET", "/", QUERY))


@pytest.mark.parametrize("kind", [QueryField, FormField])
@pytest.mark.parametrize("name", ["", "\u00e9", "a\n", "\x00", "\x7f"])
def test_a_parameter_name_is_printable_ascii(kind, name):
    with pytest.raises(ConfigurationError, match="must be printable ASCII and not empty"):
        kind(name)


@pytest.mark.parametrize("name", ["a", "a b", "a[]", "a&b=c", "%", "+"])
def test_any_printable_name_is_found_as_it_is_encoded(guarded, name):
    encoded = "".join(f"%{ord(ch):02X}" for ch in name).encode()
    assert guarded(QueryField(name), method="GET").send(query=encoded + b"=Seed").query == encoded + b"=seed"


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (("a", "GET", "/x"), ("a", "GET", "/y"), "two endpoints are named 'a': rename one"),
        (("a", "GET", "/x"), ("a", "POST", "/y"), "two endpoints are named 'a': rename one"),
        (
            ("a", "GET", "/x"),
            ("b", "GET", "/x/"),
            "endpoints 'a' and 'b' match the same GET paths (/x and /x/): declare one",
        ),
        (("a", "GET", "/x/{i}"), ("b", "GET", "/x/:j"), "match the same GET paths"),
        (("a", "GET", "/x/{i}"), ("b", "GET", "/x/y"), "match the same GET paths"),
        (("a", "GET", "/{i}/y"), ("b", "GET", "/x/{j}"), "match the same GET paths"),
    ],
)
def test_endpoints_that_contradict_each_other(one, other, message):
    with pytest.raises(ConfigurationError) as failure:
        Boundary(INVESTMENT_STAGES, [Endpoint(*one, QUERY), Endpoint(*other, QUERY)])
    assert message in str(failure.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "GET", "/x"), ("b", "POST", "/x")),
        (("a", "GET", "/x"), ("b", "GET", "/X")),
        (("a", "GET", "/x/{i}"), ("b", "GET", "/x")),
        (("a", "GET", "/x/{i}"), ("b", "GET", "/y/{i}")),
        (("a", "GET", "/"), ("b", "GET", "/{i}")),
    ],
)
def test_endpoints_that_do_not(one, other):
    assert len(Boundary(INVESTMENT_STAGES, [Endpoint(*one, QUERY), Endpoint(*other, QUERY)]).endpoints) == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([JsonField("$.a"), JsonField("$['a']")], "field \"$['a']\" is declared twice: remove one"),
        ([JsonField("$.a"), JsonKeys("$.a")], "field '$.a' is declared twice"),
        ([JsonField("$.a"), JsonField("$.a.b")], "one place cannot be a value and an object at once"),
        ([JsonField("$.a.b"), JsonField("$.a")], "one place cannot be a value and an object at once"),
        ([JsonField("$.a"), JsonField("$.a[*]")], "a value and an array ([*])"),
        ([JsonField("$.a[0]"), JsonField("$.a[*]")], "an array ([*]) and an array ([n])"),
        ([JsonField("$.a[0]"), JsonField("$.a.b")], "an object and an array ([n])"),
        ([JsonKeys("$.a"), JsonField("$.a.b")], "an object whose keys are values and an object"),
        ([JsonKeys("$"), JsonField("$.b")], "an object whose keys are values and an object"),
        ([JsonKeys("$"), JsonField("$[0]")], "an object whose keys are values and an array ([n])"),
    ],
)
def test_json_fields_that_contradict_each_other(fields, message):
    with pytest.raises(ConfigurationError) as failure:
        Boundary(INVESTMENT_STAGES, [Endpoint("e", "POST", "/", fields)])
    assert message in str(failure.value)


ANY = [Endpoint("any", "GET", "/", [QueryField("stage")])]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_lets_at_least_a_byte_through(limit):
    with pytest.raises(ConfigurationError, match=f"max_body_bytes is {limit}: give at least 1"):
        Boundary(INVESTMENT_STAGES, ANY, max_body_bytes=limit)
    assert Boundary(INVESTMENT_STAGES, ANY, max_body_bytes=1).max_body_bytes == 1


def test_a_boundary_without_endpoints_guards_nothing():
    with pytest.raises(ConfigurationError, match="no endpoints"):
        Boundary(INVESTMENT_STAGES, [])


def test_what_is_not_said_is_this():
    boundary = Boundary(INVESTMENT_STAGES, ANY)
    assert boundary.max_body_bytes == 1024 * 1024
    assert boundary.endpoints == (*ANY,)
    assert boundary.hooks == []
    assert boundary.modes.view.state("any").mode.value == "warn"


def test_fields_say_what_they_are():
    mine = Vocabulary("mine", [Term("x")])
    assert JsonField("$.a[*]", required=True, vocabulary=mine) == JsonField("$.a[*]", required=True, vocabulary=mine)
    assert JsonField("$.a") != JsonKeys("$.a")
    assert (QueryField("q").required, QueryField("q").repeated, QueryField("q").vocabulary) == (False, False, None)
    assert PathField("p", vocabulary=mine).vocabulary is mine
    assert [field.label for field in (JsonField("$['a']"), QueryField("q"), PathField("p"))] == ["$['a']", "q", "p"]


def test_a_vocabulary_is_no_file_name():
    with pytest.raises(ConfigurationError, match=r"'x\.toml' is no vocabulary: give load_vocabulary\('x\.toml'\)"):
        Boundary("x.toml", [Endpoint("e", "GET", "/", QUERY)])
