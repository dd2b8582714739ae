"""``stagenorm alias`` and ``stagenorm exempt``: what counts for a time, added, listed and taken away."""

import time

import pytest

from stagenorm import INVESTMENT_STAGES, Boundary, Endpoint, Mode, ModeState, QueryField
from stagenorm.boundary.request import Reject, Request, Rewrite
from stagenorm.core.modes import Actor
from stagenorm.core.overlays import Exemption, TemporaryAlias
from stagenorm.stores import ModeResolver, control, open_store

COLOURS = 'name = "colours"\n[[terms]]\nvalue = "red"\nlabel = "Red"\n'


@pytest.fixture
def stored(file_url):
    return lambda: open_store(file_url).read().overlays


@pytest.fixture(autouse=True)
def _store(file_url):
    """Every command has one."""


@pytest.fixture
def add_expired(file_url):
    """Store overlays whose time is over."""

    def add(*, alias="angel", consumer="partner"):
        change = control.Change(Actor.OPERATOR, "ada", "long ago", 100.0)
        control.change_overlays(
            open_store(file_url),
            change,
            "alias add",
            lambda overlays: overlays.with_alias(
                TemporaryAlias("investment-stages", alias, "seed", 200.0, "ada", "long ago")
            ).with_exemption(Exemption(consumer, None, 200.0, "ada", "long ago")),
        )

    return add


@pytest.mark.parametrize(
    ("lifetime", "seconds", "said"),
    [("90m", 5400, "90m"), ("12h", 43200, "12h"), ("1d", 86400, "1d"), ("2w", 1209600, "14d"), ("60m", 3600, "1h")],
)
def test_an_alias_is_stored_as_it_was_given(done, stored, lifetime, seconds, said):
    before = time.time()
    shown = done("alias", "add", "Angel  Round", "seed", "--for", lifetime, "--reason", "import", "--by", "ada")
    assert shown == f"alias add: angel-round -> seed for {said}\nby ada: import\nstored as revision 1\n"
    (alias,) = stored().aliases
    assert (alias.vocabulary, alias.form, alias.value) == (INVESTMENT_STAGES.name, "angel-round", "seed")
    assert (alias.author, alias.reason) == ("ada", "import")
    assert before + seconds <= alias.expires_at <= time.time() + seconds


def test_an_alias_of_another_vocabulary(done, stored, tmp_path):
    (tmp_path / "colours.toml").write_text(COLOURS)
    options = ["--vocabulary", tmp_path / "colours.toml"]
    done("alias", "add", "scarlet", "red", "--for", "1h", "--reason", "import", *options)
    assert [(alias.vocabulary, alias.value) for alias in stored().aliases] == [("colours", "red")]
    done("alias", "add", "angel", "seed", "--for", "1h", "--reason", "import")
    headings, _, *rows = done("alias", "list").strip().splitlines()
    assert headings.split() == ["form", "means", "of", "where", "until", "left", "by", "why"]
    assert [row.split()[:3] for row in rows] == [["scarlet", "red", "colours"], ["angel", "seed", "investment-stages"]]
    assert (
        done("alias", "remove", "scarlet")
        == "nothing to change: scarlet is no temporary alias of investment-stages everywhere (stagenorm alias list)\n"
    )
    done("alias", "remove", "Scarlet", *options)
    assert [alias.form for alias in stored().aliases] == ["angel"]


def test_an_alias_of_one_endpoint_stands_beside_that_of_all(done, stored):
    add = ("alias", "add", "angel")
    done(*add, "seed", "--for", "1h", "--reason", "import")
    said = done(*add, "pre-seed", "--endpoint", "simulate", "--for", "1h", "--reason", "its own", "--by", "ada")
    assert said == "alias add: angel -> pre-seed at simulate for 1h\nby ada: its own\nstored as revision 2\n"
    rows = [line.split()[:3] for line in done("alias", "list").splitlines() if line.strip()]
    assert rows[2:] == [["angel", "seed", "everywhere"], ["angel", "pre-seed", "simulate"]]
    assert [each["value"] for each in done("alias", "list", "--endpoint", "companies", "--json")] == ["seed"]
    assert [each["value"] for each in done("alias", "list", "--endpoint", "simulate", "--json")] == ["seed", "pre-seed"]
    removed = done("alias", "remove", "angel", "--by", "ada")
    assert removed == "alias remove: angel no longer means seed\nby ada\nstored as revision 3\n"
    assert [alias.endpoint for alias in stored().aliases] == ["simulate"]
    assert "angel is no temporary alias of investment-stages everywhere" in done("alias", "remove", "angel")
    gone = done("alias", "remove", "angel", "--endpoint", "simulate", "--by", "ada")
    assert gone == "alias remove: angel no longer means pre-seed at simulate\nby ada\nstored as revision 4\n"


