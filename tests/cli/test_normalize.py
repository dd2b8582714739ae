"""``stagenorm normalize VALUE...``"""

import json

import pytest


def test_one_line_a_value_in_their_order(invoke):
    done = invoke("normalize", "Series A", "seed", "SEED ROUND", "seed")
    assert done.exit_code == 0
    assert done.stdout == "Series A -> series-a\nseed -> seed\nSEED ROUND -> seed\nseed -> seed\n"


def test_an_unknown_value_comes_with_its_reason_and_suggestions_and_exits_1(invoke):
    done = invoke("normalize", "Series A", "Seies A", "N/A")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "Series A -> series-a",
        "Seies A -> unknown: 'Seies A' is not in the vocabulary; did you mean series-a?",
        "N/A -> unknown: 'N/A' says that there is no value",
    ]


def test_json_is_a_list_of_objects_with_the_values_as_given(invoke):
    done = invoke("normalize", "--json", "series-c+", "Series C", "Seies A")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == [
        {"raw": "series-c+", "value": "series-c+", "exact": True},
        {"raw": "Series C", "value": "series-c", "exact": False},
        {
            "raw": "Seies A",
            "value": None,
            "exact": False,
            "reason": "not-in-vocabulary",
            "explanation": "'Seies A' is not in the vocabulary",
            "suggestions": ["series-a"],
        },
    ]


def test_after_two_dashes_anything_is_a_value(invoke):
    done = invoke("normalize", "--", "-seed", "--json", "-")
    assert done.stdout.splitlines()[0] == "-seed -> seed"
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\nb", "a\\nb -> "),
        ("\x1b[31mred", "\\x1b[31mred -> "),
        ("se\u200bed", "se\\u200bed -> "),
        ("[bold]x[/bold]", "[bold]x[/bold] -> "),
        (":smile:", ":smile: -> "),
        ("", '"" -> unknown: the value is empty'),
        ("A轮", "A轮 -> "),
    ],
)
def test_no_value_breaks_the_line_or_steers_the_terminal(invoke, value, shown):
    done = invoke("normalize", value)
    assert done.stdout.startswith(shown)
    assert done.stdout.count("\n") == 1


def test_an_argument_that_is_not_utf8_is_a_value_like_any_other(start):
    process = start("normalize", "--json", b"se\xffed".decode("utf-8", "surrogateescape"))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)[0]["reason"] == "lone-surrogate"
    assert err == ""


def test_another_vocabulary(invoke, tmp_path):
    path = tmp_path / "v.toml"
    path.write_text('name = "v"\n[[terms]]\nvalue = "equity"\naliases = ["shares"]\n')
    assert invoke("normalize", "--vocabulary", path, "Shares").stdout == "Shares -> equity\n"
    assert invoke("normalize", "--vocabulary", path, "Seed").exit_code == 1


def test_a_vocabulary_that_contradicts_itself_is_refused_by_name(invoke, tmp_path):
    (tmp_path / "v.toml").write_text('name = "v"\n')
    done = invoke("normalize", "--vocabulary", tmp_path / "v.toml", "Seed")
    assert done.exit_code == 1
    assert done.stderr == f"stagenorm: {tmp_path}/v.toml: vocabulary 'v' has no terms: give at least one\n"
