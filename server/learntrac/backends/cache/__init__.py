"""The shared cache: limits, short-lived answers, and messages to all processes. Redis where it is configured, this
process's own memory where not.

Nothing here is a truth: it may be lost at any moment. Limits then start afresh, answers are computed anew, and messages
are missed.
"""

import math
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from learntrac.backends.cache.fanout import Subscription

LARGEST_VALUE_BYTES = 4 * 1024 * 1024
"""What is larger is not kept: fetching it would hold up everybody who waits for the same connection."""


@dataclass(frozen=True)
class Counts:
    """Hits of the window before and of this one, and the seconds until this one ends."""

    before: int
    current: int
    left_seconds: float

    def used(self, window_seconds: int) -> int:
        """Hits that count now: ⌊before·left ÷ window⌋ + current, the "sliding window counter". The hits of the window
        before are taken to have come evenly: they weigh less and less, until they have slid out.
        """
        return math.floor(self.before * self.left_seconds / window_seconds) + self.current


@dataclass(frozen=True)
class Window:
    """The state of one limit after a hit: `remaining` hits are left, and more from `reset_at` on (epoch seconds)."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int

    @classmethod
    def of(cls, counts: Counts, *, allowed: bool, limit: int, window_seconds: int, now: float) -> "Window":
        """From what has been counted. `reset_at` is a whole second, and never too early."""
        waits = [counts.left_seconds % (window_seconds / counts.before)] if counts.before else []
        waits += [counts.left_seconds] if counts.current else []
        remaining = max(0, limit - counts.used(window_seconds))
        return cls(allowed, limit, remaining, math.ceil(round(now + min(waits, default=0), 3)))


class Cache(Protocol):
    """What a cache can do; `MemoryCache` and `RedisCache` pass one suite. Only `ping` ever raises."""

    name: str

    async def hit(self, key: str, *, limit: int, window_seconds: int) -> Window:
        """Count one hit for `key` over a sliding window; `allowed` is False once there were more than `limit`.

        Refused hits do not count. While Redis is away each process counts for itself, so that the limit is then one for
        each process.
        """
        ...

    async def peek(self, key: str, *, limit: int, window_seconds: int) -> Window:
        """The state of the limit, without counting."""
        ...

    async def clear(self, key: str, *, limit: int, window_seconds: int) -> None:
        """Forget the hits of `key`."""
        ...

    async def get(self, key: str) -> bytes | None:
        """What was put under `key`; None where it is too old, was thrown away, or Redis is away."""
        ...

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep `value` for at most so many seconds. It may be gone at any moment, and is not kept at all where it is
        larger than `LARGEST_VALUE_BYTES`.
        """
        ...

    async def drop(self, key: str) -> None:
        """Forget what was put under `key`. While Redis is away it cannot be: an old value may then come back with
        Redis, until its seconds are over.
        """
        ...

    async def claim(self, key: str, owner: str, *, seconds: float) -> bool:
        """Have `key` for oneself for so many seconds: whether it was free. While Redis is away nobody gets it.

        It is a courtesy between processes, not a lock that a truth may hang on: Redis may lose it.
        """
        ...

    async def release(self, key: str, owner: str) -> None:
        """Give it back, where `owner` still has it."""
        ...

    async def publish(self, channel: str, message: bytes) -> None:
        """Hand `message` to every subscription of `channel` in every process, this one included.

        At most once: nothing is kept for who subscribes later. While Redis is away only this process's own
        subscriptions get it, and the other processes never will. Those of other processes get one task's messages in
        their order.
        """
        ...

    def subscribe(self, channel: str) -> AbstractAsyncContextManager[Subscription]:
        """What is published on `channel` while the block runs: `async with cache.subscribe(…) as messages`, and then
        `async for message in messages`.

        A subscriber that is too slow loses the oldest messages; `messages.dropped` says how many. What other processes
        publish while Redis is away is lost without being counted.
        """
        ...

    async def ping(self) -> None:
        """Return when the cache takes what is written to it; raises `CacheDown` where it does not."""
        ...

    async def close(self) -> None:
        """End all subscriptions and give back the connections."""
        ...


class CacheDown(Exception):
    """The cache does not answer; callers have already been served from memory."""