def test_the_exemptions_of_an_endpoint_are_those_that_count_there(done):
    for options in ((), ("--endpoint", "simulate")):
        done("exempt", "add", f"p{len(options)}", *options, "--for", "1h", "--reason", "contract")
    consumers = [each["consumer"] for each in done("exempt", "list", "--endpoint", "companies", "--json")]
    assert consumers == ["p0"]


def test_adding_again_replaces(done, stored):
    done("alias", "add", "angel", "seed", "--for", "1h", "--reason", "import")
    said = done("alias", "add", "ANGEL", "pre-seed", "--for", "2h", "--reason", "better")
    assert said.startswith("alias add: angel -> pre-seed for 2h, no longer seed\n")
    assert [alias.value for alias in stored().aliases] == ["pre-seed"]
    done("exempt", "add", "partner", "--for", "1h", "--reason", "contract")
    assert done("exempt", "add", "partner", "--for", "2h", "--reason", "longer").startswith(
        "exempt add: partner, everywhere, for 2h\n"
    )
    assert [exemption.reason for exemption in stored().exemptions] == ["longer"]


def test_lists_tell_how_long_and_what_is_over(done, add_expired):
    assert done("alias", "list") == "no temporary aliases\n"
    assert done("exempt", "list") == "no exemptions\n"
    assert done("alias", "list", "--json") == done("exempt", "list", "--json") == []
    add_expired()
    done("alias", "add", "bridge", "series-a", "--for", "2w", "--reason", "import", "--by", "bob")
    done("exempt", "add", "10.0.0.7", "--for", "90m", "--endpoint", "companies", "--reason", "batch", "--by", "bob")
    headings, _, over, counting = done("alias", "list").strip().splitlines()
    assert headings.split() == ["form", "means", "where", "until", "left", "by", "why"]
    assert over.split() == ["angel", "seed", "everywhere", "1970-01-01T00:03:20Z", "expired", "ada", "long", "ago"]
    assert counting.split()[4:] == ["14d", "bob", "import"]
    headings, _, over, counting = done("exempt", "list").strip().splitlines()
    assert headings.split() == ["consumer", "where", "until", "left", "by", "why"]
    assert over.split() == ["partner", "everywhere", "1970-01-01T00:03:20Z", "expired", "ada", "long", "ago"]
    assert counting.split()[:2] == ["10.0.0.7", "companies"]
    assert counting.split()[3:] == ["90m", "bob", "batch"]


def test_lists_for_machines(done, add_expired):
    add_expired()
    assert done("alias", "list", "--json") == [
        {
            "vocabulary": "investment-stages",
            "form": "angel",
            "value": "seed",
            "endpoint": None,
            "expires_at": "1970-01-01T00:03:20Z",
            "author": "ada",
            "reason": "long ago",
            "expired": True,
        }
    ]
    assert done("exempt", "list", "--json") == [
        {
            "consumer": "partner",
            "endpoint": None,
            "expires_at": "1970-01-01T00:03:20Z",
            "author": "ada",
            "reason": "long ago",
            "expired": True,
        }
    ]


def test_what_is_taken_away_is_gone_and_in_the_trail(done, stored, add_expired):
    add_expired()
    assert done("alias", "remove", "Angel", "--by", "ada").splitlines()[:2] == [
        "alias remove: angel no longer means seed",
        "by ada",
    ]
    assert done("exempt", "remove", "partner", "--by", "ada", "--reason", "over").splitlines()[:2] == [
        "exempt remove: partner, everywhere, no longer",
        "by ada: over",
    ]
    assert not stored()
    removed = [entry["exemptions"]["removed"] for entry in done("mode", "history", "--json")]
    assert [len(each) for each in removed] == [1, 0, 0]
    assert "alias remove: angel no longer means seed" in done("mode", "history")


@pytest.mark.parametrize("command", [["alias", "remove", "Angel"], ["exempt", "remove", "partner"]])
def test_nothing_to_take_away_is_said_and_is_no_failure(done, stored, command):
    assert done(*command).startswith("nothing to change: ")
    assert done(*command, "--json") == {"changed": False}


