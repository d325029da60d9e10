"""The engines of this machine: pocketsphinx hears and espeak-ng speaks, each in processes of its own. Nothing leaves
the machine, nothing has to be fetched or paid.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self

from learntrac.backends.speech import (
    BYTES_A_SECOND,
    LONGEST_TEXT,
    LONGEST_UTTERANCE_SECONDS,
    Context,
    SpeechDown,
    SpeechFormat,
    Transcript,
    Voice,
    Word,
)
from learntrac.backends.speech.choosing import choose_voice
from learntrac.backends.speech.mp3 import Mp3Length
from learntrac.backends.speech.pieces import joined, pieces_of
from learntrac.backends.speech.pool import Engine, EngineGone, Pool

PIECE_BYTES = 6400
"""A partial text may come after each: 0.2 s."""
LONGEST_PHRASES = 40_000
"""Characters of a context that the engine is told: a language model of more takes longer to make than it helps."""
SPEAKS_WITHIN_SECONDS = 10.0


class EngineRecogniser:
    """Hears with engines of one kind. A partial text comes while a free engine listens; where all are at work the sound
    waits, and is heard when it is the utterance's turn.
    """

    def __init__(self, name: str, pool: Pool, *, languages: tuple[str, ...]) -> None:
        self.name = name
        self._pool, self._languages = pool, languages

    def hear(self, context: Context) -> "EngineHearing":
        return EngineHearing(self, self._pool, context, longest_seconds=LONGEST_UTTERANCE_SECONDS)

    async def recognise(self, pcm: bytes, context: Context) -> Transcript:
        """In pieces no longer than an utterance: an engine's memory and time grow with what it hears at once."""
        heard = [
            await self._piece(piece, context) for piece in pieces_of(pcm, longest_seconds=LONGEST_UTTERANCE_SECONDS)
        ]
        return joined(heard)

    async def _piece(self, pcm: bytes, context: Context) -> Transcript:
        hearing = EngineHearing(
            self, self._pool, context, longest_seconds=LONGEST_UTTERANCE_SECONDS, wants_partials=False
        )
        async with hearing:
            await hearing.feed(pcm)
            return await hearing.finish()

    def languages(self) -> tuple[str, ...]:
        return self._languages

    def heard_as(self, language: str) -> tuple[str, str | None]:
        """The language it is heard as, and why where that is another."""
        wanted = language.lower()
        if wanted in {known.lower() for known in self._languages} or "*" in self._languages:
            return language, None
        first = self._languages[0]
        return first, f"{self.name} does not understand {language}; it was heard as {first}."

    async def ping(self) -> None:
        await self._pool.warm()

    async def prepare(self) -> None:
        """Have an engine ready before anybody speaks. Raises SpeechDown."""
        await self._pool.prepare()

    async def close(self) -> None:
        await self._pool.close()


class EngineHearing:
    """One utterance: sound is handed to the engine by a task of its own, as fast as it takes it."""

    def __init__(
        self,
        recogniser: EngineRecogniser,
        pool: Pool,
        context: Context,
        *,
        longest_seconds: float,
        wants_partials: bool = True,
    ) -> None:
        self._recogniser, self._pool, self._context = recogniser, pool, context
        self._wants_partials = wants_partials
        self._left_bytes = int(longest_seconds * BYTES_A_SECOND)
        self._heard_bytes = 0
        self._half = b""
        self._sound: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._partial: str | None = None
        self._work: asyncio.Task[dict[str, Any]] | None = None

    async def feed(self, pcm: bytes) -> str | None:
        pcm = self._half + pcm
        whole = len(pcm) - len(pcm) % 2
        pcm, self._half = pcm[:whole], pcm[whole:]
        taken = pcm[: self._left_bytes]
        self._left_bytes -= len(taken)
        self._heard_bytes += len(taken)
        if self._work is None:
            self._work = asyncio.create_task(self._listen())
        for at in range(0, len(taken), PIECE_BYTES):
            self._sound.put_nowait(taken[at : at + PIECE_BYTES])
        if self._work.done() and not self._work.cancelled():
            self._work.result()
        partial, self._partial = self._partial, None
        return partial

    async def finish(self) -> Transcript:
        await self.feed(b"")
        self._sound.put_nowait(None)
        assert self._work is not None  # noqa: S101 - feed began it
        result = await self._work
        language, note = self._recogniser.heard_as(self._context.language)
        words = tuple(Word(**word) for word in result["words"])
        known = [word.confidence for word in words if word.confidence is not None]
        return Transcript(
            text=result["text"],
            confidence=round(sum(known) / len(known), 4) if known else 0.0,
            duration_seconds=self._heard_bytes / BYTES_A_SECOND,
            language=result.get("language") or language,
            engine=self._recogniser.name,
            words=words,
            note=note,
        )

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._work

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _listen(self) -> dict[str, Any]:
        async with self._pool.engine() as engine:
            await engine.send(
                {
                    "do": "hear",
                    "language": self._context.language,
                    "phrases": _bounded(self._context.phrases),
                    "partials": self._wants_partials,
                }
            )
            told = asyncio.create_task(self._told(engine))
            try:
                while (pcm := await self._sound.get()) is not None:
                    await engine.send({"do": "feed"}, pcm)
                await engine.send({"do": "finish"})
                return await told
            finally:
                told.cancel()
                with suppress(asyncio.CancelledError, EngineGone):
                    await told

    async def _told(self, engine: Engine) -> dict[str, Any]:
        while "done" not in (frame := await engine.receive()).head:
            if "problem" in frame.head:
                raise SpeechDown(str(frame.head["problem"]))
            self._partial = frame.head["partial"]
        done: dict[str, Any] = frame.head["done"]
        return done


