"""RedisModeStore: a fleet. The only file that imports redis (Valkey speaks the same protocol).

The client retries nothing and waits at most its timeout for each step, because the one who calls has a deadline; an
answer that trickles in, step by step, is cut off. Every vendor error becomes a StoreError here. State and trail change in
one script, so together or not at all.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from stagenorm.errors import ConfigurationError, MissingExtraError, StoreConflictError, StoreError
from stagenorm.stores.protocol import Entry, Snapshot, decode_entry, decode_snapshot, encode

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
    from redis.sentinel import MasterNotFoundError, Sentinel
except ImportError as error:
    raise MissingExtraError("a Redis mode store", "redis") from error

_CLUSTER = (redis.exceptions.ClusterError, redis.exceptions.ClusterCrossSlotError, redis.exceptions.AskError)

SENTINEL = "redis+sentinel"
_PREFIX = "stagenorm"
_STEPS = 10  # timeouts that a whole answer may take, from connecting to its last byte
_BURST = 1000  # pushes that are heard as one: all of them are one reason to read

# Compare-and-set on the stored revision, the trail and the push, in one step. Answers OK, or the stored revision. A user
# who may do one and not the other must not part them: what a script did before it failed is not rolled back.
_REPLACE = """
local stored = redis.call('GET', KEYS[1])
local revision = 0
if stored then
    local readable, snapshot = pcall(cjson.decode, stored)
    if not readable or type(snapshot) ~= 'table' or type(snapshot.revision) ~= 'number' then
        return redis.error_reply('DAMAGED')
    end
    revision = snapshot.revision
    if revision < 1 or revision ~= math.floor(revision) then return redis.error_reply('DAMAGED') end
end
if revision ~= tonumber(ARGV[1]) then return revision end
local set = redis.pcall('SET', KEYS[1], ARGV[2])
if set.err then return set end
local pushed = redis.pcall('RPUSH', KEYS[2], ARGV[3])
if type(pushed) == 'table' and pushed.err then
    if stored then redis.call('SET', KEYS[1], stored) else redis.call('DEL', KEYS[1]) end
    return pushed
