"""Vocabularies and configurations from TOML: the documented shape, and every fault by name and place."""

import re
import sys
from pathlib import Path

import pytest

from stagenorm import (
    INVESTMENT_STAGES,
    ConfigurationError,
    Endpoint,
    FormField,
    JsonField,
    JsonKeys,
    Match,
    MissingExtraError,
    Normalizer,
    PathField,
    QueryField,
    VocabularyError,
)
from stagenorm.backfill.declared import DeclaredTargets
from stagenorm.backfill.target import Target
from stagenorm.config import load_configuration, load_vocabulary
from stagenorm.observe.rules.watched import WatchedEndpoint

ROOT = Path(__file__).parent.parent
TERM = '[[terms]]\nvalue = "equity"\n'


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "v.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_vocabulary(path)

    return load


def test_the_documented_example_is_one(load):
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/vocabularies.md").read_text(), re.DOTALL)
    vocabulary = load(example)
    assert vocabulary.name == "asset-classes"
    assert vocabulary.values == ("equity", "fixed-income")
    assert vocabulary.suffixes == ("fund", "strategy")
    assert vocabulary.label("fixed-income") == "Fixed Income"
    assert Normalizer(vocabulary)("Bonds Fund") == Match("fixed-income", "Bonds Fund", exact=False)


def test_labels_aliases_and_suffixes_may_be_left_out(load):
    assert load(f'name = "v"\n{TERM}').table == {"equity": "equity"}


