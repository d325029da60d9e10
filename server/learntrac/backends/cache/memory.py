"""The embedded twin: limits in this process's memory."""

import time

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from learntrac.backends.cache import Window


class MemoryCache:
    """Exact within one process, which is all there is where it is used."""

    name = "embedded"

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._items: dict[tuple[int, int], RateLimitItemPerSecond] = {}

    async def hit(self, key: str, *, limit: int, window_seconds: int) -> Window:
        item = self._item(limit, window_seconds)
        return self._window(item, key, allowed=self._limiter.hit(item, key))

    async def peek(self, key: str, *, limit: int, window_seconds: int) -> Window:
        item = self._item(limit, window_seconds)
        return self._window(item, key, allowed=self._limiter.test(item, key))

    async def clear(self, key: str, *, limit: int, window_seconds: int) -> None:
        self._limiter.clear(self._item(limit, window_seconds), key)

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def _item(self, limit: int, window_seconds: int) -> RateLimitItemPerSecond:
        known = self._items.get((limit, window_seconds))
        if known is None:
            known = self._items[limit, window_seconds] = RateLimitItemPerSecond(limit, window_seconds)
        return known

    def _window(self, item: RateLimitItemPerSecond, key: str, *, allowed: bool) -> Window:
        seconds = item.get_expiry()
        # Not by the library's own statistics: in the first moment of a window these say that it is over.
        counts = self._storage.get_sliding_window(item.key_for(key), seconds)
        return Window.of(counts, allowed=allowed, limit=item.amount, window_seconds=seconds, now=time.time())
