"""``stagenorm mode show``, and what the commands say when they are used wrongly or the store cannot be reached."""

import os
import pwd

import pytest

from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import control, open_store

STATE = ["mode", "share", "revision", "changed_by", "reason", "changed_at", "latched"]
DEFAULT = ModeState(Mode.WARN)


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
        (["set", "full", "--reason", "go"], "for 'MODE': 'full' is not one of 'off', 'warn', 'enforce'"),
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
    assert "there is nothing to undo" in refused("mode", "undo", "--reason", "sorry")


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
        url = valkey.url.replace("redis://", "redis://nobody:hunter2@")
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
