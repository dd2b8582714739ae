"""Problem documents are RFC 9457's: they name every offending field, and stay small whatever is sent."""

import json

import pytest

from stagenorm import FormField, JsonField, JsonKeys, QueryField, Term, Vocabulary

ALLOWED = ["pre-seed", "seed", "series-a", "series-b", "series-c", "series-c+"]


def test_an_unknown_value_is_told_in_full(guarded, problem_of):
    verdict = guarded(JsonField("$.rounds[*].stage")).send(b'{"rounds":[{"stage":"seed"},{"stage":"Seies A"}]}')
    assert problem_of(verdict) == {
        "type": "urn:stagenorm:problem:unknown-value",
        "title": "A value is outside the vocabulary",
        "status": 400,
        "detail": "$.rounds[*].stage: 'Seies A' is not in the vocabulary.",
        "errors": [
            {
                "field": "$.rounds[*].stage",
                "finding": "unknown",
                "detail": "'Seies A' is not in the vocabulary",
                "pointer": "/rounds/1/stage",
                "value": "Seies A",
                "suggestions": ["series-a"],
                "allowed": ALLOWED,
            }
        ],
    }
    assert verdict.status == 400
    assert dict(verdict.headers) == {
        b"content-type": b"application/problem+json",
        b"cache-control": b"no-store",
        b"content-length": b"%d" % len(verdict.body),
    }


UNREADABLE = "A value is missing, or cannot be read without doubt"


@pytest.mark.parametrize(
    ("fields", "sent", "status", "slug", "title"),
    [
        ([JsonField("$.s")], {"body": b"{"}, 400, "unreadable", UNREADABLE),
        ([JsonField("$.s", required=True)], {"body": b"{}"}, 400, "unreadable", UNREADABLE),
        ([QueryField("s", required=True)], {}, 400, "unreadable", UNREADABLE),
        ([QueryField("s")], {"query": b"s=x"}, 400, "unknown-value", "A value is outside the vocabulary"),
        ([JsonField("$.s")], {"body": b" " * 101}, 413, "body-too-large", "The body is too large to be checked"),
        (
            [JsonField("$.s")],
            {"body": b"{}", "headers": [(b"content-length", b"2")]},
            *(415, "unsupported-media-type", "The body is in a form that is not read here"),
        ),
        (
            [QueryField("s")],
            {"query": b"s=Seed", "headers": [(b"signature", b"x")]},
            *(400, "sealed-alias", "A signed or digested request must hold canonical values"),
        ),
    ],
)
def test_each_kind_has_its_type_title_and_status(guarded, problem_of, fields, sent, status, slug, title):
    verdict = guarded(*fields, max_body_bytes=100).send(**sent)
    problem = problem_of(verdict)
    assert (problem["type"], problem["title"], problem["status"]) == (f"urn:stagenorm:problem:{slug}", title, status)
    assert verdict.status == status


def test_the_gravest_of_several_findings_decides(guarded, problem_of):
    endpoint = guarded(QueryField("q"), JsonField("$.s"))
    problem = problem_of(endpoint.send(b"{}", query=b"q=x", headers=[(b"content-length", b"2")]))
    assert (problem["status"], problem["type"]) == (415, "urn:stagenorm:problem:unsupported-media-type")
    assert [error["finding"] for error in problem["errors"]] == ["unknown", "unsupported"]
    assert problem["detail"] == "q: 'x' is not in the vocabulary (1 more)."


def test_places_are_pointers_and_parameters(guarded, problem_of):
    endpoint = guarded(JsonField("$['a/b']['~'][*]"), JsonKeys("$.k"), QueryField("q"))
    body = b'{"a/b":{"~":["x"]},"k":{"m/n":1}}'
    problem = problem_of(endpoint.send(body, query=b"q=y"))
    places = [(error.get("parameter"), error.get("pointer")) for error in problem["errors"]]
    assert places == [("q", None), (None, "/a~1b/~0/0"), (None, "/k/m~1n")]
    assert problem_of(guarded(FormField("f")).form(b"f=z"))["errors"][0]["parameter"] == "f"


def test_a_whole_part_has_no_place_and_no_vocabulary(guarded, problem_of):
    (error,) = problem_of(guarded(JsonField("$.s")).send(b"{"))["errors"]
    assert set(error) == {"field", "finding", "detail"}
    assert error["field"] == "body"


