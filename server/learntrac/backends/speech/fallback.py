"""A cloud hears and speaks while it answers, else this machine's own engines; whoever asks is told which."""

import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from learntrac.backends.speech import (
    BYTES_A_SECOND,
    LONGEST_UTTERANCE_SECONDS,
    Context,
    Hearing,
    Recogniser,
    Speaker,
    Speaking,
    SpeechDown,
    SpeechFormat,
    Transcript,
    Voice,
)
from learntrac.kit.logs import get_logger

TRY_AGAIN_AFTER_SECONDS = 5.0
LONGEST_BYTES = int(LONGEST_UTTERANCE_SECONDS * BYTES_A_SECOND)

_log = get_logger("learntrac.speech")


class _Trust:
    """Whether the first is asked: after a failure it is left alone for some seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._try_at = 0.0

    @property
    def is_there(self) -> bool:
        return time.monotonic() >= self._try_at

    def lost(self, error: SpeechDown) -> None:
        if self.is_there:
            _log.warning("this machine's speech engines answer instead", provider=self._name, error=str(error))
        self._try_at = time.monotonic() + TRY_AGAIN_AFTER_SECONDS


class FallbackRecogniser:
    """Asks `first`; what it cannot hear `second` hears again from the beginning."""

    def __init__(self, first: Recogniser, second: Recogniser) -> None:
        self.name = first.name
        self._first, self._second, self._trust = first, second, _Trust(first.name)

    def hear(self, context: Context) -> Hearing:
        if self._trust.is_there:
            return _FallbackHearing(self._first, self._second, context, self._trust)
        return self._second.hear(context)

    async def recognise(self, pcm: bytes, context: Context) -> Transcript:
        if self._trust.is_there:
            try:
                return await self._first.recognise(pcm, context)
            except SpeechDown as error:
                self._trust.lost(error)
        return _told(await self._second.recognise(pcm, context), self.name)

    def languages(self) -> tuple[str, ...]:
        return self._first.languages()

    async def ping(self) -> None:
        await self._first.ping()

    async def close(self) -> None:
        await self._first.close()
        await self._second.close()


class _FallbackHearing:
    """One utterance, kept as long as the first may still fail."""

    def __init__(self, first: Recogniser, second: Recogniser, context: Context, trust: _Trust) -> None:
        self._name, self._second, self._context, self._trust = first.name, second, context, trust
        self._hearing = first.hear(context)
        self._sound: bytearray | None = bytearray()

    async def feed(self, pcm: bytes) -> str | None:
        if self._sound is None:
            return await self._hearing.feed(pcm)
        self._sound += pcm[: LONGEST_BYTES - len(self._sound)]
        try:
            return await self._hearing.feed(pcm)
        except SpeechDown as error:
            return await self._change(error, self._sound)

    async def finish(self) -> Transcript:
        if self._sound is not None:
            try:
                return await self._hearing.finish()
            except SpeechDown as error:
                await self._change(error, self._sound)
        return _told(await self._hearing.finish(), self._name)

    async def close(self) -> None:
        await self._hearing.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _change(self, error: SpeechDown, sound: bytearray) -> str | None:
        self._trust.lost(error)
        await self._hearing.close()
        self._hearing, self._sound = self._second.hear(self._context), None
        return await self._hearing.feed(bytes(sound))


class FallbackSpeaker:
    """Asks `first`; where no sound begins, `second` speaks. Sound that breaks off later stays broken off: another voice
    in the middle of a sentence helps nobody.
    """

    def __init__(self, first: Speaker, second: Speaker) -> None:
        self.name = first.name
        self._first, self._second, self._trust = first, second, _Trust(first.name)

    async def speak(
        self,
        text: str,
        *,
        voice: str | None,
        language: str,
        format: SpeechFormat = "mp3",  # noqa: A002 - what everybody calls it
    ) -> Speaking:
        if self._trust.is_there:
            try:
                return await self._first.speak(text, voice=voice, language=language, format=format)
            except SpeechDown as error:
                self._trust.lost(error)
        speaking = await self._second.speak(text, voice=None, language=language, format=format)
        speaking.note = f"{self.name} does not answer: {speaking.voice.name} speaks."
        return speaking

    async def voices(self) -> tuple[Voice, ...]:
        if self._trust.is_there:
            try:
                return await self._first.voices()
            except SpeechDown as error:
                self._trust.lost(error)
        return await self._second.voices()

    async def ping(self) -> None:
        await self._first.ping()

    async def close(self) -> None:
        await self._first.close()
        await self._second.close()


def _told(heard: Transcript, name: str) -> Transcript:
    note = f"{name} does not answer: {heard.engine} heard this."
    return replace(heard, note=f"{note} {heard.note}" if heard.note else note)
