"""The subset of JSONPath that a JSON field takes, and everything beyond it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm import ConfigurationError, JsonField, JsonKeys, PathExpressionError
from stagenorm.boundary.json_path import EACH, parse, pointer


@pytest.mark.parametrize(
    ("expression", "steps"),
    [
        ("$", ()),
        ("$.a", ("a",)),
        ("$.a.b_1", ("a", "b_1")),
        ("$._", ("_",)),
        ("$.\u00e9t\u00e9.\U0001f600", ("\u00e9t\u00e9", "\U0001f600")),
        ("$[*]", (EACH,)),
        ("$[0]", (0,)),
        ("$[42][ * ][ 7 ]", (42, EACH, 7)),
        ("$[999999999]", (999999999,)),
        ("$.list[*].name", ("list", EACH, "name")),
        ("$['a b']", ("a b",)),
        ("$['']", ("",)),
        (r"$['it\'s']", ("it's",)),
        (r"$['a\\b']", ("a\\b",)),
        (r"$['a\\\'b']", ("a\\'b",)),
        ("$['a\"b']", ('a"b',)),
        ('$["a b"]', ("a b",)),
        ('$["it\'s"]', ("it's",)),
        (r'$["\u0041\n\"\/"]', ('A\n"/',)),
        (r'$["\ud83d\ude00"]', ("\U0001f600",)),
        ("$['$.a[*]']['.']", ("$.a[*]", ".")),
    ],
)
def test_these_are_in(expression, steps):
    assert parse(expression) == steps
    assert JsonField(expression).steps == JsonKeys(expression).steps == steps
    assert JsonField(expression).label == expression


@pytest.mark.parametrize(
    ("expression", "at"),
    [
        ("$.", 1),
        ("$a", 1),
        ("$..a", 1),
        ("$.a..b", 3),
        ("$.*", 1),
        ("$.1a", 1),
        ("$.a-b", 3),
        ("$.a b", 3),
        ("$ .a", 1),
        ("$[]", 1),
        ("$[-1]", 1),
        ("$[01]", 1),
        ("$[1.0]", 1),
        ("$[1000000000]", 1),
        ("$[0:2]", 1),
        ("$[0,1]", 1),
        ("$['a','b']", 1),
        ("$[?@.a]", 1),
        ("$[?(@.a == 1)]", 1),
        ("$['a]", 1),
        ("$['a'", 1),
        ("$[a]", 1),
        ("$['a\nb']", 1),
        (r"$['\n']", 1),
        ('$["a\tb"]', 1),
        ("$.a[*", 3),
        ("$.a[*]]", 6),
    ],
)
def test_these_are_out_and_the_message_points_at_the_place(expression, at):
    with pytest.raises(PathExpressionError) as failure:
        parse(expression)
    assert str(failure.value) == (
        f"path {expression!r}: cannot use {expression[at:]!r} at position {at}. A path is made of names "
        "(.stage or ['stage-name']), [*] and [n]"
    )


@pytest.mark.parametrize("expression", ["", "a", ".a", "@.a", " $"])
def test_a_path_begins_at_the_root(expression):
    with pytest.raises(PathExpressionError, match=r"must begin with '\$', the root of the document"):
        parse(expression)


@pytest.mark.parametrize("escape", [r"\x41", r"\u12", r"\u12g4", r"\'"])
def test_a_name_in_double_quotes_is_json(escape):
    with pytest.raises(PathExpressionError, match="is no JSON string"):
        parse(f'$["{escape}"]')


@pytest.mark.parametrize("expression", [r'$["\ud800"]', r'$.a["\udc00\ud83d"]', "$.\ud800", "$['a\udfff']"])
def test_a_name_that_no_body_can_hold_is_refused(expression):
    with pytest.raises(PathExpressionError, match="holds a lone surrogate: no body can"):
        parse(expression)


def test_a_field_refuses_its_path_when_it_is_declared():
    for kind in (JsonField, JsonKeys):
        with pytest.raises(ConfigurationError):
            kind("$..stage")


@given(st.lists(st.one_of(st.just(EACH), st.integers(0, 10**9 - 1), st.text(st.characters(codec="utf-8"))), max_size=6))
def test_any_place_can_be_written(steps):
    expression = "$" + "".join(
        "[*]" if step is EACH else f"[{step}]" if isinstance(step, int) else f"[{json.dumps(step)}]" for step in steps
    )
    assert parse(expression) == tuple(steps)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), ""),
        (("a", 0, "b"), "/a/0/b"),
        (("a/b", "m~n", "~1"), "/a~1b/m~0n/~01"),
        (("",), "/"),
        (("\u00e9 ",), "/\u00e9 "),
    ],
)
def test_places_are_told_as_json_pointers(steps, expected):
    assert pointer(steps) == expected
