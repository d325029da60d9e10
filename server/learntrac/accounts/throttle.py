"""Slowing down whoever guesses passwords, without locking out the one whose password it is."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from learntrac.backends.cache import Cache, Window
from learntrac.kit.clock import Clock
from learntrac.kit.errors import RateLimited

TRIES, SPRAYED, WINDOW_SECONDS = 10, 100, 300
"""Wrong passwords in five minutes: for one user from one address, and for all users from one address."""

_T = TypeVar("_T")


def rate_limited(window: Window, message: str, clock: Clock) -> RateLimited:
    """The error for a limit that is used up, with the seconds to wait."""
    return RateLimited(message, retry_after_seconds=max(1, window.reset_at - int(clock().timestamp())))


class Throttle:
    """Counts wrong passwords. Only failures count, and only against this user from this address: somebody who guesses
    elsewhere does not keep the user out.
    """

    def __init__(self, cache: Cache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._under_way: dict[str, set[asyncio.Future[None]]] = {}

    async def attempt(
        self,
        check: Callable[[], Awaitable[_T | None]],
        *,
        address: str,
        username: str,
        used_up: Callable[[], Awaitable[None]] | None = None,
    ) -> _T | None:
        """Make one attempt to sign in; None is a failure. Raises RateLimited.

        `used_up` is called when the last try was wrong, once in five minutes.
        """
        # A Trac may ignore the case of names: each way to write one must not have tries of its own.
        pair, everyone = f"login:{address}:{username.lower()}", f"login:{address}"
        # First of all: whoever tries a thousand names must not make the cache keep a thousand counters.
        sprayed = await self._cache.peek(everyone, limit=SPRAYED, window_seconds=WINDOW_SECONDS)
        if not sprayed.allowed:
            raise rate_limited(sprayed, _TOO_MANY, self._clock)
        tried = await self._get_a_try(pair)
        with self._trying(pair):
            found = await check()
            if found is None:
                await self._cache.hit(everyone, limit=SPRAYED, window_seconds=WINDOW_SECONDS)
                if used_up is not None and tried.remaining == 0 and await self._is_news(pair):
                    await used_up()
            else:
                await self._cache.clear(pair, limit=TRIES, window_seconds=WINDOW_SECONDS)
            return found

    async def _is_news(self, pair: str) -> bool:
        # The window slides: now and then one more try is let in, and used up at once.
        return (await self._cache.hit(f"{pair}:used up", limit=1, window_seconds=WINDOW_SECONDS)).allowed

    async def _get_a_try(self, pair: str) -> Window:
        """Count one try before the password is checked: a hundred guesses at once are a hundred guesses.

        Where none is left, those that are being checked just now may turn out right, and then none of them counted.
        """
        while True:
            tried = await self._cache.hit(pair, limit=TRIES, window_seconds=WINDOW_SECONDS)
            if tried.allowed:
                return tried
            under_way = self._under_way.get(pair)
            if under_way is None:
                raise rate_limited(tried, _TOO_MANY, self._clock)
            await asyncio.wait(under_way)

    @contextmanager
    def _trying(self, pair: str) -> Iterator[None]:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way.setdefault(pair, set()).add(ended)
        try:
            yield
        finally:
            ended.set_result(None)
            self._under_way[pair].remove(ended)
            if not self._under_way[pair]:
                del self._under_way[pair]


_TOO_MANY = "Too many wrong passwords. Wait a little."
