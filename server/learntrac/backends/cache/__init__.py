"""The shared cache: rate limits now. Redis where it is configured, this process's own memory where not.

Nothing here is a truth: it may be lost at any moment and only limits start afresh.
"""

import math
from dataclasses import dataclass
from typing import Protocol

Counts = tuple[int, float, int, float]
"""Hits of the window before and seconds until it has slid out; hits of this one and seconds until it will have."""


@dataclass(frozen=True)
class Window:
    """The state of one limit after a hit: `remaining` hits are left, and more from `reset_at` on (epoch seconds)."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int

    @classmethod
    def of(cls, counts: Counts, *, allowed: bool, limit: int, window_seconds: int, now: float) -> "Window":
        """From what a sliding window has counted: the hits of the window before weigh less and less until it has slid
        out, those of this one count in full until it ends (limits' documentation, "sliding window counter").

        `reset_at` is a whole second, and never too early.
        """
        before, before_seconds, current, current_seconds = counts
        used = math.floor(before * before_seconds / window_seconds + current)
        waits = [before_seconds % (window_seconds / before)] if before else []
        waits += [current_seconds - window_seconds] if current else []
        return cls(allowed, limit, max(0, limit - used), math.ceil(round(now + min(waits, default=0), 3)))


class Cache(Protocol):
    """What a cache can do; `MemoryCache` and `RedisCache` pass one suite."""

    name: str

    async def hit(self, key: str, *, limit: int, window_seconds: int) -> Window:
        """Count one hit for `key` over a sliding window; `allowed` is False once there were more than `limit`."""
        ...

    async def peek(self, key: str, *, limit: int, window_seconds: int) -> Window:
        """The state of the limit, without counting."""
        ...

    async def clear(self, key: str, *, limit: int, window_seconds: int) -> None:
        """Forget the hits of `key`."""
        ...

    async def ping(self) -> None:
        """Return when the cache answers; raises `CacheDown` where it does not."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


class CacheDown(Exception):
    """The cache does not answer; callers have already been served from memory."""
