"""Measure the consumer audit against grep and awk, and a simulation: ``python benchmarks/consumers.py [--json] [--short]``.

Wall-clock times are medians of rounds that alternate with the command they are held against. All run in the locale
C.UTF-8, as a server does; in C, which reads no letters, grep takes a third of the time. Exit 1 if a value is over twice its bound.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from table import Row, main

from stagenorm.rollout.scenario import SCENARIOS

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "tests" / "consumers" / "access-combined.log"
STAGENORM = (sys.executable, "-m", "stagenorm")
LOG_TOML = """
[[endpoints]]
name = "tags"
method = "GET"
path = "/blog/tags/{tag}"
fields = [{ query = "stage" }]

[[endpoints]]
name = "projects"
method = "GET"
path = "/projects/{name}"
fields = [{ query = "stage" }]

[[endpoints]]
name = "favicon"
method = "GET"
path = "/favicon.ico"
fields = [{ query = "stage" }]
"""
CODE_TOML = """
[[endpoints]]
name = "simulate"
method = "POST"
path = "/api/monte-carlo/simulate"
fields = [{ json = "$.stages[*]" }]

[[endpoints]]
name = "companies"
method = "GET"
path = "/api/funds/{id}/companies"
fields = [{ query = "stage" }]
"""
_GREP = r'"(GET|HEAD) (/blog/tags/[^/? ]+|/projects/[^/? ]+|/favicon\.ico)/?[? ]'
# The same: requests, first and last seen by endpoint, network and agent.
_AWK = r"""
{ split($7, path, "?"); split(path[1], part, "/"); n = split($0, quoted, "\"")
  sub(/\.[0-9]+$/, ".0/24", $1); who = part[2] " " $1 " " quoted[6]
  if (!(who in count)) first[who] = $4
  count[who]++; last[who] = $4 }
END { for (who in count) print count[who], first[who], last[who], who }
"""
_CODE_GREP = r"/api/(monte-carlo/simulate|funds/[^/]+/companies)"
_STAMP = re.compile(rb"\[(\d\d/\w{3}/\d{4}:\d\d):")
_FILES = 20_000
_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "",  # compiled before the rounds begin, as pip leaves what it installs
    "LC_ALL": "C.UTF-8",
}


def _make_log(path: Path, size: int) -> None:
    """The sample again and again, each time 84 hours later."""
    sample, written, times = SAMPLE.read_bytes(), 0, 0

    def later(match: re.Match[bytes]) -> bytes:
        hour = datetime.strptime(match[1].decode(), "%d/%b/%Y:%H") + timedelta(hours=84 * times)  # noqa: DTZ007
        return hour.strftime("[%d/%b/%Y:%H:").encode()

    with path.open("wb") as file:
        while written < size:
            written += file.write(_STAMP.sub(later, sample))
            times += 1


def _make_tree(directory: Path, files: int) -> None:
    """Files of Python's standard library again and again, and a call in one of a hundred."""
    found = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("[a-z]*/*.py"))
    texts = [path.read_bytes()[:8000] for path in found if "site-packages" not in path.parts]
    for number in range(files):
        path = directory / f"d{number % 200}" / f"f{number}.py"
        path.parent.mkdir(exist_ok=True)
        call = b'\nrequests.post(BASE + "/api/monte-carlo/simulate")\n' if number % 100 == 0 else b""
        path.write_bytes(texts[number % len(texts)] + call)
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    for arguments in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "files")):
        subprocess.run(["git", *arguments], cwd=directory, check=True)


def _seconds(command: Sequence[str | Path], directory: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=directory, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def _ratio(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    ours(), theirs()  # both find their files in memory
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    mine, others = (statistics.median(each) for each in zip(*pairs, strict=True))
    return mine / others, mine, others


def _peak(command: Sequence[str | Path], directory: Path) -> float:
    """Mebibytes that a command and its children hold together at most; what they share counts once."""
    process = subprocess.Popen(command, cwd=directory, env=_ENVIRONMENT, stdout=subprocess.DEVNULL)
    most = 0.0
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.02):
            most = max(most, sum(map(_held, _family(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    ended.set()
    watcher.join()
    return most


def _family(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return
    for child in children.split():
        yield from _family(int(child))


def _held(process: int) -> float:
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0]) / 1024


def measure(short: bool) -> Iterator[Row]:
    """Every row of the table."""
    megabytes = 300 if short else 1000
    rounds = 1 if short else 3
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        log, few = directory / "access.log", directory / "few.log"
        _make_log(log, megabytes * 1_000_000)
        _make_log(few, megabytes * 100_000)
        (directory / "stagenorm.toml").write_text(LOG_TOML)
        pipe = ["sh", "-c", 'zgrep -E "$1" "$2" | awk "$3"', "sh", _GREP, log, _AWK]
        ours = [*STAGENORM, "consumers", "logs", log]
        value, mine, others = _ratio(lambda: _seconds(ours, directory), lambda: _seconds(pipe, directory), rounds)
        yield Row(f"logs, {megabytes} MB, against zgrep -E | awk ({mine:.1f} s against {others:.1f} s)", value, 1.0)
        yield Row(f"peak memory at {megabytes} MB, all processes", _peak(ours, directory), 150.0, "MiB")
        yield Row(f"peak memory at {megabytes // 10} MB", _peak([*ours[:-1], few], directory), 150.0, "MiB")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _make_tree(directory, _FILES)
        (directory / "stagenorm.toml").write_text(CODE_TOML)
        value, mine, others = _ratio(
            lambda: _seconds([*STAGENORM, "consumers", "code", "."], directory),
            lambda: _seconds(["git", "grep", "-nE", _CODE_GREP], directory),
            rounds,
        )
        yield Row(f"code, {_FILES:,} files, against git grep -nE ({mine:.1f} s against {others:.2f} s)", value, 5.0)
        slowest = max(
            statistics.median(
                _seconds([*STAGENORM, "rollout", "simulate", "--scenario", name], directory) for _ in range(3)
            )
            for name in SCENARIOS
        )
        yield Row("rollout simulate, 30 days or more, the slowest scenario", slowest, 1.0, "s")


if __name__ == "__main__":
    sys.exit(main((__doc__ or "").splitlines()[0], measure))
