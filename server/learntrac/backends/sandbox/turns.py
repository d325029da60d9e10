"""Whose turn it is: one run of a user at a time, three waiting, and the users one after the other.

A run that takes longer than most makes room: it goes on aside, behind everything else that the machine does, so that
many endless loops do not keep a short program waiting.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from learntrac.backends.sandbox import SandboxBusy

MOST_WAITING_OF_A_USER = 3
MOST_WAITING = 200
RETRY_AFTER_SECONDS = 5


class Turn:
    """The right to run now."""

    def __init__(self, turns: "Turns") -> None:
        self._turns = turns
        self.aside = False

    def step_aside(self) -> bool:
        """Make room for who waits, and go on without a place; False where nobody does, or too many have done so."""
        if not self.aside and self._turns.waiting and self._turns.aside < self._turns.most_aside:
            self._turns.aside += 1
            self.aside = True
            self._turns.leave()
        return self.aside

    def end(self) -> None:
        """Give back what this turn holds."""
        if self.aside:
            self._turns.aside -= 1
        else:
            self._turns.leave()


class Turns:
    """So many places, and a queue for each user."""

    def __init__(self, places: int, most_aside: int) -> None:
        self._free = places
        self.most_aside = most_aside
        self.aside = 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._running: set[str] = set()

    @property
    def waiting(self) -> int:
        """How many runs wait for their turn."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        """How many users have a run going."""
        return len(self._running)

    @asynccontextmanager
    async def turn(self, user_id: str) -> AsyncIterator[Turn]:
        """Wait for this user's turn. Raises SandboxBusy where the user, or everybody, has too many waiting."""
        self._refuse_too_many(user_id)
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, deque()).append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            self._give_up(user_id, place)
            raise
        turn = Turn(self)
        try:
            yield turn
        finally:
            self._running.discard(user_id)
            turn.end()

    def leave(self) -> None:
        """A place is free again."""
        self._free += 1
        self._admit()

    def _refuse_too_many(self, user_id: str) -> None:
        waits = user_id in self._running or self._free == 0
        if waits and len(self._waiting.get(user_id, ())) >= MOST_WAITING_OF_A_USER:
            raise SandboxBusy(
                "You have one submission running and three waiting.", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        if self.waiting >= MOST_WAITING:
            raise SandboxBusy("Too many submissions are waiting.", retry_after_seconds=RETRY_AFTER_SECONDS)

    def _admit(self) -> None:
        while self._free:
            user_id = next((user for user in self._waiting if user not in self._running), None)
            if user_id is None:
                return
            queue = self._waiting.pop(user_id)
            place = queue.popleft()
            if queue:
                self._waiting[user_id] = queue  # at the end: the others come first
            self._running.add(user_id)
            self._free -= 1
            place.set_result(None)

    def _give_up(self, user_id: str, place: "asyncio.Future[None]") -> None:
        if place.done() and not place.cancelled():
            self._running.discard(user_id)
            self.leave()
            return
        queue = self._waiting[user_id]
        queue.remove(place)
        if not queue:
            del self._waiting[user_id]
