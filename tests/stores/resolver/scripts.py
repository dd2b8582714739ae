"""Scripts that use a resolver, each in a process of its own."""

import os
import signal
import subprocess
import sys
import textwrap

FORKED = "ignore:This process:DeprecationWarning"  # Python 3.12 warns of every fork beside a thread
_HELPERS = """
import os, sys, threading, time
from stagenorm import Mode, ModeState
from stagenorm.core.modes import Actor
from stagenorm.stores import ModeResolver, control, open_store

def operate(store, mode):
    change = control.Change(Actor.OPERATOR, "ada", "test", time.time())
    control.set_mode(store, change, Mode(mode), 100, default=ModeState(Mode.WARN))

def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.002)

def follows(resolver, mode, store=None):
    operate(store or resolver.store, mode)
    until(lambda: resolver.view.state("simulate").mode is Mode(mode))
"""


def run(script, *arguments, warnings="error"):
    """Run a script to its end, which comes by itself and clean; returns what it printed."""
    command = [sys.executable, "-W", warnings, "-c", _HELPERS + textwrap.dedent(script), *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:
        try:
            out, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with its children, which may be what is stuck
            raise
    assert (process.returncode, errors) == (0, "")
    return out