def test_a_path_may_be_a_string(tmp_path):
    (tmp_path / "v.toml").write_text(f'name = "v"\n{TERM}')
    assert load_vocabulary(str(tmp_path / "v.toml")).values == ("equity",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'v'\nterms = nothing", "is not TOML: .*line 2"),
        (b"name = '\xff'", r"is not UTF-8 \(byte 9\): save it as UTF-8"),
        (TERM, r'the file: no name: add name = "\.\.\."'),
        ('name = "v"', "vocabulary 'v' has no terms"),
        (f'name = "v"\nsuffix = []\n{TERM}', "the file: unknown key 'suffix': the keys are name, suffixes, terms"),
        (f"name = 3\n{TERM}", "the file: name must be a string; a number stands there"),
        (f"name = 2020-01-01\n{TERM}", "the file: name must be a string; a date stands there"),
        (f'name = "v"\nsuffixes = "fund"\n{TERM}', "the file: suffixes must be an array of strings; a string stands"),
        (f'name = "v"\nsuffixes = ["fund", true]\n{TERM}', "suffixes must be an array of strings; a boolean stands"),
        ('name = "v"\nterms = ["equity"]', r"the file: terms must be an array of tables, each .* a string stands"),
        (
            'name = "v"\n[terms]\nvalue = "equity"',
            r"terms must be an array of tables, each under its own \[\[terms\]\]",
        ),
        (f'name = "v"\n{TERM}[[terms]]\nlabel = "Bonds"', "term 2: no value: add value = "),
        (f'name = "v"\n{TERM}alias = ["shares"]', "term 1: unknown key 'alias': the keys are value, label, aliases"),
        (f'name = "v"\n{TERM}aliases = "shares"', "term 1: aliases must be an array of strings; a string stands"),
        (f'name = "v"\n{TERM}label = ["Equity"]', "term 1: label must be a string; an array stands there"),
        (f'name = "v"\n{TERM}{TERM}', "holds the value 'equity' twice"),
        (f'name = "v"\n{TERM}[[terms]]\nvalue = "stock"\naliases = ["EQUITY"]', "'equity' and 'stock' both claim"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_place(load, text, message):
    with pytest.raises(VocabularyError, match=rf"v\.toml: .*{message}"):
        load(text)


def test_before_python_3_11_a_missing_toml_reader_is_named_with_its_extra(load, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10))
    monkeypatch.setitem(sys.modules, "tomli", None)
    with pytest.raises(MissingExtraError, match=r"reading TOML before Python 3\.11 .*'stagenorm\[cli\]'"):
        load(f'name = "v"\n{TERM}')


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(VocabularyError, match=r"absent\.toml: there is no such file in "):
        load_vocabulary(tmp_path / "absent.toml")


ENDPOINT = '[[endpoints]]\nname = "simulate"\n'
GET = "method = 'GET'\npath = '/{s}'\n"
POST = "method = 'POST'\npath = '/'\n"
TARGET = "[[backfill.targets]]\nname = 'one'\ntable = 't'\ncolumn = 'c'\n"
FIELDS = "fields = [{ %s }]"


@pytest.fixture
def configure(tmp_path):
    def configure(text):
        path = tmp_path / "stagenorm.toml"
        path.write_text(text)
        return load_configuration(path)

    return configure


def test_the_documented_configuration_is_one(configure, tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/configuration.md").read_text(), re.DOTALL)
    (tmp_path / "asset-classes.toml").write_text(f'name = "asset-classes"\n{TERM}')
    found = configure(example)
    assert found.vocabulary.name == "asset-classes"
    assert found.store == "redis://127.0.0.1:6379/0"
    assert found.watched.ops_url == "http://127.0.0.1:8000/_ops/stagenorm"
    assert found.watched.endpoints == (WatchedEndpoint("simulate", 0.001), WatchedEndpoint("companies", 0.005))
    assert found.endpoints == (
        Endpoint(
            "simulate",
            "POST",
            "/api/monte-carlo/simulate",
            [JsonField("$.stageDistribution[*].stage", required=True)],
        ),
        Endpoint("companies", "GET", "/api/funds/{id}/companies", [QueryField("stage", repeated=True)]),
    )
    deals = Target("deals", "stage", ("id",), filter="archived_at IS NULL", tenant="fund_id")
    assert found.backfill == DeclaredTargets("postgresql://deploy@db.example/app", {"deals": deals})


def test_every_kind_of_field_can_be_declared(configure, tmp_path):
    (tmp_path / "own.toml").write_text(f'name = "own"\n{TERM}')
    kinds = "{ keys = '$.a' }, { path = 's', vocabulary = 'own.toml' }, { json = '$.b' }, { query = 'q' }"
    found = configure(
        f"{ENDPOINT}{GET}fields = [{kinds}]\n[[endpoints]]\nname = 'f'\n{POST}fields = [{{ form = 'f' }}]"
    )
    own = found.endpoints[0].fields[1].vocabulary
    assert own.name == "own"
    assert [endpoint.fields for endpoint in found.endpoints] == [
        (JsonKeys("$.a"), PathField("s", vocabulary=own), JsonField("$.b"), QueryField("q")),
        (FormField("f"),),
    ]


def test_all_but_the_endpoints_may_be_left_out(configure):
    found = configure(ENDPOINT)
    assert found.backfill == DeclaredTargets()
    assert (found.vocabulary, found.store) == (INVESTMENT_STAGES, None)
    assert found.watched.endpoints == (WatchedEndpoint("simulate"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no endpoints: add \[\[endpoints\]\]"),
        (
            "endpoints = 3",
            r"endpoints must be an array of tables, each under its own \[\[endpoints\]\]; a number stands",
        ),
        (
            ENDPOINT + "pth = '/x'",
            "endpoint 1: unknown key 'pth': the keys are name, reject_budget, method, path, fields",
        ),
        (ENDPOINT + "path = '/x'", 'endpoint 1: no method: add method = "..."'),
        (ENDPOINT + GET, "endpoint 'simulate': no fields"),
        (ENDPOINT + GET + "fields = 3", r"endpoint 1: fields must be an array of tables, each under its own"),
        (ENDPOINT + GET + "fields = [{}]", r"endpoint 1, field 1: say where the value sits, as in json = "),
        (ENDPOINT + GET + FIELDS % "query = 's', json = '$'", "endpoint 1, field 1: say where the value sits"),
        (ENDPOINT + GET + FIELDS % "json = '$[*'", r"'\$\[\*'"),
        (ENDPOINT + GET + FIELDS % "json = '$', repeated = true", "field 1: only query and form take repeated"),
        (ENDPOINT + GET + FIELDS % "path = 's', required = true", "field 1: a path parameter is always there"),
        (
            ENDPOINT + GET + FIELDS % "query = 's', required = 1",
            "required must be true or false; a number stands there",
        ),
        (
            f"stroe = 'x'\n{ENDPOINT}",
            "the file: unknown key 'stroe': the keys are vocabulary, store, ops_url, endpoints",
        ),
        (ENDPOINT * 2, "endpoint 2: 'simulate' stands there twice: remove one"),
        (ENDPOINT + "reject_budget = true", "endpoint 1: reject_budget must be a number; a boolean stands there"),
        (ENDPOINT + "reject_budget = 0", "reject_budget is 0: give a share above 0, at most 0.1"),
        (ENDPOINT + "reject_budget = 0.2", "reject_budget is 0.2: give a share above 0, at most 0.1"),
        (ENDPOINT + "reject_budget = nan", "reject_budget is nan: give a share above 0, at most 0.1"),
        (f"{ENDPOINT}[backfill]\ntarget = 3", "backfill: unknown key 'target': the keys are database, targets"),
        (ENDPOINT + TARGET + "tenants = 'x'", "backfill, target 1: unknown key 'tenants'"),
        (ENDPOINT + TARGET + "key = 'id'", "backfill, target 1: key must be an array of strings; a string stands"),
        (ENDPOINT + TARGET.replace("column", "filter"), 'backfill, target 1: no column: add column = "..."'),
        (ENDPOINT + TARGET.replace("'t'", "'a.b.c'"), "backfill, target 1: 'a.b.c', 'c': write TABLE or SCHEMA.TABLE"),
        (ENDPOINT + TARGET * 2, "backfill, target 2: 'one' stands there twice: remove one"),
        ('[[endpoints]]\nname = "a\\nb"', r"endpoint name 'a\\nb': write it as the service's Endpoint has it"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_named_with_file_and_place(configure, text, message):
    with pytest.raises(ConfigurationError, match=rf"stagenorm\.toml: .*{message}"):
        configure(text)


def test_a_vocabulary_that_is_named_and_wrong_is_named(configure):
    with pytest.raises(VocabularyError, match=r"absent\.toml: there is no such file in "):
        configure(f'vocabulary = "absent.toml"\n{ENDPOINT}')