def test_values_are_cut_to_64_characters_and_places_to_256(guarded, problem_of):
    (error,) = problem_of(guarded(JsonKeys("$")).send(json.dumps({"x" * 300: 1}).encode()))["errors"]
    assert error["value"] == "x" * 64
    assert error["pointer"] == "/" + "x" * 255


def test_only_ascii_is_written(guarded, problem_of):
    verdict = guarded(JsonField("$.s")).send('{"s":"\u202eSeed\u200b\U0001f600"}'.encode())
    assert verdict.body.isascii()
    (error,) = problem_of(verdict)["errors"]
    assert error["value"] == "\u202eSeed\u200b\U0001f600"
    assert error["detail"].isascii()


def test_a_place_that_cannot_be_read_is_told_with_what_belongs_there(guarded, problem_of):
    (error,) = problem_of(guarded(JsonField("$.s")).send(b'{"s":1}'))["errors"]
    assert error == {
        "field": "$.s",
        "finding": "unreadable",
        "detail": "a number stands where a string belongs",
        "pointer": "/s",
        "suggestions": [],
        "allowed": ALLOWED,
    }


@pytest.mark.parametrize("body", [b"{", b"[1,]", b"{} {}", b"nonsense"])
def test_a_body_that_is_no_json_says_so(guarded, problem_of, body):
    (error,) = problem_of(guarded(JsonField("$.s")).send(body))["errors"]
    assert error["detail"].startswith("the body is not one JSON document: ")
    assert len(error["detail"]) > len("the body is not one JSON document: None")


def test_a_query_in_another_charset_is_told_as_a_whole(guarded, problem_of):
    endpoint = guarded(QueryField("q"))
    problem = problem_of(endpoint.send(query=b"q=seed", headers=[(b"content-type", b"text/plain; charset=latin-1")]))
    assert problem["errors"] == [{"field": "query", "finding": "unreadable", "detail": "the charset is not UTF-8"}]


def test_a_value_that_is_no_string_is_not_repeated(guarded, problem_of):
    (error,) = problem_of(guarded(JsonField("$.s")).send(b'{"s":[1]}'))["errors"]
    assert "value" not in error
    assert error["detail"] == "an array stands where a string belongs"


def test_beyond_a_hundred_the_findings_are_counted(guarded, problem_of):
    problem = problem_of(guarded(JsonField("$[*]")).send(json.dumps(["x"] * 250).encode()))
    assert len(problem["errors"]) == 100
    assert problem["errors_total"] == 250
    assert problem["detail"] == "$[*]: 'x' is not in the vocabulary (249 more)."


def test_a_hundred_are_listed_without_a_total(guarded, problem_of):
    problem = problem_of(guarded(JsonField("$[*]")).send(json.dumps(["x"] * 100).encode()))
    assert len(problem["errors"]) == 100
    assert "errors_total" not in problem


def test_a_large_vocabulary_makes_no_large_document(guarded, problem_of):
    codes = Vocabulary("codes", [Term(f"code-{number:04d}") for number in range(1000)])
    verdict = guarded(JsonField("$[*]"), vocabulary=codes).send(json.dumps(["x"] * 100).encode())
    problem = problem_of(verdict)
    assert len(verdict.body) < 1 << 16
    assert problem["errors"][0]["allowed"] == list(codes.values)
    assert problem["errors_total"] == 100
    assert len(problem["errors"]) == 2


def test_one_error_is_listed_however_long_the_vocabulary(guarded, problem_of):
    codes = Vocabulary("codes", [Term(f"code-{number:05d}") for number in range(5000)])
    problem = problem_of(guarded(QueryField("q"), vocabulary=codes).send(query=b"q=x"))
    assert len(problem["errors"]) == 1
    assert "errors_total" not in problem


def test_head_gets_no_document(guarded):
    for method in ("HEAD", "head"):
        verdict = guarded(QueryField("q"), method="GET").send(query=b"q=x", method=method)
        assert (verdict.status, verdict.body) == (400, b"")
        assert dict(verdict.headers) == {b"content-type": b"application/problem+json", b"cache-control": b"no-store"}
