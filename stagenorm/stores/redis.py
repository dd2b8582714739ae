"""RedisModeStore: a fleet. The only file that imports redis (Valkey speaks the same protocol).

The client retries nothing and waits at most its timeout for each step, because the one who calls has a deadline; every
vendor error becomes a StoreError here. State and trail change in one script, so together or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from stagenorm.errors import ConfigurationError, MissingExtraError, StoreConflictError, StoreError
from stagenorm.stores.location import without_secrets
from stagenorm.stores.protocol import Entry, Snapshot, decode_entry, decode_snapshot, encode

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
    from redis.sentinel import Sentinel
except ImportError as error:
    raise MissingExtraError("a Redis mode store", "redis") from error

SENTINEL = "redis+sentinel"
_PREFIX = "stagenorm"

# Compare-and-set on the stored revision, the trail and the push, in one step.
_REPLACE = """
local stored = redis.call('GET', KEYS[1])
local revision = 0
if stored then
    local readable, snapshot = pcall(cjson.decode, stored)
    if not readable or type(snapshot) ~= 'table' or type(snapshot.revision) ~= 'number' then
        return redis.error_reply('DAMAGED')
    end
    revision = snapshot.revision
end
if revision ~= tonumber(ARGV[1]) then return revision end
redis.call('RPUSH', KEYS[2], ARGV[3])
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PUBLISH', KEYS[3], ARGV[1])
return -1
"""


class RedisModeStore:
    """Keeps the snapshot under one key, the trail under another, and pushes on a channel.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://`` as redis-py takes them, or
            ``redis+sentinel://[user:password@]host[:port][,host[:port]...]/service[/db]``; a ``prefix`` parameter
            sets the keys' prefix (``stagenorm`` without it).
        timeout: for connecting and for each answer, in seconds.

    Raises:
        ConfigurationError: the URL names no server, or has a parameter that there is not.
    """

    def __init__(self, url: str, *, timeout: float = 0.1) -> None:
        self.where = without_secrets(url)
        self._timeout = timeout
        try:
            self._connect, prefix = _connector(url)
            self._connect(timeout).connection_pool.make_connection()  # to nowhere yet, but of all that the URL says
        except (ValueError, TypeError, redis.RedisError):  # their messages may hold a part of the password
            raise ConfigurationError(
                f"{self.where} cannot be used: write redis://user:password@host:6379/0 or "
                f"{SENTINEL}://host:26379/service, what is special in user and password percent-encoded"
            ) from None
        self._state, self._trail, self._channel = f"{prefix}:state", f"{prefix}:trail", f"{prefix}:changed"
        self._connected: tuple[int, redis.Redis] | None = None

    def _client(self) -> redis.Redis:
        """This process's client: one that was made before a fork is left to the parent."""
        if self._connected is None or self._connected[0] != os.getpid():
            self._connected = (os.getpid(), self._connect(self._timeout))
        return self._connected[1]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except redis.AuthenticationError as error:
            raise StoreError(f"{self.where} refuses the user or password: check the store URL") from error
        except redis.ReadOnlyError as error:
            raise StoreError(f"{self.where} is a read-only replica: name the primary, or use Sentinel") from error
        except redis.TimeoutError as error:
            raise StoreError(f"{self.where} did not answer within {self._timeout:g} s") from error
        except redis.ConnectionError as error:
            raise StoreError(f"{self.where} cannot be reached: {_line(error)}") from error
        except redis.ResponseError as error:
            raise StoreError(self._refusal(error)) from error
        except (redis.RedisError, ValueError, OSError) as error:  # ValueError: an answer that is no Redis protocol
            raise StoreError(f"{self.where} failed: {_line(error)}") from error

    def _refusal(self, error: Exception) -> str:
        text = _line(error)
        if text.startswith("WRONGTYPE"):
            return f"{self.where}: {self._state} or {self._trail} holds something else: choose another prefix"
        if "DAMAGED" in text:
            return f"{self.where}: {self._state} holds no mode state: restore it, or delete it to start anew"
        return f"{self.where} refused: {text}"

    def read(self) -> Snapshot:
        """The stored snapshot, in one GET. Raises StoreError where there is no good answer in time."""
        with self._errors():
            data = self._client().get(self._state)
        if data is None:
            return Snapshot()
        if not isinstance(data, bytes):
            raise StoreError(f"{self.where} answered something that is no Redis value")
        return decode_snapshot(data, f"{self.where} at {self._state}")

    def replace(self, entry: Entry) -> None:
        """Store a change. Raises StoreConflictError if somebody was faster, StoreError if it was not stored."""
        keys = [self._state, self._trail, self._channel]
        with self._errors():
            stored = self._client().eval(
                _REPLACE, len(keys), *keys, entry.before.revision, encode(entry.after), encode(entry)
            )
        if stored != -1:
            raise StoreConflictError(entry.before.revision, int(stored))

    def trail(self, limit: int) -> list[Entry]:
        """The newest entries, newest first."""
        with self._errors():
            lines: Any = self._client().lrange(self._trail, -limit, -1) if limit > 0 else []
        return [decode_entry(line, f"{self.where} at {self._trail}") for line in reversed(lines)]

    def erase(self) -> None:
        """Delete state and trail: of a prefix that was only tried, such as the demo's. Raises StoreError."""
        with self._errors():
            self._client().delete(self._state, self._trail)

    def subscribe(self) -> _RedisSubscription:
        """Begin to hear of changes, on a connection of its own."""
        with self._errors():
            client = self._connect(self._timeout)
            channel = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            channel.subscribe(self._channel)
        return _RedisSubscription(client, channel, self._errors)


class _RedisSubscription:
    def __init__(
        self, client: redis.Redis, channel: redis.client.PubSub, errors: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._client = client
        self._channel = channel
        self._errors = errors

    def wait(self, timeout: float) -> bool:
        with self._errors():
            return self._channel.get_message(timeout=timeout) is not None

    def close(self) -> None:
        with self._errors():
            self._channel.close()
            self._client.close()


def _connector(url: str) -> tuple[Callable[[float], redis.Redis], str]:
    """How to connect to what a URL names, given a timeout; and the prefix of the keys."""
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query))
    prefix = parameters.pop("prefix", _PREFIX)
    plain = urlunsplit(parts._replace(query=urlencode(parameters)))

    def options(timeout: float) -> dict[str, object]:
        return {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}

    if parts.scheme != SENTINEL:
        return lambda timeout: redis.Redis.from_url(plain, **options(timeout)), prefix
    service, _, database = parts.path.strip("/").partition("/")
    hosts = [_host(address) for address in parts.netloc.rpartition("@")[2].split(",") if address]
    if not service or not hosts:
        raise ValueError("a Sentinel URL needs hosts and a service")
    login = {
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "db": int(database or 0),
    }

    def through_sentinel(timeout: float) -> redis.Redis:
        sentinel: Any = Sentinel(hosts, sentinel_kwargs=options(timeout), **options(timeout))  # type: ignore[no-untyped-call]
        client: redis.Redis = sentinel.master_for(service, **login)
        return client

    return through_sentinel, prefix


def _host(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":") if ":" in address else (address, "", "26379")
    return host, int(port)


def _line(error: Exception) -> str:
    """A vendor's message as one printable line."""
    return ascii(str(error))[1:-1][:200]
