"""A Redis store that fails in every way, under a host that serves requests and enforces by default.

In all of it: no request fails or waits, nobody is rejected beyond the last confirmed share, what is damaged is never a
mode, and the host follows the switch again without a restart.
"""

import gc
import logging
import re
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from stagenorm import StoreError
from stagenorm.core.modes import Actor
from stagenorm.stores import control, open_store
from stagenorm.stores.protocol import Snapshot
from stagenorm.testing.stores import entry_after

_KEPT = ("--appendonly", "yes", "--appendfsync", "always")  # a restart finds everything again


@contextmanager
def killed(server, _):
    server.signal(signal.SIGKILL)
    server.process.wait()
    yield
    server.start()


@contextmanager
def frozen(server, _):
    server.signal(signal.SIGSTOP)
    yield
    server.signal(signal.SIGCONT)


def answering(answer):
    """Something else listens on the server's port."""

    @contextmanager
    def fault(server, listener):
        server.signal(signal.SIGKILL)
        server.process.wait()
        with listener(answer, server.port):
            yield
        server.start()

    return fault


@contextmanager
def password_changed(server, _):
    with server.client() as client:
        client.config_set("requirepass", "another")
        client.client_kill_filter(_type="normal", skipme=True)
        client.client_kill_filter(_type="pubsub", skipme=True)
        yield
        client.config_set("requirepass", "")


def holding(damage):
    """The state key is given to a function, which leaves something else there."""

    @contextmanager
    def fault(server, _):
        with server.client() as client:
            stored = client.get("stagenorm:state")
            damage(client, "stagenorm:state", stored)
            yield
            client.set("stagenorm:state", stored)

    return fault


def replaced(old, new):
    return holding(lambda client, key, stored: client.set(key, stored.replace(old, new)))


@holding
def of_another_type(client, key, _):
    client.delete(key)
    client.rpush(key, "a list")


FAULTS = {
    "killed": (killed, "cannot be reached"),
    "frozen": (frozen, "did not answer within 0.5 s"),
    "never answers": (answering(None), "did not answer within"),
    "answers HTTP": (answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "127.0.0.1"),
    "answers noise": (answering(bytes(range(256)) * 16), "127.0.0.1"),
    "answers a promise": (answering(b"$999999999999\r\nabc"), "127.0.0.1"),
    "answers a nest": (answering(b"*1\r\n" * 5000), "127.0.0.1"),
    "answers a number": (answering(b":7\r\n"), "127.0.0.1"),
    "answers with a snapshot of nothing": (answering(b"+OK\r\n"), "127.0.0.1"),
    "answers that there is nothing": (
        answering(b"$-1\r\n"),
        "went back from revision 1 to 0, which would enforce more",
    ),
    "hangs up": (answering(b""), "127.0.0.1"),
    "is loading": (answering(b"-LOADING Redis is loading the dataset in memory\r\n"), "loading"),
    "is a cluster": (answering(b"-MOVED 3999 127.0.0.1:6381\r\n"), "is a Redis Cluster"),
    "password changed": (password_changed, "refuses the user or password: check the store URL"),
    "wrong type": (of_another_type, "holds something else: choose another prefix"),
    "torn": (holding(lambda client, key, stored: client.set(key, stored[:-9])), "holds no mode state"),
    "empty": (holding(lambda client, key, _: client.set(key, b"")), "holds no mode state"),
    "empty object": (holding(lambda client, key, _: client.set(key, b"{}")), "holds no mode state"),
    "binary": (holding(lambda client, key, _: client.set(key, b"\xff\x00\xfe")), "holds no mode state"),
    "unknown mode": (replaced(b'"enforce"', b'"strict"'), "holds no mode state"),
    "latched and enforcing": (replaced(b'"latched":false', b'"latched":true'), "what is latched never enforces"),
    "share over 100": (replaced(b'"share":40', b'"share":400'), "holds no mode state"),
    "share missing": (replaced(b'"share":40,', b""), "fields are missing"),
    "revision zero": (replaced(b'{"revision":1,', b'{"revision":0,'), "revision 0 is never stored"),
    "negative revision": (replaced(b'{"revision":1,', b'{"revision":-1,'), "holds no mode state"),
    "no endpoints": (replaced(b'"endpoints":{},', b""), "fields are missing"),
}


@pytest.mark.parametrize(("fault", "complaint"), FAULTS.values(), ids=FAULTS)
def test_a_store_that_fails_costs_nothing(start_server, start_host, serve_bytes, until, caplog, fault, complaint):
    caplog.set_level(logging.WARNING, "stagenorm")
    server = start_server(*_KEPT)
    host = start_host(server.url)
    host.follows("enforce", 40)
    host.forget()
    with fault(server, serve_bytes):
        until(lambda: host.resolver.status().error)
        assert complaint in host.resolver.status().error
        assert host.resolver.status().source == "last-known"
        host.serve()
        assert host.holds("enforce", 40)
    until(lambda: not host.resolver.status().error)
    host.serve()
    host.assert_untouched(share=40)
    host.follows("warn")
    degraded, recovered = (record.message for record in caplog.records)
    assert re.fullmatch("mode store degraded: .*; the last confirmed state holds", degraded)
    assert recovered.startswith("mode store recovered after")


