"""The demo's own store: never that of a rollout, and gone afterwards."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stagenorm import ConfigurationError, Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.demo.store import own_store
from stagenorm.stores import FileModeStore, control, open_store

CHANGE = control.Change(Actor.OPERATOR, "ada", "go", 100.0)


def enforce(store):
    return control.set_mode(store, CHANGE, Mode.ENFORCE, 100, default=ModeState(Mode.WARN))


def named(option, environment):
    """The URL that a shell makes of the option."""
    made = subprocess.check_output(
        ["sh", "-c", f"printf '%s\\n' {option}"], env={**os.environ, **environment}, text=True
    )
    flag, url = made.splitlines()
    assert flag == "--store"
    return url


@pytest.mark.parametrize("environment", [{}, {"STAGENORM_STORE": "memory://"}, "file"])
def test_without_a_redis_it_is_a_temporary_file(tmp_path, environment):
    real = tmp_path / "modes.json"
    if environment == "file":
        environment = {"STAGENORM_STORE": real.as_uri()}
    with own_store(environment) as own:
        enforce(own.store)
        url = named(own.option, environment)
        assert open_store(url).read().everywhere.mode is Mode.ENFORCE
        assert isinstance(own.store, FileModeStore)
        assert not real.exists()
    assert not Path(urlsplit(url).path).parent.exists()


@pytest.mark.parametrize("prefixed", [True, False])
def test_in_a_redis_it_is_a_prefix_of_its_own(valkey, prefixed):
    url = valkey.fresh_url()
    if not prefixed:
        url = valkey.url
    environment = {"STAGENORM_STORE": url}
    with valkey.client() as client:
        before = set(client.keys())
        with own_store(environment) as own, own_store(environment) as other:
            enforce(own.store)
            assert open_store(named(own.option, environment), timeout=2).read().everywhere.mode is Mode.ENFORCE
            assert other.store.read().revision == open_store(url, timeout=2).read().revision == 0
            assert url not in own.option
        assert set(client.keys()) == before


def test_a_redis_that_went_away_is_no_failure_at_the_end(start_server):
    server = start_server()
    with own_store({"STAGENORM_STORE": server.url}) as own:
        enforce(own.store)
        server.stop()


def test_a_url_of_no_store_is_refused():
    with pytest.raises(ConfigurationError), own_store({"STAGENORM_STORE": "http://127.0.0.1"}):
        pass