def _bounded(phrases: tuple[str, ...]) -> list[str]:
    kept, left = [], LONGEST_PHRASES
    for phrase in phrases:
        kept.append(phrase[:left])
        left -= len(kept[-1])
        if left <= 0:
            break
    return kept


class EngineSpeaker:
    """Speaks with engines of one kind."""

    def __init__(self, name: str, pool: Pool) -> None:
        self.name = name
        self._pool = pool
        self._voices: tuple[Voice, ...] | None = None

    async def speak(
        self,
        text: str,
        *,
        voice: str | None,
        language: str,
        format: SpeechFormat = "mp3",  # noqa: A002 - what everybody calls it
    ) -> "EngineSpeaking":
        chosen, note = choose_voice(await self.voices(), voice=voice, language=language)
        speaking = EngineSpeaking(chosen, note, format)
        try:
            async with asyncio.timeout(SPEAKS_WITHIN_SECONDS):
                await speaking.begin(self._pool, text[:LONGEST_TEXT])
        except BaseException as error:
            await speaking.close()
            if isinstance(error, TimeoutError):
                raise SpeechDown(f"{self.name} does not answer") from error
            raise
        return speaking

    async def voices(self) -> tuple[Voice, ...]:
        if self._voices is None:
            async with self._pool.engine() as engine:
                await engine.send({"do": "voices"})
                told = (await engine.receive()).head["voices"]
            self._voices = tuple(
                sorted((Voice(engine=self.name, **voice) for voice in told), key=lambda one: (one.language, one.name))
            )
        return self._voices

    async def ping(self) -> None:
        await self._pool.warm()

    async def close(self) -> None:
        await self._pool.close()


class EngineSpeaking:
    """Sound from an engine that holds back when nobody takes it."""

    def __init__(self, voice: Voice, note: str | None, format: SpeechFormat) -> None:  # noqa: A002
        self.voice, self.note, self.format = voice, note, format
        self.sample_rate = 0
        self._holding = AsyncExitStack()
        self._engine: Engine | None = None
        self._first: bytes | None = None
        self._done = False
        self._length = Mp3Length()
        self._pcm_bytes = 0

    @property
    def duration_seconds(self) -> float:
        if self.format == "mp3":
            return self._length.seconds
        return self._pcm_bytes / 2 / self.sample_rate if self.sample_rate else 0.0

    async def begin(self, pool: Pool, text: str) -> None:
        """Have the engine speak, until its first sound is here."""
        self._engine = await self._holding.enter_async_context(pool.engine())
        await self._engine.send({"do": "speak", "text": text, "voice": self.voice.id, "format": self.format})
        self.sample_rate = int((await self._engine.receive()).head["sample_rate"])
        self._first = await self._next()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        data, self._first = self._first, None
        while data is not None:
            self._count(data)
            if data:
                yield data
            data = await self._next()
        self._length.finish()

    async def close(self) -> None:
        if not self._done:
            # Left in the middle of its work, the process has to go.
            await self._holding.__aexit__(EngineGone, EngineGone("given up"), None)
        await self._holding.aclose()

    async def _next(self) -> bytes | None:
        if self._done or self._engine is None:
            return None
        frame = await self._engine.receive()
        if "problem" in frame.head:
            raise SpeechDown(str(frame.head["problem"]))
        if "done" in frame.head:
            self._done = True
            await self._holding.aclose()
        return frame.data

    def _count(self, data: bytes) -> None:
        if self.format == "mp3":
            self._length.feed(data)
        else:
            self._pcm_bytes += len(data)
