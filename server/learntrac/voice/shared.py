"""A conversation whose messages reach now this process and now another: what they share of it, in the cache.

The cache may lose it. Then the client is told to come back, and begins another connection in the same chat.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson

from learntrac.backends.cache import Cache
from learntrac.backends.speech import Context, Recogniser, Transcript
from learntrac.kit.errors import LearnTracError, Unavailable
from learntrac.voice.conversation import Conversation
from learntrac.voice.ear import Ear
from learntrac.voice.effects import Listen
from learntrac.voice.hearing import Began, Ended, Heard
from learntrac.voice.kept import dumped, loaded

KEPT_SECONDS = 15 * 60
"""API Gateway ends a connection after ten minutes without a message."""
LONGEST_SECONDS = 2 * 3600
"""It lets none last longer."""
HELD_SECONDS = 15.0
WAITED_SECONDS = 10.0
SOUND_SECONDS = 150
"""An utterance may last 60 s, and its stream twice that."""
LATE_SECONDS, MOST_TRIES = 0.05, 100
"""A decoder that is behind is asked again after so long, and so often."""


class TalkLost(LearnTracError):
    """There is no such conversation, or not any more."""


class Shared:
    """The place of a conversation in the cache."""

    def __init__(self, cache: Cache, connection_id: str) -> None:
        self._cache = cache
        self._name = f"voice:talk:{connection_id}"

    async def begin(self, conversation: Conversation, agreed: dict[str, Any]) -> None:
        """Put the conversation there, and what was agreed at its beginning."""
        await self._keep(conversation)
        await self.agree(agreed)

    async def agree(self, agreed: dict[str, Any]) -> None:
        """What is agreed from here on."""
        await self._cache.put(f"{self._name}:agreed", orjson.dumps(agreed), seconds=LONGEST_SECONDS)

    async def find_agreed(self) -> dict[str, Any] | None:
        """What was agreed; None before the first message, and where it is lost."""
        kept = await self._cache.get(f"{self._name}:agreed")
        return None if kept is None else dict(orjson.loads(kept))

    async def end(self) -> None:
        """Forget it."""
        await self._cache.drop(f"{self._name}:agreed")
        await self._cache.drop(self._name)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Conversation]:
        """The conversation, for nobody else. Raises TalkLost and Unavailable."""
        owner = secrets.token_hex(8)
        await self._wait(owner)
        try:
            kept = await self._cache.get(self._name)
            if kept is None:
                raise TalkLost("This conversation is lost.")
            conversation = loaded(orjson.loads(kept))
            yield conversation
            await self._keep(conversation)
        finally:
            await self._cache.release(self._name, owner)

    async def _keep(self, conversation: Conversation) -> None:
        await self._cache.put(self._name, orjson.dumps(dumped(conversation)), seconds=KEPT_SECONDS)

    async def _wait(self, owner: str) -> None:
        pause = 0.002
        try:
            async with asyncio.timeout(WAITED_SECONDS):
                while not await self._cache.claim(self._name, owner, seconds=HELD_SECONDS):
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, 0.02)
        except TimeoutError:
            raise Unavailable("This conversation is held up.") from None


class SharedEar(Ear):
    """An ear that first hears what other processes were told of the stream.

    It tells what it hears there, too: how far a decoder was when a process was told is no other's to know, and what
    nobody else has told would be lost. The conversation knows an utterance by its number, the same in every ear.
    """

    def __init__(self, cache: Cache, connection_id: str, **rest: Any) -> None:
        super().__init__(**rest)
        self._cache = cache
        self._name = f"voice:sound:{connection_id}"
        self._at = (0, 0)
        self._missed: list[Heard] = []

    async def decode(self, sound: Listen) -> bytes:
        stream, next_piece = self._at if self._at[0] == sound.stream else (sound.stream, 0)
        for piece in range(next_piece, sound.piece):
            await self._catch_up(sound, piece)
        kept = bytes([sound.after_lull]) + sound.audio
        await self._cache.put(self._piece(stream, sound.piece), kept, seconds=SOUND_SECONDS)
        self._at = (stream, sound.piece + 1)
        return await self._decode(sound)

    async def hear(self, pcm: bytes, *, is_final: bool) -> list[Heard]:
        heard = await super().hear(pcm, is_final=is_final)
        missed, self._missed = self._missed, []
        return [*missed, *heard]

    async def _catch_up(self, sound: Listen, piece: int) -> None:
        kept = await self._cache.get(self._piece(sound.stream, piece))
        if kept:
            missed = replace(sound, audio=kept[1:], is_final=False, piece=piece, after_lull=kept[0] != 0)
            self._miss(await super().hear(await self._decode(missed), is_final=False))

    async def _decode(self, sound: Listen) -> bytes:
        if sound.after_lull and self._stream == sound.stream:
            await self._end_as_elsewhere()
        return await super().decode(sound)

    async def _end_as_elsewhere(self) -> None:
        """Another ear has ended its utterance by now: so does this one, once it has heard all that came before."""
        for _ in range(MOST_TRIES):
            heard, is_late = await self.lull()
            self._miss(heard)
            if not is_late:
                return
            await asyncio.sleep(LATE_SECONDS)

    def _miss(self, heard: list[Heard]) -> None:
        self._missed += [what for what in heard if isinstance(what, Began | Ended)]

    def _piece(self, stream: int, piece: int) -> str:
        return f"{self._name}:{stream}:{piece}"


class WholeHearing:
    """Hears an utterance when it is over: what was heard while it was spoken would have to be heard again elsewhere."""

    def __init__(self, recogniser: Recogniser, context: Context) -> None:
        self._recogniser = recogniser
        self._context = context
        self._pcm = bytearray()

    async def feed(self, pcm: bytes) -> None:
        """Keep it."""
        self._pcm += pcm

    async def finish(self) -> Transcript:
        """What was said."""
        return await self._recogniser.recognise(bytes(self._pcm), self._context)

    async def close(self) -> None:
        """Forget it."""
        self._pcm.clear()
