"""``stagenorm mode``: the switch, on a file and on a server, and what it says when it cannot be thrown."""

import json
import os
import pwd
import time

import pytest

from stagenorm import Mode, ModeState
from stagenorm.cli import trail
from stagenorm.core.modes import Actor
from stagenorm.stores import ModeResolver, RedisModeStore, control, open_store

STATE = ["mode", "share", "revision", "changed_by", "reason", "changed_at", "latched"]
DEFAULT = ModeState(Mode.WARN)


@pytest.fixture(params=["file", "valkey"])
def url(request, tmp_path, monkeypatch):
    """A fresh store, which the environment names."""
    if request.param == "file":
        found = (tmp_path / "modes.json").as_uri()
    else:
        found = request.getfixturevalue("valkey").fresh_url()
    monkeypatch.setenv("STAGENORM_STORE", found)
    return found


@pytest.fixture
def file_url(tmp_path, monkeypatch):
    found = (tmp_path / "modes.json").as_uri()
    monkeypatch.setenv("STAGENORM_STORE", found)
    return found


@pytest.fixture
def done(invoke):
    """Run a command that must succeed, and give what it prints on stdout."""

    def run(*arguments):
        result = invoke(*arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.stdout

    return run


@pytest.fixture
def refused(invoke):
    """Run a command that must be refused, and give the one line that says why."""

    def run(*arguments):
        result = invoke(*arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        return result.stderr

    return run


def alert(store_url, **options):
    change = control.Change(Actor.ALERT, "errors", "too many", time.time())
    return control.downgrade(open_store(store_url, timeout=2), change, default=DEFAULT, **options)


def standing(done, endpoint=None):
    shown = done("mode", "show", "--json")
    state = shown["global"] if endpoint is None else shown["endpoints"][endpoint]
    return state["mode"], state["share"], state["latched"]


@pytest.mark.usefixtures("url")
class TestTheSwitch:
    def test_an_empty_store_shows_the_default(self, done):
        assert done("mode", "show", "--json") == {
            "global": dict(zip(STATE, ["warn", 100, 0, "", "", None, False], strict=True)),
            "endpoints": {},
            "ceiling": None,
            "source": "default",
            "stale_seconds": 0.0,
        }

    def test_what_is_set_is_shown(self, done):
        before = int(time.time())
        said = done("mode", "set", "enforce", "--share", "12.5", "--reason", "a canary", "--by", "ada")
        assert said == "set everywhere: default -> enforce 12.5%\nby ada: a canary\nstored as revision 1\n"
        shown = done("mode", "show", "--json")
        state = shown["global"]
        assert list(state) == STATE
        changed_at = state.pop("changed_at")
        assert state == {
            "mode": "enforce",
            "share": 12.5,
            "revision": 1,
            "changed_by": "ada",
            "reason": "a canary",
            "latched": False,
        }
        assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before)) <= changed_at
        assert changed_at <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        assert shown["source"] == "store"

    def test_one_endpoint_is_set_alone(self, done):
        done("mode", "set", "enforce", "--share", "50", "--reason", "go")
        said = done("mode", "set", "off", "--endpoint", "simulate", "--reason", "not yet")
        assert said.startswith("set simulate: as everywhere -> off\n")
        assert standing(done) == ("enforce", 50, False)
        assert standing(done, "simulate") == ("off", 0, False)

    def test_a_downgrade_lowers_everything_and_latches(self, done, refused):
        done("mode", "set", "enforce", "--share", "50", "--reason", "go")
        done("mode", "set", "enforce", "--share", "10", "--endpoint", "simulate", "--reason", "go")
        said = done("mode", "downgrade", "--reason", "burning", "--by", "ada")
        assert said == (
            "downgrade everywhere: enforce 50% -> warn, latched\n"
            "downgrade simulate: enforce 10% -> warn, latched\n"
            "by ada: burning\nstored as revision 3\n"
        )
        assert standing(done) == ("warn", 50, True)
        why = refused("mode", "set", "enforce", "--share", "100", "--reason", "go on")
        assert "latched since ada pulled it back (burning)" in why
        assert why.endswith(": stagenorm mode unlatch --reason TEXT\n")

    def test_a_downgrade_of_one_endpoint_leaves_the_others(self, done, refused):
        done("mode", "set", "enforce", "--share", "50", "--reason", "go")
        done("mode", "downgrade", "--endpoint", "simulate", "--reason", "burning")
        assert standing(done) == ("enforce", 50, False)
        assert standing(done, "simulate") == ("warn", 50, True)
        why = refused("mode", "set", "enforce", "--share", "100", "--endpoint", "simulate", "--reason", "go on")
        assert why.endswith(": stagenorm mode unlatch --endpoint simulate --reason TEXT\n")

    def test_what_a_refusal_names_makes_it_possible(self, done, invoke, url):
        done("mode", "set", "enforce", "--share", "50", "--reason", "go")
        for only in ([], ["--endpoint", "simulate"]):
            alert(url)
            enforce = ["mode", "set", "enforce", "--share", "5", *only, "--reason", "go"]
            assert invoke(*enforce).exit_code == 1
            done("mode", "unlatch", *only, "--reason", "it was a deploy")
            done(*enforce)

    def test_unlatching_leaves_the_mode(self, done):
        done("mode", "downgrade", "--reason", "burning")
        assert done("mode", "unlatch", "--reason", "over").startswith("unlatch everywhere: warn, latched -> warn\n")
        assert standing(done) == ("warn", 100, False)

    @pytest.mark.parametrize(
        ("command", "why"), [("downgrade", "nothing enforces there"), ("unlatch", "nothing is latched there")]
    )
    def test_nothing_to_change_is_said_and_is_no_failure(self, done, command, why):
        done("mode", "downgrade", "--reason", "burning")
        if command == "unlatch":
            done("mode", "unlatch", "--reason", "over")
        revision = done("mode", "history", "--json")[0]["revision"]
        assert done("mode", command, "--reason", "again").startswith(f"nothing to change: {why}")
        assert done("mode", command, "--reason", "again", "--json") == {"changed": False}
        assert done("mode", "history", "--json")[0]["revision"] == revision

    def test_setting_what_holds_is_said_and_stores_nothing(self, done):
        for only in ([], ["--endpoint", "simulate"]):
            again = ["mode", "set", "enforce", "--share", "10", *only, "--reason", "go"]
            done(*again)
            history = done("mode", "history", "--json")
            assert done(*again) == "nothing to change: that is its mode\n"
            assert done(*again, "--json") == {"changed": False}
            assert done("mode", "history", "--json") == history

    def test_clearing_has_an_endpoint_follow_the_others_again(self, done, refused):
        done("mode", "set", "enforce", "--share", "50", "--reason", "go")
        done("mode", "downgrade", "--endpoint", "simulate", "--reason", "burning", "--by", "ada")
        clear = ["mode", "clear", "--endpoint", "simulate", "--reason", "fixed", "--by", "bob"]
        why = refused(*clear)
        assert "clear simulate: latched since ada pulled it back (burning)" in why
        assert why.endswith(": stagenorm mode unlatch --endpoint simulate --reason TEXT\n")
        done("mode", "unlatch", "--endpoint", "simulate", "--reason", "fixed")
        assert done(*clear) == "clear simulate: warn -> as everywhere\nby bob: fixed\nstored as revision 4\n"
        assert done("mode", "show", "--json")["endpoints"] == {}
        assert done(*clear) == "nothing to change: simulate has no mode of its own\n"
        done("mode", "undo", "--reason", "not yet")
        assert standing(done, "simulate") == ("warn", 50, False)

    def test_undo_restores_exactly_what_was_as_a_new_revision(self, done):
        done("mode", "set", "enforce", "--share", "10", "--reason", "go")
        done("mode", "set", "off", "--endpoint", "simulate", "--reason", "not yet")
        done("mode", "downgrade", "--reason", "a mistake")
        revision = done("mode", "show", "--json")["global"]["revision"]
        said = done("mode", "undo", "--reason", "sorry", "--by", "bob")
        assert said == (
            "undo everywhere: warn, latched -> enforce 10%\n"
            "undo simulate: off, latched -> off\n"
            "by bob: sorry\nstored as revision 4\n"
        )
        assert standing(done) == ("enforce", 10, False)
        assert standing(done, "simulate") == ("off", 0, False)
        assert done("mode", "show", "--json")["global"]["revision"] > revision

    def test_undo_of_the_first_change_leaves_the_default(self, done):
        done("mode", "set", "off", "--reason", "go")
        assert done("mode", "undo", "--reason", "sorry").startswith("undo everywhere: off -> default\n")
        assert standing(done) == ("warn", 100, False)

    def test_history_reads_the_trail_newest_first(self, done, url):
        done("mode", "set", "enforce", "--share", "10", "--reason", "go", "--by", "ada")
        alert(url, endpoint="simulate")
        shown = [line.split(maxsplit=2) for line in done("mode", "history").splitlines()[3:]]
        assert [(line[0], line[2]) for line in shown if line] == [
            ("2", "errors (alert)  downgrade simulate: as everywhere -> warn, latched  too many"),
            ("1", "ada             set everywhere: default -> enforce 10%              go"),
        ]
        newest, first = done("mode", "history", "--json")
        assert (newest["actor"], newest["author"], newest["action"]) == ("alert", "errors", "downgrade")
        assert list(first) == [
            "revision",
            "at",
            "actor",
            "author",
            "action",
            "reason",
            "modes",
            "aliases",
            "exemptions",
        ]
        (change,) = first["modes"]
        assert (change["endpoint"], change["from"], change["to"]["share"]) == (None, None, 10)
        assert list(change["to"]) == STATE

    def test_history_is_as_long_as_asked(self, done):
        assert done("mode", "history") == "nothing was ever changed in this store\n"
        for share in range(3):
            done("mode", "set", "enforce", "--share", share, "--reason", "go")
        assert [entry["revision"] for entry in done("mode", "history", "--limit", "2", "--json")] == [3, 2]
        assert "These are the newest 2; --limit N prints more." in done("mode", "history", "--limit", "2")

    def test_a_running_process_follows(self, done, url, until):
        resolver = ModeResolver(open_store(url, timeout=2), ttl=60)
        try:
            done("mode", "set", "enforce", "--share", "100", "--reason", "go")
            until(lambda: resolver.view.state("simulate").mode is Mode.ENFORCE)
            done("mode", "downgrade", "--reason", "burning")
            until(lambda: resolver.view.state("simulate").latched)
        finally:
            resolver.close()


