"""Calls in source code: none of the corpus is missed, and ignore files are honoured."""

import json
from pathlib import Path

import pytest

from stagenorm import Endpoint, PathField, QueryField
from stagenorm.consumers import source_tree
from stagenorm.consumers.source_text import Calls, Confidence
from stagenorm.consumers.source_tree import search
from stagenorm.errors import DataFileError
from tests.consumers.conftest import ENDPOINTS

CORPUS = Path(__file__).parent / "corpus"
EXPECTED = json.loads((Path(__file__).parent / "corpus.json").read_text())
SIMULATE = 'fetch("/api/monte-carlo/simulate")\n'


@pytest.fixture(scope="module")
def corpus():
    return search([CORPUS], ENDPOINTS).places


@pytest.mark.parametrize("name", EXPECTED)
def test_no_call_of_the_corpus_is_missed(corpus, name):
    found = [place for file, place in corpus if file == str(CORPUS / name)]
    missed = [
        (line, endpoint)
        for line, endpoint in EXPECTED[name]
        if not any(place.endpoint == endpoint and place.line <= line <= place.end for place in found)
    ]
    assert not missed


def test_few_places_call_nothing(corpus):
    """Of what is found hardly anything is unexpected, and none of that is sure."""
    expected = {(str(CORPUS / name), *each) for name, places in EXPECTED.items() for each in places}
    extra = [
        place
        for file, place in corpus
        if not any((file, line, place.endpoint) in expected for line in range(place.line, place.end + 1))
    ]
    assert len(extra) <= len(expected) / 50
    assert all(place.confidence is Confidence.LOW for place in extra)


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ('get("/api/funds/7/companies")', Confidence.HIGH),
        ('get("/api/funds/" + id + "/companies")', Confidence.MEDIUM),
        ('get(base + "/funds/7/companies")', Confidence.MEDIUM),
        ('get(url + "/companies")', Confidence.LOW),
        ("client.funds_companies_list()", Confidence.LOW),
    ],
)
def test_how_sure_it_is(text, confidence):
    calls = Calls(ENDPOINTS)
    places = [
        place for place in calls.find(text, calls.candidates(text.lower().encode())) if place.endpoint == "companies"
    ]
    assert [place.confidence for place in places] == [confidence]


def test_a_path_without_a_literal_cannot_be_looked_for(tmp_path):
    assert search([tmp_path], [Endpoint("any", "GET", "/{a}/{b}", [PathField("a")])]).unsearchable == ["any"]


def write(directory, **files):
    for name, text in files.items():
        path = directory / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def names(found, root):
    return sorted(str(Path(file).relative_to(root)) for file, _ in found.places)


def test_ignore_files_are_honoured_as_git_does(tmp_path):
    write(tmp_path, a=SIMULATE, dist__b=SIMULATE, src__c=SIMULATE, src__keep=SIMULATE, src__deep__d=SIMULATE)
    (tmp_path / ".gitignore").write_text("# built\n/dist/\nsrc/*\n!src/deep\n")
    (tmp_path / "src" / ".ignore").write_text("!keep\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "packed").write_text(SIMULATE)
    assert names(search([tmp_path], ENDPOINTS), tmp_path) == ["a", "src/deep/d", "src/keep"]
    assert names(search([tmp_path / "src"], ENDPOINTS), tmp_path) == ["src/deep/d", "src/keep"]
    assert names(search([tmp_path / "dist" / "b"], ENDPOINTS), tmp_path) == ["dist/b"]


def test_what_cannot_be_read_is_told(tmp_path, monkeypatch):
    write(tmp_path, ok=SIMULATE, large=SIMULATE * 9)
    (tmp_path / "image").write_bytes(b"\0" + SIMULATE.encode())
    (tmp_path / "wide.ps1").write_bytes(SIMULATE.encode("utf-16"))
    (tmp_path / "latin").write_bytes(b"\xe9\xff " + SIMULATE.encode())
    monkeypatch.setattr(source_tree, "_LARGEST", 200)
    found = search([tmp_path], ENDPOINTS)
    assert names(found, tmp_path) == ["latin", "ok", "wide.ps1"]
    assert (found.binary, [Path(file).name for file, _ in found.unread]) == (1, ["large"])


@pytest.mark.parametrize("path", ["/api/-", "/_/{id}", "/api/.../funds"])
def test_a_segment_without_a_letter_is_looked_for_too(tmp_path, path):
    write(tmp_path, called=f'get("{path.replace("{id}", "7")}")', other="nothing of the kind")
    found = search([tmp_path], [Endpoint("odd", "GET", path, [QueryField("q")])])
    assert names(found, tmp_path) == ["called"]


def test_a_path_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataFileError, match="is not there"):
        search([tmp_path / "absent"], ENDPOINTS)
