"""What headers say of a body and a query: media types, charsets and encodings that readers would not agree on."""

import pytest

from stagenorm import FormField, JsonField, QueryField

JSON = b'{"s":"seed"}'


def typed(*values, **others):
    lengths = [(b"content-length", b"12")]
    return [*((b"content-type", value) for value in values), *((n.encode(), v) for n, v in others.items()), *lengths]


@pytest.mark.parametrize(
    "media",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json ; charset=UTF-8",
        b'application/json;charset="utf-8"',
        b"application/json;charset=utf8;x=y",
        b"application/vnd.api+json",
        b"application/problem+json; charset=utf-8",
    ],
)
def test_these_are_json(guarded, outcome_of, media):
    assert outcome_of(guarded(JsonField("$.s")).send(JSON, headers=typed(media))) == "pass"


@pytest.mark.parametrize(
    ("media", "why"),
    [
        ([], "no Content-Type header: send application/json"),
        ([b""], "the media type is not application/json"),
        ([b"text/plain"], "the media type is text/plain, not application/json"),
        ([b"text/json"], "the media type is text/json, not application/json"),
        ([b"text/x+json"], "the media type is text/x+json, not application/json"),
        ([b"application/jsonx"], "the media type is application/jsonx, not application/json"),
        (
            [b"application/x-www-form-urlencoded"],
            "the media type is application/x-www-form-urlencoded, not application/json",
        ),
        ([b"Multipart/Form-Data; boundary=x"], "the media type is multipart/form-data, not application/json"),
        ([b"text/<b>"], "the media type is not application/json"),
        ([b"text/a b"], "the media type is not application/json"),
        ([b"text/\xe9"], "the media type is not application/json"),
        ([b"text/" + b"x" * 60], "the media type is not application/json"),
        ([b"application/json; charset=utf-16"], "the charset is not UTF-8"),
        ([b"application/json;charset=utf-16"], "the charset is not UTF-8"),
        ([b"application/json; charset="], "the charset is not UTF-8"),
        ([b"application/json; charset=utf-7=utf-8"], "the charset is not UTF-8"),
        ([b"application/json; charset=utf-8; charset=utf-7"], "the charset is not UTF-8"),
        ([b"application/json; charset*=utf-8''utf-7"], "the charset is not UTF-8"),
        ([b"application/json;\xa0charset=utf-7"], "the charset is not UTF-8"),
        ([b"application/json;\x1fCharset = utf-7"], "the charset is not UTF-8"),
        ([b"application/json", b"application/json"], "several Content-Type headers"),
        ([b"application/json; a=b", b"multipart/form-data; boundary=x"], "several Content-Type headers"),
        ([b"application/json; a=b, text/plain"], "several Content-Type headers"),
    ],
)
def test_these_are_not(guarded, problem_of, media, why):
    endpoint = guarded(JsonField("$.s"))
    problem = problem_of(endpoint.send(JSON, headers=typed(*media)))
    assert problem["status"] == 415
    assert problem["type"] == "urn:stagenorm:problem:unsupported-media-type"
    assert why in problem["detail"]
    assert endpoint.counts() == {"unsupported": 1}


@pytest.mark.parametrize("encoding", [b"", b"identity", b" Identity "])
def test_a_body_that_is_not_encoded_is_read(guarded, outcome_of, encoding):
    headers = typed(b"application/json", **{"content-encoding": encoding})
    assert outcome_of(guarded(JsonField("$.s")).send(JSON, headers=headers)) == "pass"


@pytest.mark.parametrize("encoding", [b"gzip", b"identity, gzip", b"x", b"identity, identity"])
def test_an_encoded_body_is_not_read(guarded, problem_of, encoding):
    headers = typed(b"application/json", **{"content-encoding": encoding})
    problem = problem_of(guarded(JsonField("$.s")).send(JSON, headers=headers))
    assert (problem["status"], problem["detail"]) == (
        415,
        "body: the body is encoded (Content-Encoding): send it plain.",
    )


def test_a_form_is_urlencoded_and_nothing_else(guarded, outcome_of, problem_of):
    endpoint = guarded(FormField("s"))
    assert outcome_of(endpoint.send(b"s=seed", headers=typed(b"application/x-www-form-urlencoded"))) == "pass"
    for media in (b"multipart/form-data; boundary=x", b"application/json", b"application/x+json", b"text/plain"):
        assert problem_of(endpoint.send(b"s=seed", headers=typed(media)))["status"] == 415


def test_without_a_body_its_media_type_does_not_matter(guarded, outcome_of):
    for fields in ([JsonField("$.s")], [FormField("s")]):
        assert outcome_of(guarded(*fields).send(b"", headers=[(b"content-type", b"text/plain")])) == "pass"
        assert outcome_of(guarded(*fields).send(b"", headers=[(b"content-length", b"0")])) == "pass"


@pytest.mark.parametrize(
    "media",
    [
        [b"text/plain; charset=utf-7"],
        [b"*/*;\xa0charset=utf-16"],
        [b"a, b; Charset*=x''cp037"],
        [b"text/plain", b"x; charset=utf-7"],
    ],
)
def test_a_query_whose_reader_might_decode_it_by_a_charset_is_unreadable(guarded, problem_of, outcome_of, media):
    # Django decodes the query string in the charset of the Content-Type: this one has a second "stage" in UTF-7.
    query = b"stage=seed&+AHMAdABhAGcAZQ-=evil"
    endpoint = guarded(QueryField("stage"), method="GET")
    problem = problem_of(endpoint.send(query=query, headers=[(b"content-type", value) for value in media]))
    assert problem["status"] == 400
    assert "charset" in problem["detail"]
    assert endpoint.counts() == {"unreadable": 1}
    for harmless in (b"text/plain; charset=utf-8", b"text/plain", b""):
        assert outcome_of(endpoint.send(query=query, headers=[(b"content-type", harmless)])) == "pass"
    assert outcome_of(endpoint.send(headers=[(b"content-type", media[0])])) == "pass"


@pytest.mark.parametrize("space", ["\x0b", "\x0c", "\x1f", "\x85", "\xa0"])
def test_white_space_that_only_some_readers_strip_makes_another_media_type(guarded, problem_of, space):
    for media in (f"application/json{space}", f"{space}application/json", f"application/json{space};q=1"):
        problem = problem_of(
            guarded(JsonField("$.s")).send(b'{"s":"seed"}', headers=[(b"content-type", media.encode("latin-1"))])
        )
        assert problem["errors"] == [
            {"field": "body", "finding": "unsupported", "detail": "the media type is not application/json"}
        ]
