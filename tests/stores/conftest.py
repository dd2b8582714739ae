"""What only the stores' tests need: TLS, Sentinel, and listeners that are no servers."""

import os
import socket
import threading

import pytest
import trustme

from tests.conftest import fresh_number, until


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A directory with a certificate for 127.0.0.1 and the authority that signed it."""
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.crt")
    issued.private_key_pem.write_to_path(directory / "server.key")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(directory / "server.crt", append=True)
    return directory


class SentinelGroup:
    """A primary, its replica, and a sentinel that watches them."""

    def __init__(self, start_server, directory, password=None):
        self.primary = start_server("--repl-diskless-sync-delay", 0)
        self.replica = start_server("--replicaof", "127.0.0.1", self.primary.port)
        configuration = directory / "sentinel.conf"
        configuration.write_text(
            f"sentinel monitor main 127.0.0.1 {self.primary.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
        )
        if password:
            with configuration.open("a") as file:
                file.write(f"requirepass {password}\n")
        self.sentinel = start_server(sentinel=configuration, password=password)
        with self.sentinel.client() as sentinel, self.replica.client() as replica:
            until(lambda: replica.info("replication")["master_link_status"] == "up")
            until(lambda: sentinel.sentinel_slaves("main"))

    def fresh_url(self):
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/main?prefix=test{os.getpid()}-{fresh_number()}"


@pytest.fixture
def start_sentinel(start_server, tmp_path):
    return lambda **options: SentinelGroup(start_server, tmp_path, **options)


@pytest.fixture(scope="session")
def sentinel(start_shared_server, tmp_path_factory):
    """One group for every test that breaks nothing."""
    return SentinelGroup(start_shared_server, tmp_path_factory.mktemp("sentinel"))


class Listener:
    """Takes connections on a port, and answers whatever is sent with the same bytes; None never answers."""

    def __init__(self, answer=None, port=0):
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", port))
        self._connections = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        self.port = self._socket.getsockname()[1]

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(connection)
            if self._answer is not None:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            while connection.recv(65536):
                connection.sendall(self._answer)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for connection in self._connections:
            connection.close()


@pytest.fixture
def serve_bytes():
    return Listener