@pytest.mark.usefixtures("file_url")
class TestWhatAnOperatorMightNotExpect:
    def notes(self, invoke, *arguments):
        result = invoke(*arguments, "--reason", "go")
        assert result.exit_code == 0
        return result.stderr.splitlines()

    def test_a_store_that_was_empty_is_told(self, invoke):
        assert self.notes(invoke, "mode", "set", "warn") == [
            "note: the store was empty: only services that are started with this very store follow it"
        ]
        assert self.notes(invoke, "mode", "set", "off") == []

    def test_endpoints_that_keep_their_mode_are_told(self, invoke):
        self.notes(invoke, "mode", "set", "enforce", "--share", "10", "--endpoint", "simulate")
        assert self.notes(invoke, "mode", "set", "off") == [
            "note: endpoints with a mode of their own keep it: simulate (enforce 10%)"
        ]
        assert self.notes(invoke, "mode", "downgrade") == []

    def test_a_name_that_is_new_is_told(self, invoke):
        self.notes(invoke, "mode", "set", "warn")
        (note,) = self.notes(invoke, "mode", "set", "off", "--endpoint", "simulat")
        assert note.startswith("note: simulat had no mode of its own before")
        assert self.notes(invoke, "mode", "set", "warn", "--endpoint", "simulat") == []

    def test_notes_keep_out_of_what_machines_read(self, invoke):
        result = invoke("mode", "set", "warn", "--reason", "go", "--json")
        assert json.loads(result.stdout)["changed"] is True
        assert result.stderr.startswith("note: ")

    def test_somebody_who_is_faster_is_told(self, done, file_url, monkeypatch):
        done("mode", "set", "enforce", "--share", "10", "--reason", "go")

        show = trail.show_change

        def show_and_be_overtaken(entry):
            show(entry)
            if entry.revision == 2:
                alert(file_url)

        monkeypatch.setattr(trail, "show_change", show_and_be_overtaken)
        said = done("mode", "set", "off", "--reason", "stop", "--by", "ada").splitlines()
        assert said == [
            "set everywhere: enforce 10% -> off",
            "by ada: stop",
            "somebody else changed the store meanwhile; what was changed in the end:",
            "set everywhere: warn, latched -> off, latched",
            "by ada: stop",
            "stored as revision 3",
        ]


