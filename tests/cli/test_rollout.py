"""``stagenorm rollout`` as a process, and the configuration that lies in the directory."""

import json
import signal

import pytest

TOML = 'store = "{store}"\n[[endpoints]]\nname = "companies"\n'


@pytest.fixture
def configured(tmp_path):
    """The directory that commands run in, and the URL of the store that its configuration names."""
    store = (tmp_path / "modes.json").as_uri()
    (tmp_path / "stagenorm.toml").write_text(TOML.format(store=store))
    return store


@pytest.mark.usefixtures("configured")
def test_the_controller_runs_as_it_stands_and_ends_when_it_is_told(start):
    controller = start("rollout", "run")
    began = controller.stdout.readline()
    assert "the rollout begins in warn, for no mode is stored and warn is the default" in began
    controller.send_signal(signal.SIGTERM)
    _, err = controller.communicate(timeout=60)
    assert (controller.returncode, err) == (0, "")


def test_the_switch_takes_the_store_of_the_configuration(stagenorm, configured):
    done = stagenorm("mode", "set", "off", "--reason", "count")
    assert done.returncode == 0, done.stderr
    shown = json.loads(stagenorm("mode", "show", "--store", configured, "--json").stdout)
    assert shown["global"]["mode"] == "off"


@pytest.mark.usefixtures("configured")
def test_an_undo_that_clears_a_latch_says_so(stagenorm):
    for command in (("set", "enforce", "--share", "100"), ("downgrade",)):
        assert stagenorm("mode", *command, "--reason", "go").returncode == 0
    undone = stagenorm("mode", "undo", "--reason", "back")
    assert "the latch that a downgrade left is gone with it" in undone.stderr


@pytest.mark.usefixtures("configured")
def test_an_undo_at_one_endpoint_says_so_too_while_another_stays_latched(stagenorm, tmp_path):
    with (tmp_path / "stagenorm.toml").open("a") as file:
        file.write('[[endpoints]]\nname = "funds"\n')
    for name in ("companies", "funds"):
        for command in (("set", "enforce", "--share", "100"), ("downgrade",)):
            assert stagenorm("mode", *command, "--endpoint", name, "--reason", "go").returncode == 0
    undone = stagenorm("mode", "undo", "--endpoint", "companies", "--reason", "back")
    assert "the latch that a downgrade left is gone with it" in undone.stderr


@pytest.mark.usefixtures("configured")
def test_an_endpoint_that_the_configuration_does_not_know_is_wrong_usage(stagenorm):
    why = ("--reason", "go")
    for command in (
        ("mode", "downgrade", *why),
        ("mode", "set", "off", *why),
        ("mode", "show"),
        ("alias", "add", "Growth", "series-c+", "--for", "1d", *why),
        ("exempt", "add", "partner", "--for", "1d", *why),
    ):
        done = stagenorm(*command, "--endpoint", "compnies")
        told = "'compnies' is no endpoint of stagenorm.toml: name one of companies, or leave --endpoint out for all"
        assert (done.returncode, told in done.stderr) == (2, True)
    assert stagenorm("mode", "downgrade", "--endpoint", "companies", *why).returncode == 0


@pytest.mark.usefixtures("configured")
def test_an_endpoint_that_leaves_the_others_says_how_it_comes_back(stagenorm):
    assert stagenorm("mode", "downgrade", "--reason", "go").returncode == 0
    unlatched = stagenorm("mode", "unlatch", "--endpoint", "companies", "--reason", "it is fine")
    assert "stagenorm mode clear --endpoint companies" in unlatched.stderr


@pytest.mark.usefixtures("configured")
def test_what_is_wrong_elsewhere_in_the_configuration_does_not_stand_before_the_switch(stagenorm, tmp_path):
    with (tmp_path / "stagenorm.toml").open("a") as file:
        file.write("[rollout]\noops = 1\n")
    assert stagenorm("rollout", "status").returncode == 1
    assert stagenorm("mode", "downgrade", "--reason", "fire").returncode == 0
    (tmp_path / "stagenorm.toml").write_text("store = ")
    broken = stagenorm("mode", "downgrade", "--reason", "fire")
    assert (broken.returncode, broken.stderr.rstrip().endswith("--store URL does without it")) == (1, True)


@pytest.mark.usefixtures("configured")
def test_the_history_of_an_endpoint_has_the_steps_of_its_rollout(stagenorm):
    assert stagenorm("rollout", "advance").returncode == 0  # it begins
    told = json.loads(stagenorm("mode", "history", "--endpoint", "companies", "--json").stdout)
    assert [entry["action"] for entry in told] == ["rollout begin"]


@pytest.mark.usefixtures("configured")
def test_resume_leaves_alone_what_nothing_holds(stagenorm):
    assert stagenorm("rollout", "advance").returncode == 0  # it begins
    assert stagenorm("rollout", "resume", "--reason", "go").stdout == "nothing to change\n"


def test_a_configuration_that_is_named_means_its_own_store_and_no_other(stagenorm, configured, tmp_path):
    shown = stagenorm("mode", "show")
    assert shown.stdout.splitlines()[0] == configured
    (tmp_path / "other.toml").write_text('[[endpoints]]\nname = "companies"\n')
    refused = stagenorm("rollout", "status", "--config", "other.toml")
    assert refused.returncode == 2
    assert "or name it in other.toml" in " ".join(refused.stderr.split())


@pytest.mark.usefixtures("configured")
def test_the_status_of_what_was_pulled_back_is_no_success_even_before_the_controller_takes_it_in(stagenorm):
    assert stagenorm("rollout", "advance").returncode == 0  # it begins
    for command in (("set", "enforce", "--share", "100"), ("downgrade",)):
        assert stagenorm("mode", *command, "--reason", "errors").returncode == 0
    pending = stagenorm("rollout", "status", "--json")
    told = json.loads(pending.stdout)
    assert (pending.returncode, told["result"], told["rollouts"][0]["verdict"]) == (1, "FAIL", "FAIL")
