"""The controller is killed at random lines, and the story is the same."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

import stagenorm
from stagenorm.rollout.controller import Move
from stagenorm.stores import FileModeStore, RedisModeStore, control
from tests.rollout.worlds import HOUR, World

KILLS = 50
TICKS = 24 * 30
SOURCES = str(Path(stagenorm.__file__).parent)


class Lines:
    """Counts the lines of stagenorm that are run, and kills this process at one of them."""

    def __init__(self, last=None):
        self.count = 0
        self.last = last

    def __call__(self, frame, event, _):
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        if event == "line":
            self.count += 1
            if self.count == self.last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self

    def watch(self, act):
        sys.settrace(self)
        try:
            act()
        finally:
            sys.settrace(None)
        return self.count


def killed(act, line):
    """Run it in a child that is killed at a line; whether it was."""
    child = os.fork()
    if not child:
        try:
            Lines(line).watch(act)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def story(store, disturb):
    """Thirty days, an alert and an unlatch among them; returns the trail. ``disturb`` may do anything before a tick."""
    world, alerted = World(store), False
    for _ in range(TICKS):
        disturb(world)
        while isinstance(world.later(0), Move):
            pass
        if world.step == "enforce 50%" and not alerted:
            alerted = world.alert("companies")
        if alerted and world.step == "backfill" and world.mode("companies")[2]:
            control.unlatch(store, world.operator())
        world.now += HOUR
    return [(each.action, each.at, each.reason, each.actor, each.after) for each in store.trail(100)]


@pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)  # the child only looks and dies
@pytest.mark.parametrize("kind", ["file", "redis"])
def test_killed_at_fifty_random_lines_it_tells_the_same_story(kind, tmp_path, valkey):
    def fresh(name):
        return FileModeStore(tmp_path / name) if kind == "file" else RedisModeStore(valkey.fresh_url(), timeout=5)

    undisturbed = story(fresh("undisturbed"), lambda world: None)
    steps = [after.rollout["*"].step for *_, after in undisturbed[::-1] if after.rollout]
    assert steps[-1] == "enforce 100%"
    assert steps.count("enforce 10%") == 2  # the alert, and the way up again
    moves = {at for action, at, *_ in undisturbed if action.startswith("rollout")}
    chance = random.Random(6)
    kills, times = 0, -(-KILLS // len(moves))

    def kill(world):
        nonlocal kills
        if world.now not in moves:
            return
        rehearsal = Lines()
        rehearsal.watch(lambda: world.driver.look(world.track))
        here = 0
        while here < times:  # a tick is longer than a look: some die while they store, and some live to its end
            here += killed(world.driver.tick, chance.randrange(1, 2 * rehearsal.count))
        kills += here

    disturbed = story(fresh("disturbed"), kill)
    assert disturbed == undisturbed
    assert kills >= KILLS