@pytest.mark.usefixtures("file_url")
class TestShow:
    def test_people_get_a_table(self, done, file_url):
        done("mode", "set", "enforce", "--share", "10", "--reason", "a\ncanary", "--by", "ada")
        done("mode", "downgrade", "--endpoint", "simulate", "--reason", "burning", "--by", "bob")
        first, _, headings, _, everywhere, simulate, _, latched = done("mode", "show").splitlines()
        assert first == file_url
        assert headings.split() == ["where", "mode", "changed", "by", "why"]
        assert everywhere.split()[:3] == ["everywhere", "enforce", "10%"]
        assert everywhere.endswith("ada  a\\ncanary")
        assert simulate.startswith(" simulate    warn, latched  2")
        assert latched.startswith("Latched: nothing enforces there again until")

    def test_an_empty_store_says_what_holds(self, done, monkeypatch):
        monkeypatch.setenv("STAGENORM_DEFAULT_MODE", "off")
        shown = done("mode", "show")
        assert " everywhere  off   by default" in shown
        assert "None is stored for everywhere: each service holds its default" in shown
        assert done("mode", "show", "--json")["global"]["mode"] == "off"

    def test_one_endpoint_shows_what_holds_for_it(self, done):
        done("mode", "set", "enforce", "--share", "10", "--reason", "go")
        done("mode", "set", "off", "--endpoint", "simulate", "--reason", "not yet")
        assert "companies, as everywhere  enforce 10%" in done("mode", "show", "--endpoint", "companies")
        shown = done("mode", "show", "--endpoint", "simulate")
        assert " simulate  off " in shown
        assert "everywhere" not in shown
        shown = done("mode", "show", "--endpoint", "companies", "--json")
        assert {name: state["mode"] for name, state in shown["endpoints"].items()} == {"companies": "enforce"}

    def test_the_ceiling_of_this_host(self, done, tmp_path, monkeypatch):
        done("mode", "set", "enforce", "--share", "10", "--reason", "go")
        ceiling = tmp_path / "ceiling"
        monkeypatch.setenv("STAGENORM_FORCE_FILE", str(ceiling))
        assert done("mode", "show", "--json")["ceiling"] is None
        ceiling.touch()
        shown = done("mode", "show", "--json")
        assert (shown["ceiling"], shown["global"]["mode"]) == ("warn", "enforce")
        monkeypatch.setenv("STAGENORM_FORCE_MODE", "off")
        assert "The ceiling of this host is off: its services are never stricter" in done("mode", "show")

    def test_what_counts_for_a_time(self, done):
        done("alias", "add", "Angel", "seed", "--for", "1h", "--reason", "import")
        assert "Counting for a time: aliases 1, exemptions 0" in done("mode", "show")

    def test_a_time_that_no_calendar_has(self, done, file_url):
        change = control.Change(Actor.OPERATOR, "ada", "by hand", 1e300)
        control.set_mode(open_store(file_url), change, Mode.OFF, 0, default=DEFAULT)
        assert "1e+300 s" in done("mode", "show")