end
redis.pcall('PUBLISH', KEYS[3], ARGV[1])
return redis.status_reply('OK')
"""

# Takes the lease, keeps it for longer, or gives it back: only who has it, or anybody where nobody has it.
_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) == 0 then
    redis.call('DEL', KEYS[1])
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class RedisModeStore:
    """Keeps the snapshot under one key, the trail under another, and pushes on a channel.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://`` as redis-py takes them, or
            ``redis+sentinel://[user:password@]host[:port][,host[:port]...]/service[/db]``, whose parameters
            ``sentinel_username`` and ``sentinel_password`` are for the sentinels; a ``prefix`` parameter sets the
            keys' prefix (``stagenorm`` without it).
        timeout: for connecting and for each answer, in seconds.

    Raises:
        ConfigurationError: the URL names no server, or has a part that means nothing.
    """

    def __init__(self, url: str, *, timeout: float = 0.1) -> None:
        target = _target(url)
        self.where = target.where
        self._timeout = timeout
        self._connect = target.connect
        names = (f"{target.prefix}:{name}" for name in ("state", "trail", "changed", "lease"))
        self._state, self._trail, self._channel, self._lease = names
        self._client = target.connect(timeout)  # connects when it is used, and anew in a child process

    @contextmanager
    def _errors(self, consequence: str = "") -> Iterator[None]:
        try:
            yield
        except redis.AuthenticationError as error:
            raise StoreError(f"{self.where} refuses the user or password: check the store URL") from error
        except redis.ReadOnlyError as error:
            raise StoreError(f"{self.where} is a read-only replica: name the primary, or use Sentinel") from error
        except redis.TimeoutError as error:
            raise StoreError(f"{self.where} did not answer within {self._timeout:g} s{consequence}") from error
        except _CutOff as error:
            seconds = _STEPS * self._timeout
            raise StoreError(f"{self.where} did not end its answer within {seconds:g} s{consequence}") from error
        except MasterNotFoundError as error:
            raise StoreError(
                f"{self.where} cannot be reached: no sentinel names its primary; one of them must run, know the "
                "service and take the password"
            ) from error
        except redis.ConnectionError as error:
            raise StoreError(f"{self.where} cannot be reached: {_line(error)}{consequence}") from error
        except redis.ResponseError as error:
            raise StoreError(self._refusal(error)) from error
        except Exception as error:  # the client's parser may raise anything for an answer that is no Redis protocol
            raise StoreError(f"{self.where} failed: {type(error).__name__}: {_line(error)}{consequence}") from error

    @contextmanager
    def _deadline(self, client: redis.Redis) -> Iterator[None]:
        """Close a client's connections when an answer takes too long: its timeout begins anew with each byte."""
        late = threading.Event()

        def cut_off() -> None:
            late.set()
            client.connection_pool.disconnect()

        timer = threading.Timer(_STEPS * self._timeout, cut_off)
        timer.daemon = True
        with suppress(RuntimeError):  # where no thread can run, each step has its timeout
            timer.start()
        try:
            yield
        except Exception as error:
            if late.is_set():
                raise _CutOff from error
            raise
        finally:
            timer.cancel()
            if timer.ident is not None:
                timer.join()  # no thread is left of a call that has ended

    def _refusal(self, error: Exception) -> str:
        text = _line(error)
        if isinstance(error, _CLUSTER) or text.startswith(("MOVED ", "CROSSSLOT ")):
            return f"{self.where} is a Redis Cluster: use a primary of its own, or Sentinel"
        if text.startswith("WRONGTYPE"):
            return f"{self.where}: {self._state} or {self._trail} holds something else: choose another prefix"
        if "DAMAGED" in text:
            return f"{self.where} at {self._state} holds no mode state: restore it, or move it away to start anew"
        return f"{self.where} refused: {text}"

    def read(self) -> Snapshot:
        """The stored snapshot, in one GET. Raises StoreError where there is no good answer in time."""
        with self._errors(), self._deadline(self._client):
            data = self._client.get(self._state)
        if data is None:
            return Snapshot()
        if not isinstance(data, bytes):
            raise StoreError(f"{self.where} answered something that is no Redis value")
        return decode_snapshot(data, f"{self.where} at {self._state}")

    def replace(self, entry: Entry) -> None:
        """Store a change.

        Raises:
            StoreConflictError: somebody was faster.
            StoreError: it was not stored; where no answer came, the message says that it may have been.
        """
        values = str(entry.before.revision), encode(entry.after), encode(entry)
        unsure = "; if the change was sent, it may have been stored: look before you repeat it"
        with self._errors(unsure), self._deadline(self._client):
            answer: Any = self._client.eval(_REPLACE, 3, self._state, self._trail, self._channel, *values)
        if isinstance(answer, int):
            raise StoreConflictError(entry.before.revision, answer)
        if answer != b"OK":
            raise StoreError(f"{self.where} answered something that is no Redis value")

    def trail(self, limit: int) -> list[Entry]:
        """The newest entries, newest first."""
        with self._errors(), self._deadline(self._client):
            lines: Any = self._client.lrange(self._trail, -limit, -1) if limit > 0 else []
        if not isinstance(lines, list) or not all(isinstance(line, bytes) for line in lines):
            raise StoreError(f"{self.where} answered something that is no Redis value")
        return [decode_entry(line, f"{self.where} at {self._trail}") for line in reversed(lines)]

    def lease(self, holder: str, seconds: float) -> bool:
        """Take the lease, keep it for longer, or with no seconds give it back."""
        with self._errors(), self._deadline(self._client):
            answer: Any = self._client.eval(_LEASE, 1, self._lease, holder, str(round(seconds * 1000)))
        if answer not in (0, 1):
            raise StoreError(f"{self.where} answered something that is no Redis value")
        return bool(answer)

    def leader(self) -> str | None:
        """Who has the lease."""
        with self._errors(), self._deadline(self._client):
            holder: Any = self._client.get(self._lease)
        if not isinstance(holder, bytes | None):
            raise StoreError(f"{self.where} answered something that is no Redis value")
        return None if holder is None else holder.decode(errors="replace")

    def erase(self) -> None:
        """Delete state, trail and lease: of a prefix that was only tried, such as the demo's. Raises StoreError."""
        with self._errors(), self._deadline(self._client):
            self._client.delete(self._state, self._trail, self._lease)

    def subscribe(self) -> _RedisSubscription:
        """Begin to hear of changes, on a connection of its own."""
        with self._errors():
            client = self._connect(self._timeout)
            channel = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            try:
                with self._deadline(client):
                    channel.subscribe(self._channel)
            except BaseException:
                client.close()
                raise
        return _RedisSubscription(client, channel, self._errors, lambda: self._deadline(client), self._timeout)


class _CutOff(Exception):  # noqa: N818 - told as a StoreError
    """An answer took too long as a whole."""