def test_an_endpoint_that_the_store_does_not_know_is_noted_once(invoke, file_url):
    exempt = ("exempt", "add", "partner", "--for", "1h", "--reason", "go")
    note = "note: compnies is named for the first time: it is right if the service's Endpoint has it to the letter"
    assert note in invoke(*exempt, "--endpoint", "compnies").stderr
    assert "compnies" not in invoke(*exempt, "--endpoint", "compnies").stderr
    assert "had no mode" not in invoke(*exempt).stderr


def test_an_exemption_of_one_endpoint_is_its_own(done, stored):
    done("exempt", "add", "partner", "--for", "1h", "--reason", "contract", "--endpoint", "companies")
    assert "partner is not exempt everywhere" in done("exempt", "remove", "partner")
    assert "partner is not exempt at simulate" in done("exempt", "remove", "partner", "--endpoint", "simulate")
    done("exempt", "remove", "partner", "--endpoint", "companies")
    assert not stored()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["alias", "add", "Angel", "angel", "--for", "1h"], "'angel' is not a canonical value of 'investment-stages'"),
        (["alias", "add", "Seed Round", "series-a", "--for", "1h"], "already takes it for 'seed': nothing to add"),
        (["alias", "add", "\u0410ngel", "seed", "--for", "1h"], "is refused as"),
        (["alias", "add", "n/a", "seed", "--for", "1h"], "is refused as null-like"),
        (["exempt", "add", "", "--for", "1h"], "an exemption needs the key of a consumer"),
    ],
)
def test_what_cannot_be_is_refused(invoke, stored, arguments, complaint):
    refused = invoke(*arguments, "--reason", "go")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert complaint in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not stored()


@pytest.mark.parametrize("lifetime", ["", "7", "d", "7 d", "7days", "0d", "-1d", "1.5h", "99999w", "\u0667d"])
@pytest.mark.parametrize("command", [["alias", "add", "Angel", "seed"], ["exempt", "add", "partner"]], ids=" ".join)
def test_what_is_no_duration_is_wrong_usage(invoke, stored, command, lifetime):
    wrong = invoke(*command, f"--for={lifetime}", "--reason", "go")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "is no duration: write it as 30s, 90m, 12h, 7d or 2w" in wrong.stderr
    assert not stored()


@pytest.mark.parametrize(
    "arguments",
    [
        ["alias", "add", "Angel", "seed", "--for", "1h"],
        ["alias", "add", "Angel", "seed", "--reason", "go"],
        ["alias", "add", "Angel", "--for", "1h", "--reason", "go"],
        ["exempt", "add", "partner", "--for", "1h"],
        ["exempt", "add", "partner", "--reason", "go"],
        ["alias", "remove"],
        ["exempt", "remove"],
    ],
    ids=" ".join,
)
def test_wrong_usage(invoke, stored, arguments):
    assert invoke(*arguments).exit_code == 2
    assert not stored()


def test_a_running_boundary_judges_by_them(done, file_url, until):
    done("mode", "set", "enforce", "--share", "100", "--reason", "go")
    resolver = ModeResolver(open_store(file_url), ModeState(Mode.WARN), ttl=60)
    endpoint = Endpoint("companies", "GET", "/companies", [QueryField("stage")])
    boundary = Boundary(INVESTMENT_STAGES, [endpoint], resolver)
    guard = boundary.open("GET", "/companies")

    def verdict(consumer, stage):
        return boundary.inspect(
            Request(guard, guard.announced([]), "GET", "/companies", None, b"stage=" + stage, (), consumer)
        )

    try:
        assert isinstance(verdict("partner", b"Angel"), Reject)
        done("alias", "add", "Angel", "seed", "--for", "1h", "--reason", "import")
        until(lambda: isinstance(verdict("partner", b"Angel"), Rewrite))
        assert isinstance(verdict("partner", b"Devil"), Reject)
        done("exempt", "add", "partner", "--for", "1h", "--reason", "contract")
        until(lambda: not isinstance(verdict("partner", b"Devil"), Reject))
        assert isinstance(verdict("other", b"Devil"), Reject)
        done("exempt", "remove", "partner")
        done("alias", "remove", "Angel")
        until(lambda: isinstance(verdict("partner", b"Angel"), Reject))
    finally:
        resolver.close()