@pytest.mark.usefixtures("file_url")
def test_the_author_is_the_user_of_the_system(done, monkeypatch):
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("LOGNAME", "somebody")
    done("mode", "set", "off", "--reason", "go")
    assert done("mode", "show", "--json")["global"]["changed_by"] == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.usefixtures("file_url")
def test_a_user_without_a_name_is_a_number(done, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 987654321)
    done("mode", "set", "off", "--reason", "go")
    assert done("mode", "show", "--json")["global"]["changed_by"] == "uid 987654321"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["set", "enforce", "--reason", "go"], "enforce needs --share PERCENT"),
        (["set", "warn", "--share", "10", "--reason", "go"], "--share goes with enforce"),
        (["set", "enforce", "--share", "101", "--reason", "go"], "--share"),
        (["set", "full", "--reason", "go"], "'full' is not one of 'off', 'warn', 'enforce'"),
        (["set", "warn"], "--reason"),
        (["set", "warn", "--reason", " "], "--reason"),
        (["set", "warn", "--reason", "go", "--by", ""], "--by"),
        (["set", "warn", "--reason", "go", "--endpoint", ""], "--endpoint"),
        (["downgrade"], "--reason"),
        (["unlatch"], "--reason"),
        (["clear", "--reason", "go"], "--endpoint"),
        (["clear", "--reason", "go", "--endpoint", " "], "--endpoint"),
        (["clear", "--endpoint", "simulate"], "--reason"),
        (["undo"], "--reason"),
        (["history", "--limit", "0"], "--limit"),
        (["show", "--store", "memory://"], "memory:// is inside one process, where no command reaches it"),
        (["show", "--store", "http://127.0.0.1"], "store URL with scheme 'http'"),
        (["show", "--store", "/var/x.json"], "store URL '/var/x.json': write file:///var/x.json"),
        (["show", "--store", "file://modes.json"], "write file:///absolute/path"),
    ],
)
@pytest.mark.usefixtures("file_url")
def test_wrong_usage(invoke, arguments, complaint):
    wrong = invoke("mode", *arguments)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert complaint in wrong.stderr
    assert invoke("mode", "history", "--json").stdout == "[]\n"


