"""The embedded twin: everything in this process's memory."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from learntrac.backends.cache import LARGEST_VALUE_BYTES, Window
from learntrac.backends.cache.counting import Counters
from learntrac.backends.cache.fanout import Fanout, Subscription

KEPT_BYTES = 32 * 1024 * 1024
"""Of short-lived answers in one process. Beyond it the least recently used goes."""

CLAIMS_LOOKED_THROUGH = 10_000
"""So many claims, and those that are over are thrown away."""

_ENTRY_BYTES = 200


class MemoryCache:
    """Exact within one process, which is all there is where it is used."""

    name = "embedded"

    def __init__(self, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._counters = Counters()
        self._kept = _Kept(kept_bytes)
        self._fanout = Fanout()
        self._claims: dict[str, tuple[str, float]] = {}

    async def hit(self, key: str, *, limit: int, window_seconds: int) -> Window:
        return self._counters.count(key, limit=limit, window_seconds=window_seconds, by=1)

    async def peek(self, key: str, *, limit: int, window_seconds: int) -> Window:
        return self._counters.count(key, limit=limit, window_seconds=window_seconds, by=0)

    async def clear(self, key: str, *, limit: int, window_seconds: int) -> None:
        self._counters.clear(key, limit=limit, window_seconds=window_seconds)

    async def get(self, key: str) -> bytes | None:
        return self._kept.find(key)

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        self._kept.put(key, value, until=time.monotonic() + seconds)

    async def drop(self, key: str) -> None:
        self._kept.drop(key)

    async def claim(self, key: str, owner: str, *, seconds: float) -> bool:
        now = time.monotonic()
        if key in self._claims and self._claims[key][1] > now:
            return False
        if len(self._claims) >= CLAIMS_LOOKED_THROUGH:
            self._claims = {name: kept for name, kept in self._claims.items() if kept[1] > now}
        self._claims[key] = (owner, now + seconds)
        return True

    async def release(self, key: str, owner: str) -> None:
        if self._claims.get(key, ("", 0.0))[0] == owner:
            del self._claims[key]

    async def publish(self, channel: str, message: bytes) -> None:
        self._fanout.deliver(channel, message)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Subscription]:
        with self._fanout.subscribed(channel) as subscription:
            yield subscription

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        self._fanout.end()


class _Kept:
    """Values until their time is over, the least recently used thrown away when there are too many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def find(self, key: str) -> bytes | None:
        value, until = self._values.get(key, (None, 0.0))
        if value is None:
            return None
        if until <= time.monotonic():
            self.drop(key)
            return None
        self._values.move_to_end(key)
        return value

    def put(self, key: str, value: bytes, *, until: float) -> None:
        self.drop(key)
        if len(value) > LARGEST_VALUE_BYTES:
            return
        self._values[key] = (value, until)
        self._bytes += _size(key, value)
        while self._bytes > self._most_bytes:
            self._forget(*self._values.popitem(last=False))

    def drop(self, key: str) -> None:
        if key in self._values:
            self._forget(key, self._values.pop(key))

    def _forget(self, key: str, kept: tuple[bytes, float]) -> None:
        self._bytes -= _size(key, kept[0])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + _ENTRY_BYTES
