"""Waiting for an answer, but not for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_TICKS = 5


@asynccontextmanager
async def at_most(seconds: float) -> AsyncIterator[None]:
    """`asyncio.timeout` by a clock that stands still while this process is held up. Raises TimeoutError.

    While the event loop is busy with something else, or the machine with other processes, an answer may lie there
    unread: that is no reason to think that nobody answers. So the time is measured in ticks, each begun when the one
    before has been noticed.
    """
    loop, limit = asyncio.get_running_loop(), asyncio.timeout(None)
    timer = loop.call_later(seconds / _TICKS, lambda: tick(_TICKS - 1))

    def tick(left: int) -> None:
        nonlocal timer
        if left:
            timer = loop.call_later(seconds / _TICKS, tick, left - 1)
        else:
            limit.reschedule(loop.time())

    try:
        async with limit:
            yield
    finally:
        timer.cancel()
