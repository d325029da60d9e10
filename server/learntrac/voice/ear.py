"""The ear of one conversation: sound in somebody's format becomes utterances.

It decodes, finds where speech begins and ends, and has the engine listen to it meanwhile. It belongs to one process;
what it was told can be told to another.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from learntrac.backends.speech import BYTES_A_SECOND, Decoder, Decoding, Transcript
from learntrac.backends.speech.vad import FRAME_BYTES, FRAME_SECONDS, SpeechDetector
from learntrac.voice.effects import Listen
from learntrac.voice.endpointing import PAUSE_SECONDS, Endpointing
from learntrac.voice.hearing import Began, Ended, Heard, Partly, Quiet

BEFORE_FRAMES = 20
"""Frames before speech was noticed that are listened to as well: a word begins softly."""

MOST_UTTERANCES = 1_000_000
"""In one stream; their numbers begin with the stream's."""

LONGEST_STREAM_SECONDS = 3600.0
"""A client may stream without ever saying that it is final; the day's minutes are the limit then."""


class HearingSoFar(Protocol):
    """What an ear needs of a `Hearing`."""

    async def feed(self, pcm: bytes) -> str | None:
        """Take more sound; the words so far, where they have changed."""
        ...

    async def finish(self) -> Transcript:
        """What was said."""
        ...

    async def close(self) -> None:
        """Give up."""
        ...


@dataclass
class _Utterance:
    hearing: HearingSoFar
    seconds: float = 0.0
    waiting: bytearray = field(default_factory=bytearray)


class Ear:
    """Hears one stream of sound after the other. Not for two tasks at once, but for `recognise`."""

    def __init__(self, decoding: Decoding, listen: Callable[[str | None], HearingSoFar]) -> None:
        """`listen` begins an utterance: of code in this language, or of plain speech."""
        self.dictating: str | None = None
        """The language of the code that the next utterances are."""
        self._decoding = decoding
        self._listen = listen
        self._detector = SpeechDetector()
        self._decoder: Decoder | None = None
        self._rest = bytearray()
        self._before: deque[bytes] = deque(maxlen=BEFORE_FRAMES)
        self._endpointing = Endpointing()
        self._stream = 0
        self._numbers = count(1)
        self._number = 0
        self._utterances: dict[int, _Utterance] = {}
        self._seconds = 0.0
        self._decoded_bytes = 0

    @property
    def decoded(self) -> tuple[int, float]:
        """The stream, and how many seconds of its sound have been decoded here."""
        return self._stream, self._decoded_bytes / BYTES_A_SECOND

    async def decode(self, sound: Listen) -> bytes:
        """The PCM that is ready by now. Raises BadAudio, and then the stream is over, and SpeechBusy."""
        if sound.stream != self._stream:
            await self._begin_stream(sound)
        if self._decoder is None:
            self._decoder = self._decoding.open(sound.format, longest_seconds=LONGEST_STREAM_SECONDS)
        try:
            pcm = await self._decoder.feed(sound.audio) if sound.audio else b""
            pcm = pcm + await self._decoder.finish() if sound.is_final else pcm
        except BaseException:
            await self._close_decoder()
            raise
        self._decoded_bytes += len(pcm)
        return pcm

    async def _begin_stream(self, sound: Listen) -> None:
        await self._close_decoder()
        self._endpointing = Endpointing()
        self._rest.clear()
        self._before.clear()
        # The same numbers in every process: streams and what is said in them come in one order.
        self._stream, self._seconds, self._number, self._decoded_bytes = sound.stream, 0.0, 0, 0
        self._numbers = count(sound.stream * MOST_UTTERANCES)

    async def hear(self, pcm: bytes, *, is_final: bool) -> list[Heard]:
        """What is heard in it, in order. Raises SpeechDown."""
        self._rest += pcm
        heard: list[Heard] = []
        quiet = 0
        while len(self._rest) >= FRAME_BYTES:
            frame = bytes(self._rest[:FRAME_BYTES])
            del self._rest[:FRAME_BYTES]
            self._seconds += FRAME_SECONDS
            if not await self._take(frame, heard):
                quiet += 1
        if quiet:
            heard.append(Quiet(quiet * FRAME_SECONDS))
        await self._feed(heard)
        return [*heard, *await self.end_stream()] if is_final else heard

    async def lull(self) -> tuple[list[Heard], bool]:
        """Nothing more came for a while, and may come again: what is heard of what was decoded meanwhile and with the
        end of the utterance, and whether more of the sound is still on its way through the decoder, so that the
        utterance has not ended. Raises as `decode` and `hear` do.
        """
        pcm, is_late = self._decoder.ready() if self._decoder is not None else (b"", False)
        self._decoded_bytes += len(pcm)
        heard = await self.hear(pcm, is_final=False)
        if self._number and not is_late:
            await self._end(heard, "final")
            self._endpointing = Endpointing()
        return heard, is_late

    async def end_stream(self) -> list[Heard]:
        """No more comes: what is heard of it."""
        heard: list[Heard] = []
        if self._number:
            await self._end(heard, "final")
        self._endpointing = Endpointing()
        await self._close_decoder()
        return heard

    async def _take(self, frame: bytes, heard: list[Heard]) -> bool:
        """Whether the frame is part of an utterance."""
        change = self._endpointing.take(is_speech=self._detector.is_speech(frame))
        if change == "begin":
            self._begin(frame, heard)
        elif self._number:
            self._utterances[self._number].waiting += frame
        if change in ("pause", "cut"):
            await self._end(heard, "pause" if change == "pause" else "cut")
        if not self._number:
            self._before.append(frame)
        return change is not None or self._number != 0

    def _begin(self, frame: bytes, heard: list[Heard]) -> None:
        self._number = next(self._numbers)
        utterance = _Utterance(self._listen(self.dictating))
        utterance.waiting += b"".join([*self._before, frame])
        self._before.clear()
        self._utterances[self._number] = utterance
        heard.append(Began(self._number, self._seconds))

    async def _feed(self, heard: list[Heard]) -> None:
        if not self._number:
            return
        utterance = self._utterances[self._number]
        pcm, utterance.waiting = bytes(utterance.waiting), bytearray()
        utterance.seconds += len(pcm) / BYTES_A_SECOND
        words = await utterance.hearing.feed(pcm) if pcm else None
        if words is not None:
            heard.append(Partly(self._number, words))

    async def _end(self, heard: list[Heard], why: str) -> None:
        await self._feed(heard)
        if why == "pause":
            self._utterances[self._number].seconds -= PAUSE_SECONDS
        heard.append(Ended(self._number, why))  # type: ignore[arg-type] # one of its words
        self._number = 0

    async def recognise(self, number: int) -> tuple[Transcript, float]:
        """What was said in an utterance that has ended, and how long it took. Raises SpeechDown and SpeechBusy."""
        utterance = self._utterances.pop(number)
        try:
            return await utterance.hearing.finish(), max(0.0, utterance.seconds)
        finally:
            await utterance.hearing.close()

    async def pass_over(self, number: int) -> None:
        """Nobody is going to ask what was said in this utterance, which has ended."""
        await self._utterances.pop(number).hearing.close()

    async def close(self) -> None:
        """Give everything up."""
        await self._close_decoder()
        while self._utterances:
            await self._utterances.popitem()[1].hearing.close()

    async def _close_decoder(self) -> None:
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            await decoder.close()
