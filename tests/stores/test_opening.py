"""Store URLs: what each names, and that a mistake is an error when the store is opened, without the password in it."""

import pytest

from stagenorm import ConfigurationError, StoreError
from stagenorm.stores import FileModeStore, MemoryModeStore, RedisModeStore, Snapshot, open_store
from stagenorm.testing.stores import entry_after

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://", MemoryModeStore),
        ("file:///var/lib/stagenorm/modes.json", FileModeStore),
        ("file://localhost/var/lib/modes.json", FileModeStore),
        ("redis://127.0.0.1", RedisModeStore),
        ("rediss://user:p%2Fw@example.com:6380/3?ssl_cert_reqs=required", RedisModeStore),
        ("unix:///run/redis.sock?db=2", RedisModeStore),
        ("redis+sentinel://a,b:1,[::1]:2/main/3?sentinel_password=x&prefix=p", RedisModeStore),
    ],
)
def test_a_url_names_a_store(url, kind):
    assert isinstance(open_store(url), kind)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("modes.json", "store URL with scheme ''"),
        ("file://modes.json", "write file:///absolute/path"),
        ("file:///", "write file:///absolute/path"),
        ("redis:///0", "cannot be read: write redis://host:6379/0"),
        ("redis://host/none", "cannot be read: write redis://host:6379/0"),
        ("redis://host/-1", "cannot be read"),
        ("redis://host:port/0", "cannot be read"),
        ("redis://:hun/ter2@host/0", "what is neither letter nor digit in a password as %XX"),
        ("redis://:hun#ter2@host/0", "what is neither letter nor digit in a password as %XX"),
        ("redis://[hunter2", "cannot be read: check its host"),
        ("redis://:hunter2@host?socket_timeout=soon", "redis://host:6379: Invalid value for 'socket_timeout'"),
        ("redis://:hunter2@host?colour=red", "redis://host:6379: .*'colour'"),
        ("unix:///run/redis.sock?db=none", "unix:///run/redis.sock: Invalid value for 'db'"),
        ("rediss://host?ssl_cert_reqs=perhaps", "rediss://host:6379: Invalid SSL"),
        ("redis+sentinel://host", r"write redis\+sentinel://host:26379/service/0"),
        ("redis+sentinel://:hunter2@host:port/main", r"write redis\+sentinel://host:26379/service/0"),
        ("redis+sentinel://a,,b/main", r"write redis\+sentinel://host:26379/service/0"),
        ("redis+sentinel://a/main/none", r"write redis\+sentinel://host:26379/service/0"),
        ("redis+sentinel:///main", r"write redis\+sentinel://host:26379/service/0"),
        ("redis+sentinel://:hunter2@a/main?ssl=true", "takes no parameter 'ssl': remove it"),
    ],
)
def test_a_mistake_is_named_without_the_password(url, complaint):
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        open_store(url)
    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://ada:{SECRET}#1@127.0.0.1:1/0",
        f"redis://ada:{SECRET}/1@127.0.0.1:1/0",
        f"redis://:{SECRET}\u2100@127.0.0.1:1/0",
        f"redis://:{SECRET}@[::1/0",
        f"redis://:{SECRET}@127.0.0.1:port/0",
        f"redis://:{SECRET}@127.0.0.1:1/0?prefx=eu",
        f"redis://:{SECRET}@127.0.0.1:1/0?protocol=9",
        f"redis:ada:{SECRET}@127.0.0.1",
        f"redis+sentinel://:{SECRET}@127.0.0.1:1",
        f"redis+sentinel://:{SECRET}@127.0.0.1:port/service",
        f"redis+sentinel://:{SECRET}@127.0.0.1:1/service/first",
        f"http://:{SECRET}@127.0.0.1:1",
        f"file://ada:{SECRET}@127.0.0.1/modes.json",
        SECRET,
        f":{SECRET}@127.0.0.1",
    ],
)
def test_what_is_no_store_url_keeps_its_secret(url):
    with pytest.raises(ConfigurationError) as refused:
        open_store(url)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["redis://ada:hunter2@127.0.0.1:{port}/0", "redis+sentinel://:hunter2@127.0.0.1:{port}/main"]
)
def test_no_message_shows_a_password(free_port, url):
    store = open_store(url.format(port=free_port()))
    for use in (store.read, store.subscribe, lambda: store.trail(1), lambda: store.replace(entry_after(Snapshot()))):
        with pytest.raises(StoreError, match=r"127\.0\.0\.1:[0-9]+.* cannot be reached: ") as caught:
            use()
        assert "hunter2" not in str(caught.value)