@pytest.mark.parametrize("act", ["read", "trail", "replace", "subscribe", "wait"])
def test_an_answer_that_trickles_in_is_cut_off(trickle, act):
    with trickle(within_a_push=act == "wait") as port:
        store = open_store(f"redis://127.0.0.1:{port}", timeout=0.05)
        acts = {
            "read": store.read,
            "trail": lambda: store.trail(1),
            "replace": lambda: store.replace(entry_after(Snapshot())),
            "subscribe": store.subscribe,
            "wait": lambda: hear(store),
        }
        with pytest.raises(StoreError, match=r"did not end its answer within 0.5 s"):
            acts[act]()


def hear(store):
    subscription = store.subscribe()
    try:
        while not subscription.wait(20):
            pass
    finally:
        subscription.close()


def test_a_damaged_state_is_not_overwritten(valkey, until):
    url = valkey.fresh_url()
    store = open_store(url, timeout=5)
    store.replace(entry_after(Snapshot()))
    with valkey.client() as client:
        (key,) = client.keys(f"{url.partition('=')[2]}:state")
        for damaged in (b"{", b"null", b'{"revision":-1}', b'{"revision":1.5}', b'{"revision":"1"}'):
            client.set(key, damaged)
            for revision in (-1, 0, 1):
                before = Snapshot(revision) if revision >= 0 else Snapshot()
                with pytest.raises(StoreError, match="holds no mode state"):
                    store.replace(entry_after(before))
            assert client.get(key) == damaged
    assert len(store.trail(10)) == 1


def test_a_store_that_restarts_empty_enforces_no_more(start_server, start_host, until):
    server = start_server()
    host = start_host(server.url)
    host.follows("enforce", 40)
    host.follows("enforce", 10)
    host.forget()
    with killed(server, None):
        pass
    until(lambda: "went back from revision 2 to 0" in (host.resolver.status().error or ""))
    host.serve()
    assert host.holds("enforce", 10)
    host.assert_untouched(share=10)
    host.follows("enforce", 70)  # revision 1 of the new store
    assert host.resolver.status().error is None


def test_a_store_that_restarts_empty_may_enforce_less(start_server, start_host, until, caplog):
    server = start_server()
    host = start_host(server.url, default=None)  # warn
    host.follows("enforce", 40)
    host.forget()
    with killed(server, None):
        pass
    until(lambda: host.holds("warn"))
    assert host.resolver.status().source == "default"
    until(lambda: "mode store went back from revision 1 to 0" in caplog.messages)
    host.follows("enforce", 20)
    host.assert_untouched(share=40)


def test_nothing_listens_from_the_start(start_server, start_host, until):
    server = start_server()
    server.stop()
    host = start_host(server.url, default=None)
    assert host.resolver.status().source == "default"
    assert "cannot be reached" in host.resolver.status().error
    host.serve()
    assert host.holds("warn")
    server.start()
    host.follows("enforce", 20)
    host.assert_untouched(share=20)


def test_a_wrong_password_from_the_start(start_server, start_host, until):
    server = start_server()
    with server.client() as client:
        client.config_set("requirepass", "right")
        host = start_host(server.url.replace("redis://", "redis://:wrong@"), default=None)
        assert "refuses the user or password" in host.resolver.status().error
        assert "wrong" not in host.resolver.status().error
        client.config_set("requirepass", "wrong")  # it was the server that had to change
        host.follows("enforce", 20)


def test_a_replica_is_read_but_not_written(start_server, start_host, until):
    primary = start_server("--repl-diskless-sync-delay", 0)
    replica = start_server("--replicaof", "127.0.0.1", primary.port)
    with replica.client() as client:
        until(lambda: client.info("replication")["master_link_status"] == "up")
    host = start_host(replica.url)
    with pytest.raises(StoreError, match="is a read-only replica: name the primary, or use Sentinel"):
        host.set("warn")
    host.operator = open_store(primary.url, timeout=5)
    host.follows("enforce", 20)  # the push comes through the replica too
    host.assert_untouched(share=100)


def test_a_failover_of_sentinel_is_followed(start_sentinel, start_host, until):
    group = start_sentinel()
    host = start_host(group.fresh_url())
    host.follows("enforce", 40)
    host.forget()
    with group.primary.client() as primary:
        assert primary.wait(1, 5000) == 1  # the replica has it
    group.primary.signal(signal.SIGKILL)
    group.primary.process.wait()
    until(lambda: host.resolver.status().error)
    until(lambda: host.resolver.status().source == "store")
    assert host.holds("enforce", 40)
    host.follows("enforce", 50)
    host.assert_untouched(share=50)
    with group.replica.client() as promoted:
        assert promoted.info("replication")["role"] == "master"


