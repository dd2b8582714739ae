"""``stagenorm mode``: the switch, on a file and on a server, and what it says when it cannot be thrown."""

import json
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

    def test_history_of_an_endpoint_is_what_changed_there(self, done):
        done("mode", "set", "off", "--endpoint", "simulate", "--reason", "its own")
        assert done("mode", "history", "--endpoint", "companies") == "nothing was ever changed there\n"
        done("mode", "set", "warn", "--endpoint", "companies", "--reason", "its own")
        done("mode", "set", "warn", "--reason", "everywhere")
        for name in ("simulate", "companies"):
            done("exempt", "add", "p", "--endpoint", name, "--for", "1h", "--reason", "x")
            done("alias", "add", "angel", "seed", "--endpoint", name, "--for", "1h", "--reason", "x")
        done("exempt", "add", "q", "--for", "1h", "--reason", "everywhere")
        told = done("mode", "history", "--endpoint", "companies", "--json")
        assert [entry["revision"] for entry in told] == [8, 7, 6, 3, 2]
        newest = done("mode", "history", "--endpoint", "simulate", "--limit", "2", "--json")
        assert [entry["revision"] for entry in newest] == [8, 5]

    def test_undo_of_an_endpoint_says_what_it_puts_back(self, done):
        done("mode", "set", "off", "--endpoint", "simulate", "--reason", "a")
        done("mode", "set", "enforce", "--share", "100", "--reason", "b")
        said = done("mode", "undo", "--endpoint", "simulate", "--reason", "sorry", "--by", "bob")
        assert said == "undo simulate: off -> as everywhere\nby bob: sorry\nstored as revision 3\n"
        assert standing(done) == ("enforce", 100, False)

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
        assert note.startswith("note: simulat is named for the first time")
        assert self.notes(invoke, "mode", "set", "warn", "--endpoint", "simulat") == []

    def test_notes_keep_out_of_what_machines_read(self, invoke):
        result = invoke("mode", "set", "warn", "--reason", "go", "--json")
        assert json.loads(result.stdout)["changed"] is True
        assert result.stderr.startswith("note: ")

    @pytest.mark.parametrize("command", ["undo", "unlatch"])
    def test_what_nobody_saw_is_not_taken_back(self, done, refused, file_url, monkeypatch, command):
        """An alert comes between what is shown and what is stored: its latch stays."""
        done("mode", "set", "enforce", "--share", "10", "--reason", "go")
        alert(file_url)
        if command == "undo":
            done("mode", "unlatch", "--reason", "seen")
            done("mode", "set", "enforce", "--share", "50", "--reason", "go on")

        def overtaken(_):
            if command == "unlatch":
                done("mode", "unlatch", "--reason", "seen")
            alert(file_url)

        with monkeypatch.context() as patched:
            patched.setattr(trail, "show_change", overtaken)
            patched.setattr("stagenorm.cli.change.trail.show_change", lambda _: (patched.undo(), overtaken(_)))
            result = refused("mode", command, "--reason", "back")
        assert "somebody else changed the store meanwhile, so nothing was changed" in result
        assert standing(done) == ("warn", 50 if command == "undo" else 10, True)

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
