"""The cache that all processes share, in Redis; while Redis is away each process is by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from redis.asyncio import ConnectionPool, Redis

from learntrac.backends.cache import LARGEST_VALUE_BYTES, CacheDown, Counts, Window
from learntrac.backends.cache.counting import COUNT
from learntrac.backends.cache.fanout import Fanout, Subscription
from learntrac.backends.cache.listening import CHANNELS, Listener
from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.cache.patience import at_most
from learntrac.kit.logs import get_logger
from learntrac.kit.metrics import NOT_WATCHED, Calls
from learntrac.kit.together import Together

ANSWER_WITHIN_SECONDS = 0.5
"""For a call as a whole, connecting included."""
TRY_AGAIN_AFTER_SECONDS = 1.0
CALLS_AT_ONCE = 8
"""Each has a connection of its own: a burst is over sooner on a few of them than while a hundred are opened."""
COUNTED_AT_ONCE = 100
"""Hits in one call, which is most of what a hit costs. Nobody else is served by Redis while it counts them."""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
"""A claim that ran out may be another's by now."""

_log = get_logger("learntrac.cache")
_T = TypeVar("_T")
_Hit = tuple[bytes, int, int, int]
"""(counter, limit, the window's seconds, 1 to count or 0 to look)"""


class RedisCache:
    """One count, one store and one set of channels for all processes.

    A call that fails or hangs is answered from memory. Redis is then left alone for a second, after which one call
    tries again while the others go on without. Needs Redis 6 or a server that speaks like it; one, no cluster.
    """

    name = "redis"

    def __init__(self, url: str, *, calls: Calls = NOT_WATCHED) -> None:
        """Connects at the first call, and notes each in `calls`. Raises ValueError for a URL that is none of a
        Redis.
        """
        self._calls = calls
        self._pool = _pool(url)
        self._client: Redis = Redis(connection_pool=self._pool)
        self._count = self._client.register_script(COUNT)
        self._counting = Together(self._count_all, most=COUNTED_AT_ONCE)
        self._release = self._client.register_script(RELEASE)
        self._memory = MemoryCache()
        self._fanout = Fanout()
        self._listener = Listener(self._client, self._fanout, try_again_seconds=TRY_AGAIN_AFTER_SECONDS)
        self._room = asyncio.Semaphore(CALLS_AT_ONCE)
        self._away = False
        self._try_at = 0.0

    async def hit(self, key: str, *, limit: int, window_seconds: int) -> Window:
        return await self._counted(
            lambda: self._window(key, limit, window_seconds, by=1),
            lambda: self._memory.hit(key, limit=limit, window_seconds=window_seconds),
        )

    async def peek(self, key: str, *, limit: int, window_seconds: int) -> Window:
        return await self._counted(
            lambda: self._window(key, limit, window_seconds, by=0),
            lambda: self._memory.peek(key, limit=limit, window_seconds=window_seconds),
        )

    async def clear(self, key: str, *, limit: int, window_seconds: int) -> None:
        await self._memory.clear(key, limit=limit, window_seconds=window_seconds)
        await self._or(lambda: self._client.delete(_counter(key, limit, window_seconds)), _nothing)

    async def get(self, key: str) -> bytes | None:
        async def shared() -> bytes | None:
            found = await self._client.get(_kept(key))
            return found if isinstance(found, bytes) else None

        return await self._or(shared, _nothing)

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        if len(value) > LARGEST_VALUE_BYTES:
            await self.drop(key)
            return
        milliseconds = max(1, round(seconds * 1000))
        await self._or(lambda: self._client.set(_kept(key), value, px=milliseconds), _nothing)

    async def drop(self, key: str) -> None:
        await self._or(lambda: self._client.delete(_kept(key)), _nothing)

    async def claim(self, key: str, owner: str, *, seconds: float) -> bool:
        async def shared() -> bool:
            milliseconds = max(1, round(seconds * 1000))
            return bool(await self._client.set(_claimed(key), owner, px=milliseconds, nx=True))

        return await self._or(shared, _refused)

    async def release(self, key: str, owner: str) -> None:
        await self._or(lambda: self._release(keys=[_claimed(key)], args=[owner]), _nothing)

    async def publish(self, channel: str, message: bytes) -> None:
        self._fanout.deliver(channel, message)
        await self._or(lambda: self._client.publish(CHANNELS + channel, self._listener.signed(message)), _nothing)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Subscription]:
        with self._fanout.subscribed(channel) as subscription:
            try:
                await self._listener.listen(channel)
                yield subscription
            finally:
                self._listener.notice()

    async def ping(self) -> None:
        try:
            async with at_most(ANSWER_WITHIN_SECONDS):
                await self._noted(self._prove)
        except Exception as error:
            self._lost(error)
            why = str(error) or "no answer in time"
            raise CacheDown(f"{why}; each process counts limits for itself meanwhile") from error

    async def close(self) -> None:
        self._fanout.end()
        await self._listener.close()
        await self._pool.aclose()

    async def _window(self, key: str, limit: int, window_seconds: int, *, by: int) -> Window:
        name = _counter(key, limit, window_seconds)
        allowed, before, current, left = await self._counting.ask((name, limit, window_seconds, by))
        counts = Counts(before, current, float(left))
        return Window.of(counts, allowed=bool(allowed), limit=limit, window_seconds=window_seconds, now=time.time())

    async def _count_all(self, hits: Sequence[_Hit]) -> Sequence[Any]:
        if self._away:  # since they came
            raise CacheDown("it did not answer those before")
        keys, args = [hit[0] for hit in hits], [number for hit in hits for number in hit[1:]]
        try:
            async with at_most(ANSWER_WITHIN_SECONDS):
                answers: Sequence[Any] = await self._count(keys=keys, args=args)
        except Exception as error:
            self._lost(error)
            raise
        return answers

    async def _noted(self, shared: Callable[[], Awaitable[_T]]) -> _T:
        begun = time.perf_counter()
        try:
            return await shared()
        except BaseException:  # a call that was given up is no answer either
            self._calls.failed()
            raise
        finally:
            self._calls.observe(time.perf_counter() - begun)

    async def _or(self, shared: Callable[[], Awaitable[_T]], alone: Callable[[], Awaitable[_T]]) -> _T:
        async with self._room:
            return await self._tried(shared, alone)

    async def _counted(self, shared: Callable[[], Awaitable[_T]], alone: Callable[[], Awaitable[_T]]) -> _T:
        """As `_or`; those who come at once share a call, so that they take no room, and it is timed as one."""
        if self._away:
            return await self._tried(shared, alone)
        try:
            return await self._noted(shared)
        except Exception:  # noqa: BLE001 - noted by the call itself
            return await alone()

    async def _tried(self, shared: Callable[[], Awaitable[_T]], alone: Callable[[], Awaitable[_T]]) -> _T:
        if self._may_try():
            try:
                async with at_most(ANSWER_WITHIN_SECONDS):
                    if self._away:
                        await self._noted(self._prove)
                    return await self._noted(shared)
            except Exception as error:  # noqa: BLE001 - whatever Redis does, a request is not the one to suffer
                self._lost(error)
        return await alone()

    def _may_try(self) -> bool:
        if not self._away:
            return True
        if time.monotonic() < self._try_at:
            return False
        # One call tries; nobody else waits to see what comes of it.
        self._try_at = time.monotonic() + TRY_AGAIN_AFTER_SECONDS
        return True

    async def _prove(self) -> None:
        # Written, not only asked: one that is full, read-only or cannot save still answers a ping.
        await self._client.set("learntrac:ping", b"", px=1000)
        if self._away:
            self._away = False
            _log.info("redis answers again: limits are counted over all processes")

    def _lost(self, error: Exception) -> None:
        self._try_at = time.monotonic() + TRY_AGAIN_AFTER_SECONDS
        if not self._away:
            self._away = True
            why = str(error) or type(error).__name__
            _log.warning("redis does not answer: limits are counted in each process", error=why)


def _pool(url: str) -> ConnectionPool:
    # Calls are timed as a whole. The client would time each step, and make a task of every command for it.
    untimed: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": None}
    try:
        return ConnectionPool.from_url(url, **untimed)
    except ValueError as error:
        raise ValueError("a Redis URL is redis://host:6379/0, rediss://… or unix:///path/to/socket") from error


def _counter(key: str, limit: int, window_seconds: int) -> bytes:
    return _encoded(f"learntrac:limit:{limit}/{window_seconds}:{key}")


def _kept(key: str) -> bytes:
    return _encoded(f"learntrac:kept:{key}")


def _claimed(key: str) -> bytes:
    return _encoded(f"learntrac:claim:{key}")


def _encoded(name: str) -> bytes:
    # A name may be any text: one that could not be sent would look as if Redis were away.
    return name.encode(errors="surrogatepass")


async def _refused() -> bool:
    return False


async def _nothing() -> None:
    return None