def test_no_store_is_wrong_usage_and_says_how_to_name_one(stagenorm):
    wrong = stagenorm("mode", "show")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no store is named: give file:///var/lib/stagenorm/modes.json or redis://" in wrong.stderr
    assert "STAGENORM_STORE" in wrong.stderr


@pytest.mark.usefixtures("file_url")
def test_nothing_to_undo_is_refused(refused):
    assert "nothing was ever changed in this store" in refused("mode", "undo", "--reason", "sorry")


@pytest.mark.usefixtures("file_url")
def test_a_share_that_is_no_number_is_refused(invoke):
    assert invoke("mode", "set", "enforce", "--share", "nan", "--reason", "go").exit_code in (1, 2)
    assert invoke("mode", "history", "--json").stdout == "[]\n"


def test_a_setting_that_names_no_mode_is_refused(refused, file_url, monkeypatch):
    monkeypatch.setenv("STAGENORM_DEFAULT_MODE", "strict")
    assert "STAGENORM_DEFAULT_MODE is 'strict'" in refused("mode", "show")
    monkeypatch.delenv("STAGENORM_DEFAULT_MODE")
    monkeypatch.setenv("STAGENORM_FORCE_MODE", "strict")
    assert "STAGENORM_FORCE_MODE is 'strict'" in refused("mode", "show")


