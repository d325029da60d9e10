"""Room for so many at once. asyncio's semaphore with a timeout around it costs as much as a third of a short read."""

import asyncio
from collections import deque


class Room:
    """Who finds no room waits in line, and is told by TimeoutError when that lasts longer than `within_seconds`."""

    def __init__(self, size: int, *, within_seconds: float) -> None:
        self.size = size
        self._within_seconds = within_seconds
        self._free = size
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def taken(self) -> int:
        """How many are in."""
        return self.size - self._free

    async def enter(self) -> None:
        """Return once there is room, which must be given back by `leave`."""
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._line.append(turn)
        timer = loop.call_later(self._within_seconds, _too_late, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave()  # it was given the room and is gone
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """Give the room to the next in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _too_late(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())
