"""A resolver whose clock and store the test holds in its hands, and a URL of each kind of store."""

import pytest

from stagenorm import Mode, ModeState, StoreError
from stagenorm.stores import ModeResolver, Snapshot

ENFORCE, WARN, OFF = (ModeState(mode, share=40) for mode in (Mode.ENFORCE, Mode.WARN, Mode.OFF))


def mode(resolver, endpoint="simulate"):
    return resolver.view.state(endpoint).mode


class ScriptedStore:
    """Answers what the test says, counts the reads, and pushes nothing."""

    def __init__(self, answer=None):
        self.answer = answer or Snapshot()
        self.reads = 0

    def read(self):
        self.reads += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def subscribe(self):
        raise StoreError("pushes nothing")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    return ScriptedStore(Snapshot(3, ModeState(Mode.ENFORCE, share=40)))


@pytest.fixture
def resolve(store, clock):
    """Makes a resolver whose thread never finds a read due: the clock stands unless the test moves it."""
    made = []

    def resolve(**options):
        made.append(ModeResolver(store, clock=clock, jitter=lambda: 0.0, **options))
        return made[-1]

    yield resolve
    for each in made:
        each.close()


@pytest.fixture(params=["memory", "file", "valkey"])
def url(request, tmp_path):
    if request.param == "memory":
        return "memory://"
    if request.param == "file":
        return f"file://{tmp_path}/modes.json"
    return request.getfixturevalue("valkey").fresh_url()
