"""Runs and reverts in processes that are killed: ``dying.py URL`` reads lines of what to do and after how many seconds to
kill it, does each in a fork of itself, and prints how it ended."""

import os
import signal
import sys
import time
import traceback

from stagenorm import INVESTMENT_STAGES, Normalizer
from stagenorm.backfill import revert as reverting
from stagenorm.backfill.database import Database
from stagenorm.backfill.pace import Pace
from stagenorm.backfill.run import Allowance, run
from stagenorm.backfill.target import Target
from stagenorm.backfill.walk import Conduct

CONDUCT = Conduct(Pace(start=10, least=10, most=10))


def work(what, url):
    if what == "run":
        run(
            Database(url),
            Target.parse("deals", "stage"),
            Normalizer(INVESTMENT_STAGES),
            Allowance(None, "a test"),
            CONDUCT,
        )
    else:
        reverting.revert(Database(url), 1, CONDUCT)


def forked(what, url):
    child = os.fork()
    if child:
        return child
    try:
        work(what, url)
    except BaseException:  # noqa: BLE001 - told to the test
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def ended(child, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return "done" if os.waitstatus_to_exitcode(status) == 0 else "failed"
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "killed" if status == -signal.SIGKILL else "done" if status == 0 else "failed"


if __name__ == "__main__":
    for line in sys.stdin:
        what, seconds = line.split()
        began = time.monotonic()
        how = ended(forked(what, sys.argv[1]), float(seconds))
        sys.stdout.write(f"{how} {time.monotonic() - began}\n")
        sys.stdout.flush()
