"""The resolver's thread in real processes: plain scripts, threads, and gunicorn with a preloaded application."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import control, open_store
from tests.stores.resolver.scripts import FORKED, run

EXAMPLES = Path(__file__).parents[3] / "examples"
WARN = ModeState(Mode.WARN)


def operate(url, mode, share=100):
    change = control.Change(Actor.OPERATOR, "ada", "test", time.time())
    control.set_mode(open_store(url, timeout=5), change, Mode(mode), share, default=WARN)


def test_a_plain_script_ends_cleanly_and_at_once(url):
    out = run(
        """
        resolver = ModeResolver(open_store(sys.argv[1]))
        follows(resolver, "enforce")
        print(time.time())
        """,
        url,
    )
    assert time.time() - float(out) < 1.5  # an interpreter's own end included


def test_a_script_ends_while_its_store_is_frozen(serve_bytes):
    with serve_bytes() as silent:
        out = run(
            """
            import logging
            logging.disable()
            resolver = ModeResolver(open_store(sys.argv[1]), ttl=0.01)
            until(lambda: resolver.status().error)
            print(time.time())
            """,
            f"redis://127.0.0.1:{silent.port}",
        )
        assert time.time() - float(out) < 1.5


def test_threads_share_one_view(url):
    run(
        """
        resolver = ModeResolver(open_store(sys.argv[1]))
        until(lambda: threading.active_count() == 3)  # beside the timer of an answer
        seen = []
        def work():
            until(lambda: resolver.view.state("simulate").mode is Mode.ENFORCE)
            seen.append(True)
        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads: thread.start()
        operate(resolver.store, "enforce")
        for thread in threads: thread.join()
        assert len(seen) == 16
        resolver.close()
        until(lambda: threading.active_count() == 1)
        """,
        url,
    )


def test_where_no_thread_can_start_a_script_still_follows(url):
    run(
        """
        import logging, io
        heard = io.StringIO()
        logging.basicConfig(stream=heard)
        start = threading.Thread.start
        threading.Thread.start = lambda thread: (_ for _ in ()).throw(RuntimeError("can't start new thread"))
        resolver = ModeResolver(open_store(sys.argv[1]), ttl=0.05)
        follows(resolver, "enforce")
        child = os.fork()
        if child == 0:
            operate(resolver.store, "off")
            until(lambda: resolver.view.state("simulate").mode is Mode.OFF)
            os._exit(threading.active_count() - 1)
        assert os.waitpid(child, 0)[1] == 0
        threading.Thread.start = start
        assert heard.getvalue().count("no thread can run here") == 1
        """,
        url,
        warnings=FORKED,
    )


def ask(port):
    """What a guarded service answers to an unknown value: 400 in enforce, else 200; and by which worker."""
    body = json.dumps({"stageDistribution": [{"stage": "Series Z"}]}).encode()
    target = f"http://127.0.0.1:{port}/api/monte-carlo/simulate"
    request = Request(target, body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=10) as response:
            return response.status
    except OSError as error:
        return getattr(error, "code", None)


@pytest.mark.parametrize("url", ["file", "valkey"], indirect=True)
def test_gunicorn_with_a_preloaded_application(url, free_port, until, tmp_path):
    log = tmp_path / "log"
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--bind", f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "STAGENORM_STORE": url}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "flask_app:app"], cwd=EXAMPLES, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: ask(port) == 200)
        for mode, status in (("enforce", 400), ("warn", 200), ("enforce", 400)):
            operate(url, mode)
            until(lambda: {ask(port) for _ in range(24)} == {status})  # noqa: B023 - polled at once
        server.terminate()
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in log.read_text()
