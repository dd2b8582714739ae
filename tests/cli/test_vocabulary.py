"""``stagenorm vocabulary``"""

import json

import pytest

from stagenorm import INVESTMENT_STAGES


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "v.toml"
    path.write_text(
        'name = "asset [bold]classes"\nsuffixes = ["fund"]\n[[terms]]\nvalue = "equity"\naliases = ["a [red]share"]\n'
    )
    return path


def test_show_prints_the_terms_in_their_order(invoke):
    done = invoke("vocabulary", "show")
    assert done.exit_code == 0
    values = [
        line.split()[1] for line in done.stdout.splitlines() if line.strip()[:1].isdigit() and "forms" not in line
    ]
    assert tuple(values) == INVESTMENT_STAGES.values
    assert "Any form may be followed by: round, funding, funding round, financing" in done.stdout
    assert f"{len(INVESTMENT_STAGES.table)} folded forms are accepted" in done.stdout


def test_show_prints_a_vocabulary_from_a_file_whatever_its_names_hold(invoke, toml):
    done = invoke("vocabulary", "show", toml)
    assert done.stdout.startswith("asset [bold]classes\n")
    assert "a [red]share" in done.stdout
    assert done.stdout.endswith(f"and nothing else: stagenorm vocabulary lint {toml}\n")


def test_show_for_machines(invoke, toml):
    assert json.loads(invoke("vocabulary", "show", toml, "--json").stdout) == {
        "name": "asset [bold]classes",
        "suffixes": ["fund"],
        "terms": [{"value": "equity", "label": "", "aliases": ["a [red]share"]}],
    }


def test_lint_prints_every_form_and_the_fingerprint(invoke):
    done = invoke("vocabulary", "lint")
    assert done.exit_code == 0
    words = [line.split() for line in done.stdout.splitlines()]
    assert all([form, value] in words for form, value in INVESTMENT_STAGES.table.items())
    assert ["fingerprint", INVESTMENT_STAGES.fingerprint] in words


def test_lint_for_machines(invoke, toml):
    linted = json.loads(invoke("vocabulary", "lint", "--json", toml).stdout)
    assert linted["table"] == {
        "equity": "equity",
        "equity-fund": "equity",
        "a-[red]share": "equity",
        "a-[red]share-fund": "equity",
    }
    assert len(linted["fingerprint"]) == 64


@pytest.mark.parametrize("command", ["show", "lint"])
def test_an_invalid_vocabulary_exits_1_with_the_named_error(invoke, toml, command):
    toml.write_text(toml.read_text() + '[[terms]]\nvalue = "stock"\naliases = ["Equity"]\n')
    done = invoke("vocabulary", command, toml)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        f"stagenorm: {toml}: vocabulary 'asset [bold]classes': 'equity' and 'stock' both claim"
    )
