"""Messages to whoever listens in this process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

QUEUE_LENGTH = 256
"""Messages that may wait for one subscriber."""


class Subscription(AsyncIterator[bytes]):
    """What is published on one channel, in order, until the cache is closed. One task reads it.

    `dropped` counts the messages that were thrown away, oldest first, because too many were waiting.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[bytes] = deque()
        self._woken = asyncio.Event()
        self._ended = False

    def add(self, message: bytes) -> None:
        """Let the reader have `message` next, after those that wait already."""
        if len(self._waiting) == QUEUE_LENGTH:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._woken.set()

    def end(self) -> None:
        """Let the reader's loop end after what waits."""
        self._ended = True
        self._woken.set()

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._woken.clear()
            await self._woken.wait()
        return self._waiting.popleft()


class Fanout:
    """The subscriptions of this process, by channel."""

    def __init__(self) -> None:
        self._channels: dict[str, set[Subscription]] = {}

    def channels(self) -> set[str]:
        """The channels that somebody listens to."""
        return set(self._channels)

    def deliver(self, channel: str, message: bytes) -> None:
        """Hand a message to every subscription of the channel; waits for none."""
        for subscription in self._channels.get(channel, ()):
            subscription.add(message)

    @contextmanager
    def subscribed(self, channel: str) -> Iterator[Subscription]:
        """A subscription while the block runs."""
        subscription = Subscription()
        self._channels.setdefault(channel, set()).add(subscription)
        try:
            yield subscription
        finally:
            others = self._channels[channel]
            others.discard(subscription)
            if not others:
                del self._channels[channel]

    def end(self) -> None:
        """Let every subscription end."""
        for subscriptions in self._channels.values():
            for subscription in subscriptions:
                subscription.end()