class _RedisSubscription:
    def __init__(
        self,
        client: redis.Redis,
        channel: redis.client.PubSub,
        errors: Callable[[], AbstractContextManager[None]],
        deadline: Callable[[], AbstractContextManager[None]],
        timeout: float,
    ) -> None:
        self._client = client
        self._channel = channel
        self._errors = errors
        self._deadline = deadline
        self._timeout = timeout

    def wait(self, timeout: float) -> bool:
        with self._errors():
            connection: Any = self._channel.connection  # None once it is closed, which is told as any fault
            if not connection.can_read(timeout=timeout):
                return False
            with self._deadline():
                if self._channel.get_message(timeout=self._timeout) is None:
                    return False
                for _ in range(_BURST):
                    if self._channel.get_message() is None:
                        break
                return True

    def close(self) -> None:
        with self._errors():
            self._channel.close()
            self._client.close()


@dataclass(frozen=True)
class _Target:
    """What a store URL names.

    Attributes:
        where: how messages name it: no user, no password, no parameter.
        prefix: of the keys.
        connect: makes a client, given a timeout in seconds.
    """

    where: str
    prefix: str
    connect: Callable[[float], redis.Redis]


def _target(url: str) -> _Target:
    """Read a URL strictly: redis-py passes over what it does not understand, such as a database that is no number."""
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query))
    prefix = parameters.pop("prefix", _PREFIX)
    if parts.fragment:
        raise _unreadable(parts)
    if parts.scheme == SENTINEL:
        where, connect = _sentinel(parts, parameters)
    else:
        where = _named(parts)
        plain = f"{url.partition('?')[0]}?{urlencode(parameters)}"
        connect = lambda timeout: redis.Redis.from_url(plain, **_options(timeout))  # noqa: E731
    try:
        connect(1).connection_pool.make_connection()  # connects nothing
    except (redis.RedisError, TypeError, ValueError) as error:
        raise ConfigurationError(f"store URL {where}: {_line(error)}: mend this part of it") from None
    return _Target(where, prefix, connect)


def _options(timeout: float) -> dict[str, Any]:
    timeouts = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    return {**timeouts, "retry": Retry(NoBackoff(), 0), "protocol": 2}


def _named(parts: SplitResult) -> str:
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    try:
        host, port = parts.hostname, parts.port or 6379
    except ValueError:
        host = None
    if not host or not re.fullmatch(r"(/[0-9]*)?", parts.path):
        raise _unreadable(parts)
    return f"{parts.scheme}://{_spelled(host, port)}{parts.path}"


def _sentinel(parts: SplitResult, parameters: dict[str, str]) -> tuple[str, Callable[[float], redis.Redis]]:
    login, _, netloc = parts.netloc.rpartition("@")
    try:
        addresses = [urlsplit(f"//{address}") for address in netloc.split(",")]
        hosts = [(address.hostname or "", address.port or 26379) for address in addresses]
    except ValueError:
        hosts = []
    path = re.fullmatch(r"/([^/]+)(?:/([0-9]*))?", parts.path)
    if not hosts or not all(host for host, _ in hosts) or not path:
        raise _unreadable(parts)
    service, database = unquote(path[1]), int(path[2] or 0)
    user, _, password = map(unquote, login.partition(":"))
    for_sentinels = {name: parameters.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    if parameters:
        raise ConfigurationError(
            f"store URL: {SENTINEL}:// takes no parameter {', '.join(map(ascii, parameters))}: remove it"
        )

    def connect(timeout: float) -> redis.Redis:
        sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
            hosts, sentinel_kwargs={**_options(timeout), **for_sentinels}, **_options(timeout)
        )
        client: redis.Redis = sentinel.master_for(
            service, username=user or None, password=password or None, db=database
        )
        return client

    return f"{SENTINEL}://{','.join(_spelled(*host) for host in hosts)}/{service}", connect


def _spelled(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unreadable(parts: SplitResult) -> ConfigurationError:
    """The URL itself is not shown: what cannot be read may hold a password anywhere."""
    form = f"{SENTINEL}://host:26379/service/0" if parts.scheme == SENTINEL else f"{parts.scheme}://host:6379/0"
    return ConfigurationError(
        f"the store URL cannot be read: write {form}, with user:password@ before the host if there is one, and what is "
        "neither letter nor digit in a password as %XX"
    )


def _line(error: Exception) -> str:
    """A vendor's message as one printable line."""
    return ascii(str(error))[1:-1][:200]
