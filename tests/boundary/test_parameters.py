"""Query strings and forms: what is read, what is rewritten, and what readers would not agree on."""

from collections import Counter
from io import BytesIO
from urllib.parse import parse_qsl, quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams
from werkzeug.wrappers import Request as WerkzeugRequest

from stagenorm import INVESTMENT_STAGES, FormField, Match, Normalizer, QueryField, Term, Vocabulary
from stagenorm.testing import aliases, canonical, unknowns

normalize = Normalizer(INVESTMENT_STAGES)


@pytest.mark.parametrize(
    ("written", "rewritten"),
    [
        (b"s=Seed", b"s=seed"),
        (b"s=Series+A", b"s=series-a"),
        (b"s=Series%20C%2B", b"s=series-c%2B"),
        (b"s=%53%45%45%44", b"s=seed"),
        (b"%73=Seed", b"%73=seed"),
        (b"a=1&s=%EF%BC%B3eed&b=%zz&c", b"a=1&s=seed&b=%zz&c"),
        (b"&&s=seed%20round&", b"&&s=seed&"),
        (b"x=Seed&s=Seed&Seed=s", b"x=Seed&s=seed&Seed=s"),
        (b"x=%FF\xff;y&s=SEED", b"x=%FF\xff;y&s=seed"),
    ],
)
def test_an_alias_is_rewritten_and_all_else_stays(guarded, written, rewritten):
    assert guarded(QueryField("s"), method="GET").send(query=written).query == rewritten
    assert guarded(FormField("s")).form(written).body == rewritten


@pytest.mark.parametrize(
    "written", [b"s=seed", b"s=series-c%2B", b"s=%73eed", b"s=series%2Da", b"", b"x=1", b"S=x", b"s%20=x"]
)
def test_canonical_and_absent_values_pass(guarded, outcome_of, written):
    assert outcome_of(guarded(QueryField("s"), method="GET").send(query=written)) == "pass"
    assert outcome_of(guarded(FormField("s")).form(written)) == "pass"


@pytest.mark.parametrize(
    ("written", "finding", "value", "why"),
    [
        (b"s=growth", "unknown", "growth", "'growth' is not in the vocabulary"),
        (b"s", "unknown", "", "the value is empty"),
        (b"s=", "unknown", "", "the value is empty"),
        (b"s=seed=x", "unknown", "seed=x", "'seed=x' is not in the vocabulary"),
        (b"s=a+b", "unknown", "a b", "'a b' is not in the vocabulary"),
        (b"s=%00seed", "unknown", "\x00seed", "holds a control character"),
        (b"s=seed%", "unknown", "seed%", "'seed%' is not in the vocabulary"),
        (b"s=%zz", "unknown", "%zz", "'%zz' is not in the vocabulary"),
        (b"s=" + b"seed" * 65, "unknown", ("seed" * 65)[:64], "more than 256 characters"),
        (b"s=" + b"%F0%9F%98%80" * 257, "unknown", "\U0001f600" * 64, "more than 256 characters"),
        (b"s=" + b"%F0%9F%98%80" * 9999, "unknown", "\U0001f600" * 64, "more than 256 characters"),
        (b"s=" + b"+" * 5000, "unknown", " " * 64, "more than 256 characters"),
        (b"s=seed&s=seed", "unreadable", None, "the parameter stands more than once"),
        (b"s=seed&%73=x", "unreadable", None, "the parameter stands more than once"),
        (b"s&s=seed", "unreadable", None, "the parameter stands more than once"),
        (b"s=seed;s=seed", "unreadable", None, "the parameter stands more than once"),
        (b"s=seed;x=1", "unreadable", "seed", "a ';' separates the parameter for some readers"),
        (b"x=1;s=seed", "unreadable", "seed", "a ';' separates the parameter for some readers"),
        (b"s=seed;", "unreadable", "seed", "a ';' separates the parameter for some readers"),
        (b";s=seed", "unreadable", "seed", "a ';' separates the parameter for some readers"),
        (b"s=s\xc3\xa9ed", "unreadable", "s\xc3\xa9ed", "raw bytes beyond ASCII: percent-encode it as UTF-8"),
        (b"s=seed\xff", "unreadable", "seed\xff", "raw bytes beyond ASCII"),
        (b"s=%C3%28", "unreadable", "%C3%28", "the value is not percent-encoded UTF-8"),
        (b"s=seed%ED%A0%80", "unreadable", "seed%ED%A0%80", "the value is not percent-encoded UTF-8"),
        (b"s=Series+C+", "unreadable", "Series+C+", "write %2B for the letter, as in Series%20C%2B"),
        (b"s=series-c+", "unreadable", "series-c+", "a raw '+' stands for a space, where none belongs"),
        (b"s=+seed", "unreadable", "+seed", "a raw '+'"),
        (b"s=+", "unreadable", "+", "a raw '+'"),
        (b"s=Series++A", "unreadable", "Series++A", "a raw '+'"),
        (b"s=Series+%20A", "unreadable", "Series+%20A", "a raw '+'"),
        (b"s=Series-+A", "unreadable", "Series-+A", "a raw '+'"),
        (b"s=Series+_A", "unreadable", "Series+_A", "a raw '+'"),
        (b"s=Series+%E2%80%93A", "unreadable", "Series+%E2%80%93A", "a raw '+'"),
    ],
)
def test_anything_else_is_refused_and_the_reason_told(guarded, problem_of, written, finding, value, why):
    for verdict in (
        guarded(QueryField("s"), method="GET").send(query=written),
        guarded(FormField("s")).form(written),
    ):
        (error,) = problem_of(verdict)["errors"]
        assert (error["finding"], error["field"], error["parameter"]) == (finding, "s", "s")
        assert error.get("value") == value
        assert why in error["detail"]


