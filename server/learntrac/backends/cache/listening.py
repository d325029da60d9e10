"""What other processes publish: one connection to Redis for each process, which comes back by itself."""

import asyncio
import secrets
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from learntrac.backends.cache.fanout import Fanout
from learntrac.backends.cache.patience import at_most
from learntrac.kit.logs import get_logger

CHANNELS = "learntrac:channel:"
ASK_EVERY_SECONDS = 5.0
"""A connection whose other end is gone without a word looks like one on which nothing happens. So it is asked, and is
lost when nothing has come for twice as long."""
CONFIRM_WITHIN_SECONDS = 0.25

_SEND_WITHIN_SECONDS = 0.5
_SENDER_BYTES = 16
_log = get_logger("learntrac.cache")


class Listener:
    """Hands what other processes publish to the subscriptions of this one."""

    def __init__(self, client: Redis, fanout: Fanout, *, try_again_seconds: float) -> None:
        """Connects when somebody listens for the first time."""
        self._client = client
        self._fanout = fanout
        self._try_again_seconds = try_again_seconds
        self._sender = secrets.token_bytes(_SENDER_BYTES)
        self._changed = asyncio.Event()
        self._confirmed: dict[str, asyncio.Event] = {}
        self._task: asyncio.Task[None] | None = None
        self._away = False

    def signed(self, message: bytes) -> bytes:
        """A message with the mark of this process, whose own subscriptions have it already."""
        return self._sender + message

    async def listen(self, channel: str) -> None:
        """Return when Redis has confirmed that it will send the channel's messages, or after a short while."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        confirmed = self._confirmed.setdefault(channel, asyncio.Event())
        self.notice()
        with suppress(TimeoutError):
            async with asyncio.timeout(CONFIRM_WITHIN_SECONDS):
                await confirmed.wait()

    def notice(self) -> None:
        """Look again which channels are listened to here."""
        self._changed.set()

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            await _stop(self._task)

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next connection may do better
                self._lost(error)
            await asyncio.sleep(self._try_again_seconds)

    async def _follow(self) -> None:
        """Serve one connection until it is lost, and then raise why."""
        async with self._client.pubsub() as connection:
            async with at_most(_SEND_WITHIN_SECONDS):
                await connection.connect()
            reading = asyncio.create_task(self._read(connection))
            reading.add_done_callback(lambda _: self._changed.set())
            try:
                await self._keep_asking(connection, reading)
            finally:
                await _stop(reading)

    async def _keep_asking(self, connection: PubSub, reading: "asyncio.Task[None]") -> None:
        asked: set[str] = set()
        while not reading.done():
            self._changed.clear()
            wanted = self._fanout.channels()
            async with at_most(_SEND_WITHIN_SECONDS):
                await self._ask(connection, asked, wanted)
            asked = wanted
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_EVERY_SECONDS):
                    await self._changed.wait()
        reading.result()

    async def _ask(self, connection: PubSub, asked: set[str], wanted: set[str]) -> None:
        for channel in asked - wanted:
            self._confirmed.pop(channel, None)
        if asked - wanted:
            await connection.unsubscribe(*(CHANNELS + channel for channel in asked - wanted))
        if wanted - asked:
            await connection.subscribe(*(CHANNELS + channel for channel in wanted - asked))
        if wanted == asked:
            await connection.ping()

    async def _read(self, connection: PubSub) -> None:
        while True:
            async with at_most(2 * ASK_EVERY_SECONDS):
                message = await connection.get_message(timeout=None)
            if message is not None:
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] not in ("subscribe", "message"):
            return
        channel = message["channel"].decode().removeprefix(CHANNELS)
        if message["type"] == "message":
            self._hand_out(channel, message["data"])
        elif channel in self._confirmed:
            self._confirmed[channel].set()
            self._found()

    def _hand_out(self, channel: str, signed: bytes) -> None:
        sender, message = signed[:_SENDER_BYTES], signed[_SENDER_BYTES:]
        if len(sender) == _SENDER_BYTES and sender != self._sender:
            self._fanout.deliver(channel, message)

    def _lost(self, error: Exception) -> None:
        for confirmed in self._confirmed.values():
            confirmed.clear()
        if not self._away:
            self._away = True
            why = str(error) or type(error).__name__
            _log.warning("redis does not answer: messages stay in their process", error=why)

    def _found(self) -> None:
        if self._away:
            self._away = False
            _log.info("redis answers again: messages reach every process")


async def _stop(task: "asyncio.Task[None]") -> None:
    while not task.done():
        # More than once: before Python 3.12 `asyncio.wait_for`, which the client may use, can swallow a cancellation.
        # Not soon again: a second one would cut short what closes the connection.
        task.cancel()
        await asyncio.wait([task], timeout=1)
    if not task.cancelled():
        task.exception()  # else asyncio would complain that nobody looked
