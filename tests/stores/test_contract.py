"""One contract suite over every store."""

import pytest

from stagenorm.stores import FileModeStore, MemoryModeStore, RedisModeStore
from stagenorm.testing import ModeStoreContract


class TestMemory(ModeStoreContract):
    @pytest.fixture(autouse=True)
    def _store(self):
        self.store = MemoryModeStore()

    def make_store(self):
        return self.store


class TestFile(ModeStoreContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path):
        self.path = tmp_path / "modes.json"

    def make_store(self):
        return FileModeStore(self.path)


class TestValkey(ModeStoreContract):
    @pytest.fixture(autouse=True)
    def _url(self, valkey):
        self.url = valkey.fresh_url()

    def make_store(self):
        return RedisModeStore(self.url, timeout=2)