def test_a_parameter_that_may_stand_often_is_judged_each_time(guarded, problem_of):
    endpoint = guarded(QueryField("s", repeated=True), method="GET")
    assert endpoint.send(query=b"s=Seed&x&s=seed&s=SEED&%73=Seed").query == b"s=seed&x&s=seed&s=seed&%73=seed"
    assert endpoint.counts() == {"canonical": 1, "alias": 3}
    problem = problem_of(endpoint.send(query=b"s=x&s=seed&s=y&s=x&s=Seed;"))
    assert [(error["finding"], error["value"]) for error in problem["errors"]] == [
        *(("unknown", "x"), ("unknown", "y"), ("unreadable", "Seed"))
    ]
    assert problem["errors_total"] == 4
    assert endpoint.counts() == {"unknown": 3, "unreadable": 1, "canonical": 1}


def test_beyond_a_hundred_values_they_are_counted(guarded, problem_of):
    endpoint = guarded(QueryField("s", repeated=True), method="GET")
    problem = problem_of(endpoint.send(query="&".join(f"s=x{number}" for number in range(150)).encode()))
    assert (len(problem["errors"]), problem["errors_total"]) == (100, 150)
    assert len(endpoint.events[-1].findings) == 100


def test_a_required_parameter_must_be_there(guarded, problem_of, outcome_of):
    endpoint = guarded(QueryField("s", required=True), QueryField("t"), method="GET")
    problem = problem_of(endpoint.send(query=b"t=seed"))
    assert problem["detail"] == "s: the parameter is required and absent."
    assert outcome_of(endpoint.send(query=b"s=seed")) == "pass"
    form = guarded(FormField("s", required=True))
    assert problem_of(form.send(b""))["detail"] == "s: the parameter is required and absent."
    assert problem_of(form.form(b"t=seed"))["detail"] == "s: the parameter is required and absent."


def test_each_parameter_has_its_own_vocabulary_and_order_does_not_matter(guarded):
    sides = Vocabulary("sides", [Term("left"), Term("a&b=c", aliases=("seed",))])
    endpoint = guarded(QueryField("t", vocabulary=sides), QueryField("s"), method="GET")
    assert endpoint.send(query=b"s=Seed&t=Seed").query == b"s=seed&t=a%26b%3Dc"
    assert endpoint.send(query=b"t=LEFT&s=Seed").query == b"t=left&s=seed"


def test_a_query_and_a_form_are_two_parts(guarded):
    verdict = guarded(QueryField("s"), FormField("s")).form(b"s=Series+A", query=b"s=Seed")
    assert (verdict.query, verdict.body) == (b"s=seed", b"s=series-a")


@settings(max_examples=300)
@given(
    st.one_of(canonical(INVESTMENT_STAGES), aliases(INVESTMENT_STAGES), unknowns(INVESTMENT_STAGES)),
    st.sampled_from(
        [lambda text: quote(text, safe=""), lambda text: "".join(f"%{byte:02x}" for byte in text.encode())]
    ),
)
def test_a_value_means_the_same_however_it_is_encoded(guarded, outcome_of, text, encode):
    found = normalize(text)
    verdict = guarded(QueryField("s"), method="GET").send(query=f"s={encode(text)}".encode())
    if not isinstance(found, Match):
        assert outcome_of(verdict) == "reject"
    elif found.exact:
        assert outcome_of(verdict) == "pass"
    else:
        assert parse_qsl(verdict.query) == [(b"s", found.value.encode())]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["series", "a", "c+", "seed", "round", "x", "\u00e9"]), min_size=1, max_size=4))