def test_a_clock_that_steps_back_changes_nothing(valkey, start_host, until):
    host = start_host(valkey.fresh_url())
    host.follows("enforce", 40)
    change = control.Change(Actor.ALERT, "clock", "stepped back", time.time() - 86_400)
    assert control.downgrade(host.operator, change, default=host.resolver.default)
    until(lambda: host.holds("warn", 40))
    host.forget()
    host.serve()
    assert host.holds("warn", 40)
    host.assert_untouched(share=0)


def test_a_replica_that_lags_enforces_no_more(valkey, start_host, until):
    url = valkey.fresh_url()
    host = start_host(url)
    host.follows("enforce", 90)
    with valkey.client() as client:
        (key,) = client.keys(f"{url.partition('=')[2]}:state")
        older = client.get(key)
        host.follows("warn")
        host.forget()
        newer = client.getset(key, older)
        until(lambda: host.resolver.status().error)
        host.serve()
        assert host.holds("warn")
        client.set(key, newer)
        until(lambda: not host.resolver.status().error)
    host.assert_untouched(share=0)


def test_a_lost_push_costs_at_most_a_ttl(valkey, start_host, until):
    url, ttl = valkey.fresh_url(), 0.5
    host = start_host(url, ttl=ttl)
    host.follows("enforce", 40)
    with valkey.client() as client:
        (key,) = client.keys(f"{url.partition('=')[2]}:state")
        subscribed = subscriptions(client, url)
        client.set(key, client.get(key).replace(b'{"revision":1', b'{"revision":2').replace(b":40,", b":30,"))
        started = time.monotonic()  # nobody was told
        until(lambda: host.holds("enforce", 30))
        assert time.monotonic() - started < ttl * 1.2
        until(lambda: subscriptions(client, url) not in ([], subscribed))  # what heard nothing is given up


def test_half_open_connections_are_given_up(start_server, start_host, until, forward):
    server = start_server()
    with forward(server.port) as proxy:
        host = start_host(f"redis://127.0.0.1:{proxy.port}")
        host.operator = open_store(server.url, timeout=5)
        host.follows("enforce", 40)
        host.forget()
        proxy.stall()
        until(lambda: host.resolver.status().error)
        until(lambda: not host.resolver.status().error)
        with server.client() as client:
            until(lambda: client.pubsub_numsub("stagenorm:changed") == [(b"stagenorm:changed", 2)])
        host.serve()
        host.assert_untouched(share=40)
        host.follows("warn")


def test_ten_thousand_changes_leave_nothing_behind(start_server, start_host, until):
    server = start_server()
    host = start_host(server.url)

    def held():
        gc.collect()
        with server.client() as client:
            sizes = (
                client.info("clients")["connected_clients"],
                client.strlen("stagenorm:state") // 1000,
            )  # its numbers may grow a digit
        return *sizes, threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    host.follows("enforce", 11)
    host.serve()
    before, objects = held(), len(gc.get_objects())
    for number in range(10_000):
        host.set("enforce", 10 + number % 80)
    until(lambda: host.holds("enforce", 10 + number % 80))
    assert all(after <= earlier for after, earlier in zip(held(), before, strict=True))
    assert len(gc.get_objects()) - objects < 1000
    assert not host.failures


def subscriptions(client, url):
    """The connections that listen for one store's changes."""
    return sorted(each["id"] for each in client.client_list(_type="pubsub") if each["sub"] == "1")


def test_two_writers_race_a_thousand_times(valkey, race):
    race(valkey.fresh_url())


WRITES = "~*", "+@connection", "+get", "+eval"


@pytest.fixture
def as_user(valkey):
    """URLs of a fresh prefix, for the server's own user and for one with these rights alone."""
    users = iter(("writer", "no-trail", "no-state"))

    def as_user(*rights):
        name, url = next(users), valkey.fresh_url()
        with valkey.client() as client:
            client.execute_command("ACL", "SETUSER", name, "reset", "on", ">secret", *WRITES, *rights)
        return url, url.replace("redis://", f"redis://{name}:secret@")

    return as_user


def test_a_user_without_a_right_to_push_stores_all_the_same(as_user):
    """Since Redis 7 a new user may publish on no channel."""
    whole, limited = as_user("+set", "+rpush", "resetchannels")
    store = open_store(limited, timeout=2)
    store.replace(entry_after(store.read()))
    assert (open_store(whole, timeout=2).read().revision, len(open_store(whole, timeout=2).trail(9))) == (1, 1)


@pytest.mark.parametrize("rights", [("+set", "+del", "allchannels"), ("+rpush", "+rpop", "allchannels")])
def test_state_and_trail_change_together_whatever_the_user_may(as_user, rights):
    whole, limited = as_user(*rights)
    store, refused = open_store(whole, timeout=2), open_store(limited, timeout=2)
    for revision in (0, 1):
        with pytest.raises(StoreError, match="refused"):
            refused.replace(entry_after(store.read()))
        assert (store.read().revision, len(store.trail(9))) == (revision, revision)
        store.replace(entry_after(store.read()))
