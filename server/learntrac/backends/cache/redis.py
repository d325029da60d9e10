"""Limits shared by all workers, in Redis; while Redis is away each worker counts for itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool, Redis

from learntrac.backends.cache import CacheDown, Window
from learntrac.backends.cache.memory import MemoryCache
from learntrac.kit.logs import get_logger

ANSWER_WITHIN_SECONDS = 0.25
TRY_AGAIN_AFTER_SECONDS = 1.0
CALLS_AT_ONCE = 16
"""Each has a connection of its own: a burst is over sooner on a few of them than while a hundred are opened."""

_log = get_logger("learntrac.cache")
_T = TypeVar("_T")


class RedisCache:
    """One count over all workers. A call that fails or hangs is answered from memory, and Redis is left alone for a
    second.
    """

    name = "redis"

    def __init__(self, url: str) -> None:
        """Connects at the first call. Raises ValueError for a URL that is none of a Redis."""
        self._pool = _pool(url)
        # The library needs a URL for its scheme only; `redispy` is the client we already have.
        shared: dict[str, Any] = {"connection_pool": self._pool}
        self._storage = RedisStorage(
            "async+redis://", implementation="redispy", key_prefix="learntrac:limits", **shared
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._client: Redis = Redis(connection_pool=self._pool)
        self._memory = MemoryCache()
        self._room = asyncio.Semaphore(CALLS_AT_ONCE)
        self._down_until = 0.0

    async def hit(self, key: str, *, limit: int, window_seconds: int) -> Window:
        item = RateLimitItemPerSecond(limit, window_seconds)

        async def shared() -> Window:
            return await self._window(item, key, allowed=await self._limiter.hit(item, key))

        return await self._or(shared, lambda: self._memory.hit(key, limit=limit, window_seconds=window_seconds))

    async def peek(self, key: str, *, limit: int, window_seconds: int) -> Window:
        item = RateLimitItemPerSecond(limit, window_seconds)

        async def shared() -> Window:
            return await self._window(item, key, allowed=await self._limiter.test(item, key))

        return await self._or(shared, lambda: self._memory.peek(key, limit=limit, window_seconds=window_seconds))

    async def clear(self, key: str, *, limit: int, window_seconds: int) -> None:
        item = RateLimitItemPerSecond(limit, window_seconds)
        await self._memory.clear(key, limit=limit, window_seconds=window_seconds)
        await self._or(lambda: self._limiter.clear(item, key), _nothing)

    async def ping(self) -> None:
        try:
            await self._client.ping()
        except Exception as error:
            raise CacheDown(str(error)) from error

    async def close(self) -> None:
        await self._pool.aclose()

    async def _window(self, item: RateLimitItemPerSecond, key: str, *, allowed: bool) -> Window:
        seconds = item.get_expiry()
        counts = await self._storage.get_sliding_window(item.key_for(key), seconds)
        return Window.of(counts, allowed=allowed, limit=item.amount, window_seconds=seconds, now=time.time())

    async def _or(self, shared: Callable[[], Awaitable[_T]], alone: Callable[[], Awaitable[_T]]) -> _T:
        async with self._room:
            if time.monotonic() >= self._down_until:
                try:
                    return await shared()
                except Exception as error:  # noqa: BLE001 - whatever Redis does, a request is not the one to suffer
                    self._down_until = time.monotonic() + TRY_AGAIN_AFTER_SECONDS
                    _log.warning("redis does not answer: limits are counted in this process", error=str(error))
        return await alone()


def _pool(url: str) -> ConnectionPool:
    limited: dict[str, Any] = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), ANSWER_WITHIN_SECONDS)
    try:
        return ConnectionPool.from_url(url, **limited)
    except ValueError as error:
        raise ValueError("a Redis URL is redis://host:6379/0, rediss://… or unix:///path/to/socket") from error


async def _nothing() -> None:
    return None
