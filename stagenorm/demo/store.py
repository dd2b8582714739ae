"""Where the demo keeps its modes: always in a store of its own, so that it never touches those of a real rollout."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from stagenorm.errors import StoreError
from stagenorm.stores import ModeStore, open_store

_SECONDS = 2.0  # the demo changes modes while people watch, not while requests wait


@dataclass(frozen=True, slots=True)
class DemoStore:
    """A store that is gone when the demo ends.

    Attributes:
        store: the store.
        option: the ``--store`` that names it in a shell, without secrets.
    """

    store: ModeStore
    option: str


@contextmanager
def own_store(environ: Mapping[str, str] = os.environ) -> Iterator[DemoStore]:
    """A fresh store: in the Redis that ``STAGENORM_STORE`` names, under a prefix of its own; else in a temporary file.

    Raises:
        ConfigurationError: the URL is no store's.
    """
    url = environ.get("STAGENORM_STORE", "")
    if url.partition(":")[0] in ("", "memory", "file"):
        with TemporaryDirectory(prefix="stagenorm-demo-") as directory:
            own = (Path(directory) / "modes.json").as_uri()
            yield DemoStore(open_store(own), f"--store {shlex.quote(own)}")
        return
    from stagenorm.stores.redis import RedisModeStore  # noqa: PLC0415 - an extra, needed only here

    prefix = f"{'&' if '?' in url else '?'}prefix=stagenorm-demo-{secrets.token_hex(4)}"  # the last prefix counts
    store = RedisModeStore(url + prefix, timeout=_SECONDS)
    try:
        yield DemoStore(store, f'--store "$STAGENORM_STORE{prefix}"')
    finally:
        with suppress(StoreError):  # it went away first
            store.erase()