class TestAStoreThatIsGone:
    COMMANDS = (
        ["mode", "show"],
        ["mode", "show", "--json"],
        ["mode", "set", "warn", "--reason", "go"],
        ["mode", "set", "warn", "--reason", "go", "--json"],
        ["mode", "downgrade", "--reason", "go"],
        ["mode", "unlatch", "--reason", "go"],
        ["mode", "clear", "--endpoint", "simulate", "--reason", "go"],
        ["mode", "undo", "--reason", "go"],
        ["mode", "history"],
        ["alias", "add", "Angel", "seed", "--for", "1h", "--reason", "go"],
        ["alias", "remove", "Angel"],
        ["alias", "list"],
        ["exempt", "add", "partner", "--for", "1h", "--reason", "go"],
        ["exempt", "remove", "partner"],
        ["exempt", "list"],
    )

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_nothing_is_guessed_and_no_secret_is_shown(self, refused, free_port, command):
        port = free_port()
        why = refused(*command, "--store", f"redis://ada:hunter2@127.0.0.1:{port}/0")
        assert why.startswith(f"stagenorm: redis://127.0.0.1:{port}/0 cannot be reached: ")
        assert "hunter2" not in why

    def test_by_process(self, stagenorm, environment, free_port):
        environment["STAGENORM_STORE"] = f"redis://ada:hunter2@127.0.0.1:{free_port()}/0"
        gone = stagenorm("mode", "show", "--json")
        assert (gone.returncode, gone.stdout) == (1, "")
        assert "cannot be reached" in gone.stderr
        assert "hunter2" not in gone.stderr

    def test_a_wrong_password(self, refused, valkey):
        url = valkey.url.replace("redis://", "redis://ada:hunter2@")
        why = refused("mode", "show", "--store", url)
        assert "refuses the user or password: check the store URL" in why
        assert "hunter2" not in why

    def test_a_url_that_cannot_be_read(self, invoke):
        wrong = invoke("mode", "show", "--store", "redis://ada:hun/ter2@127.0.0.1")
        assert wrong.exit_code == 2
        assert "ter2" not in wrong.output

    def test_a_file_that_is_damaged(self, refused, file_url, tmp_path):
        (tmp_path / "modes.json").write_text("{}")
        assert "modes.json is torn or damaged: restore it" in refused("mode", "show")

    def test_a_directory_that_is_not_there(self, refused, tmp_path):
        url = (tmp_path / "absent" / "modes.json").as_uri()
        assert "its directory is not there" in refused("mode", "set", "off", "--reason", "go", "--store", url)


def test_a_store_in_use_is_named_without_its_secrets(done, valkey):
    url = valkey.fresh_url()
    with valkey.client() as client:
        client.execute_command("ACL", "SETUSER", "ada", "on", ">hunter2", "~*", "&*", "+@all")
    shown = done("mode", "show", "--store", url.replace("redis://", "redis://ada:hunter2@"))
    prefix = url.rpartition("=")[2]
    assert shown.splitlines()[0] == f"redis://127.0.0.1:{valkey.port}/0, prefix {prefix}"
    assert "hunter2" not in shown


def test_what_was_only_tried_is_erased(valkey):
    url = valkey.fresh_url()
    store = RedisModeStore(url, timeout=2)
    control.set_mode(store, control.Change(Actor.OPERATOR, "ada", "go", 1.0), Mode.OFF, 0, default=DEFAULT)
    store.erase()
    assert (store.read().revision, store.trail(1)) == (0, [])


def test_the_whole_by_process(stagenorm, environment, tmp_path):
    environment["STAGENORM_STORE"] = (tmp_path / "modes.json").as_uri()
    done = stagenorm("mode", "set", "enforce", "--share", "100", "--reason", "go", "--by", "ada", "--json")
    assert done.returncode == 0
    entry = json.loads(done.stdout)
    assert (entry["changed"], entry["revision"], entry["modes"][0]["to"]["mode"]) == (True, 1, "enforce")
    assert stagenorm("mode", "downgrade", "--reason", "burning").returncode == 0
    refused = stagenorm("mode", "set", "enforce", "--share", "100", "--reason", "go on")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("stagenorm: warn to enforce: latched since ")
    shown = json.loads(stagenorm("mode", "show", "--json").stdout)
    assert (shown["global"]["mode"], shown["global"]["latched"], shown["source"]) == ("warn", True, "store")
