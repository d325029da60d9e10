"""Sound that another system makes: chunks as they come, bounded in waiting, with its length told."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from learntrac.backends.speech import LONGEST_TEXT, SpeechDown, SpeechFormat, Voice
from learntrac.backends.speech.choosing import choose_voice
from learntrac.backends.speech.containers import ENOUGH_BYTES, find_container
from learntrac.backends.speech.mp3 import Mp3Length

NEXT_CHUNK_WITHIN_SECONDS = 8.0


class StreamedSpeaking:
    """Iterates over what a source gives. `begin` waits for the first chunk and looks whether it is sound at all."""

    def __init__(
        self,
        source: AsyncGenerator[bytes, None],
        *,
        voice: Voice,
        note: str | None,
        format: SpeechFormat,  # noqa: A002 - what everybody calls it
        sample_rate: int,
    ) -> None:
        self.voice, self.note, self.format, self.sample_rate = voice, note, format, sample_rate
        self._source = source
        self._first = b""
        self._length = Mp3Length()
        self._pcm_bytes = 0

    @property
    def duration_seconds(self) -> float:
        return self._length.seconds if self.format == "mp3" else self._pcm_bytes / 2 / self.sample_rate

    async def begin(self) -> None:
        """Have the first chunk. Raises SpeechDown; then it is closed."""
        try:
            while len(self._first) < ENOUGH_BYTES and (chunk := await self._next()) is not None:
                self._first += chunk
            self._raise_if_no_sound()
        except BaseException:
            await self.close()
            raise

    def _raise_if_no_sound(self) -> None:
        if self.format == "mp3" and self._first and find_container(self._first) != "mp3":
            raise SpeechDown(f"{self.voice.engine} answered with something that is no sound")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk: bytes | None = self._first
        while chunk is not None:
            if self.format == "mp3":
                self._length.feed(chunk)
            else:
                self._pcm_bytes += len(chunk)
            if chunk:
                yield chunk
            chunk = await self._next()
        self._length.finish()

    async def close(self) -> None:
        await self._source.aclose()

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(NEXT_CHUNK_WITHIN_SECONDS):
                return await anext(self._source, None)
        except TimeoutError as error:
            raise SpeechDown(f"{self.voice.engine} does not answer") from error


class StreamingSpeaker(ABC):
    """Speaks with what another system makes; `rates` are the samples a second that it is asked for."""

    rates: Mapping[SpeechFormat, int]

    async def speak(
        self,
        text: str,
        *,
        voice: str | None,
        language: str,
        format: SpeechFormat = "mp3",  # noqa: A002 - what everybody calls it
    ) -> StreamedSpeaking:
        chosen, note = choose_voice(await self.voices(), voice=voice, language=language)
        source = self._chunks(text[:LONGEST_TEXT], chosen.id, format)
        speaking = StreamedSpeaking(source, voice=chosen, note=note, format=format, sample_rate=self.rates[format])
        await speaking.begin()
        return speaking

    @abstractmethod
    async def voices(self) -> tuple[Voice, ...]: ...

    @abstractmethod
    def _chunks(self, text: str, voice: str, format: SpeechFormat) -> AsyncGenerator[bytes, None]: ...  # noqa: A002
