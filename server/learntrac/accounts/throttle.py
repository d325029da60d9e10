"""Slowing down whoever guesses passwords, without locking out the one whose password it is."""

from collections.abc import Awaitable, Callable
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


async def throttled(
    cache: Cache, clock: Clock, *, address: str, username: str, attempt: Callable[[], Awaitable[_T | None]]
) -> _T | None:
    """Make one attempt to sign in; None is a failure. Only failures count, and only against this user from this
    address: somebody who guesses elsewhere does not keep the user out. Raises RateLimited.
    """
    # A Trac may ignore the case of names: each way to write one must not have tries of its own.
    pair, everyone = f"login:{address}:{username.lower()}", f"login:{address}"
    sprayed = await cache.peek(everyone, limit=SPRAYED, window_seconds=WINDOW_SECONDS)
    # Counted before the password is checked: a hundred guesses at once are a hundred guesses.
    tried = await cache.hit(pair, limit=TRIES, window_seconds=WINDOW_SECONDS)
    for window in (tried, sprayed):
        if not window.allowed:
            raise rate_limited(window, "Too many wrong passwords. Wait a little.", clock)
    found = await attempt()
    if found is None:
        await cache.hit(everyone, limit=SPRAYED, window_seconds=WINDOW_SECONDS)
    else:
        await cache.clear(pair, limit=TRIES, window_seconds=WINDOW_SECONDS)
    return found
