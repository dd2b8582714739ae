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


class RedisContract(ModeStoreContract):
    url: str

    def make_store(self):
        return RedisModeStore(self.url, timeout=2)


class TestValkey(RedisContract):
    @pytest.fixture(autouse=True)
    def _url(self, valkey):
        self.url = valkey.fresh_url()


@pytest.fixture(scope="module")
def redis_server(start_shared_server, redis_binary):
    return start_shared_server(binary=redis_binary)


class TestRedis(RedisContract):
    @pytest.fixture(autouse=True)
    def _url(self, redis_server):
        self.url = redis_server.fresh_url()


@pytest.fixture(scope="module")
def tls_server(start_shared_server, redis_binary, certificates):
    return start_shared_server(binary=redis_binary, tls=certificates)


class TestTls(RedisContract):
    @pytest.fixture(autouse=True)
    def _url(self, tls_server):
        self.url = f"{tls_server.fresh_url()}&ssl_ca_certs={tls_server.tls / 'ca.crt'}".replace("redis:", "rediss:")


class TestSentinel(RedisContract):
    @pytest.fixture(autouse=True)
    def _url(self, sentinel):
        self.url = sentinel.fresh_url()