def test_sentinels_that_are_gone_are_told_in_a_sentence(free_port):
    store = open_store(f"redis+sentinel://127.0.0.1:{free_port()}/main")
    for use in (store.read, lambda: store.replace(entry_after(Snapshot()))):
        with pytest.raises(
            StoreError, match="/main cannot be reached: no sentinel names its primary; one of"
        ) as caught:
            use()
        assert not set("<>()'") & set(str(caught.value))  # nothing that only a program can read


def test_a_write_without_an_answer_may_have_been_stored(serve_bytes):
    with serve_bytes() as silent:
        store = open_store(f"redis://127.0.0.1:{silent.port}")
        with pytest.raises(StoreError, match=r"did not answer within 0\.1 s; if the change was sent, it may have been"):
            store.replace(entry_after(Snapshot()))


@pytest.mark.parametrize("answer", [b":7\r\n", b"*1\r\n:7\r\n", b"*2\r\n*0\r\n$-1\r\n", b"-ERR no\r\n", b"~"])
def test_an_answer_that_makes_no_sense_is_no_state_trail_or_success(serve_bytes, answer):
    with serve_bytes(answer) as listener:
        store = open_store(f"redis://127.0.0.1:{listener.port}")
        for use in (store.read, lambda: store.trail(5), lambda: store.replace(entry_after(Snapshot()))):
            with pytest.raises(StoreError):
                use()


def test_a_password_with_every_letter(start_server):
    server = start_server()
    with server.client() as client:
        client.config_set("requirepass", "a/b:c@d#e?f%g h")
        store = open_store(server.url.replace("redis://", "redis://:a%2Fb%3Ac%40d%23e%3Ff%25g%20h@"), timeout=2)
        store.replace(entry_after(Snapshot()))
        assert store.read().revision == 1


def test_sentinel_with_passwords(start_sentinel):
    group = start_sentinel(password="w:rd")
    with group.primary.client() as client:
        client.config_set("requirepass", "p@ss")
    url = f"redis+sentinel://:p%40ss@127.0.0.1:{group.sentinel.port}/main/1?sentinel_password=w%3Ard"
    store = open_store(url, timeout=2)
    store.replace(entry_after(Snapshot()))
    assert store.read().revision == 1
    with pytest.raises(StoreError):
        open_store(url.partition("?")[0], timeout=2).read()


def test_a_cluster_is_named_as_such(start_server, free_port):
    node = start_server("--cluster-enabled", "yes", "--cluster-port", free_port())
    with node.client() as client:
        store = open_store(node.url, timeout=2)
        for ready in (False, True):  # no slot is served yet; then all are, and the keys lie in several
            if ready:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            with pytest.raises(StoreError, match="is a Redis Cluster: use a primary of its own, or Sentinel"):
                store.replace(entry_after(Snapshot()))


def test_a_certificate_of_somebody_else_is_refused(start_server, redis_binary, certificates):
    server = start_server(binary=redis_binary, tls=certificates)
    url = server.url.replace("redis:", "rediss:")
    assert open_store(f"{url}?ssl_ca_certs={certificates / 'ca.crt'}", timeout=2).read() == Snapshot()
    with pytest.raises(StoreError, match=r"(?i)certificate"):
        open_store(url, timeout=2).read()
    with pytest.raises(StoreError):
        open_store(server.url, timeout=2).read()