def test_a_plus_between_words_is_a_space(guarded, outcome_of, words):
    text = " ".join(words)
    verdict = guarded(QueryField("s"), method="GET").send(query=f"s={quote_plus(text)}".encode())
    found = normalize(text)
    assert outcome_of(verdict) == ("reject" if not isinstance(found, Match) else "pass" if found.exact else "rewrite")


TOKENS = [
    *(b"stage", b"stage=", b"stage=seed", b"stage=Seed", b"stage=bad", b"seed", b"=", b"&", b"&&", b";", b"+", b"%"),
    *(
        b"%2B",
        b"%26",
        b"%3D",
        b"%3B",
        b"%00",
        b"\x00",
        b"#",
        b"?",
        b" ",
        b"\t",
        b"\r\n",
        b"\n",
        b"%0a",
        b"%zz",
        b"%u0073",
    ),
    *(b"st%61ge=", b"%73tage", b"sta+ge", b"\xc3\xa9", b"\xff", b"%ff", b"%C3%28", b"series-c+", b"Series+C", b"x=1"),
    *(b"[]", b'"', b"_charset_=utf-16", b"\xef\xbb\xbf", b"%EF%BB%BF", b"\x85", b"\xa0", b"%c2%a0", b"stage%00=bad"),
]
ENCODED = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=7).map(b"".join)


def werkzeug(query=b"", body=b""):
    environ = {"QUERY_STRING": query.decode("latin-1"), "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    environ |= {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "SERVER_NAME": "h", "SERVER_PORT": "80"}
    environ |= {"wsgi.url_scheme": "http", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    request = WerkzeugRequest(environ)
    try:
        return (request.form if body else request.args).getlist("stage")
    except UnicodeDecodeError:  # raw bytes that are not UTF-8 end in a 500
        return []


READERS = {
    "urllib": lambda query: [
        value for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name == "stage"
    ],
    "starlette": lambda query: QueryParams(query).getlist("stage"),
    "werkzeug": werkzeug,
    "werkzeug form": lambda body: werkzeug(body=body),
}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(encoded=ENCODED)
@example(encoded=b"stage=seed&\xef\xbb\xbfstage=bad")
@example(encoded=b"stage=seed&sta%67e=bad")
def test_what_the_boundary_lets_through_no_reader_reads_otherwise(guarded, outcome_of, reader, encoded):
    verdict = guarded(QueryField("stage"), method="GET").send(query=encoded)
    if outcome_of(verdict) != "reject":
        read = READERS[reader](getattr(verdict, "query", encoded))
        assert len(read) <= 1
        assert set(read) <= set(INVESTMENT_STAGES)


@settings(max_examples=600)
@given(ENCODED)
def test_rewriting_changes_the_values_of_the_parameter_and_no_other_byte(guarded, encoded):
    endpoint = guarded(QueryField("stage", repeated=True), method="GET", mode="warn")
    after = getattr(endpoint.send(query=encoded), "query", encoded)
    before, after = encoded.split(b"&"), after.split(b"&")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == endpoint.counts().get("alias", 0)
    for old, new in changed:
        assert old.partition(b"=")[0] == new.partition(b"=")[0]
        assert new.partition(b"=")[2] in {quote(value, safe="").encode() for value in INVESTMENT_STAGES}


@settings(max_examples=600)
@given(ENCODED)
def test_the_standard_librarys_reading_agrees(guarded, encoded):
    """Where nothing is unreadable, what is found is what urllib reads."""
    endpoint = guarded(QueryField("stage", repeated=True), method="GET")
    endpoint.send(query=encoded)
    counts = endpoint.counts()
    if "unreadable" not in counts:
        read = [
            value for name, value in parse_qsl(encoded.decode("latin-1"), keep_blank_values=True) if name == "stage"
        ]
        kinds = [
            "unknown" if not isinstance(found, Match) else "canonical" if found.exact else "alias"
            for found in map(normalize, read)
        ]
        assert counts == dict(Counter(kinds))


def test_an_ambiguous_parameter_stays_as_it_is_beside_an_alias(guarded):
    endpoint = guarded(FormField("s"), FormField("t"), mode="warn")
    verdict = endpoint.form(b"s=Seed&s=Series%20A&t=Seed")
    assert verdict.body == b"s=Seed&s=Series%20A&t=seed"
    assert endpoint.counts() == {"unreadable": 1, "alias": 1}
