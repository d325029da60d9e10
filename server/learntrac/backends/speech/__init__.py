"""Hearing what is said and saying what is written: what is asked of speech engines, and what comes back.

Inside LearnTrac all sound is 16-bit mono PCM, little-endian, at 16 kHz (`SAMPLE_RATE`); `decoding` makes it of what
people send. The engines are local by default (pocketsphinx and espeak-ng, both from pip), or a cloud's with the local
ones behind it. No engine runs on the event loop: local ones live in processes of their own, which a cancelled caller
ends at once.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

from learntrac.kit.errors import RateLimited, Unavailable, ValidationFailed

SAMPLE_RATE = 16_000
"""Samples a second of all sound that is recognised."""
BYTES_A_SECOND = 2 * SAMPLE_RATE
LONGEST_UTTERANCE_SECONDS = 60.0
"""What one streamed utterance may last; whole recordings may be longer."""
LONGEST_TEXT = 4096
"""Characters that are spoken in one piece; the clouds' own limit."""

AudioFormat: TypeAlias = Literal["auto", "wav", "mp3", "m4a", "ogg", "webm", "pcm16", "pcm24", "pcm48"]
"""What people send. `auto` finds the container out from its first bytes; raw PCM (16-bit mono at 16, 24 or 48 kHz) has
none and must be named."""
SpeechFormat: TypeAlias = Literal["mp3", "pcm"]
"""What is given out: MP3, or 16-bit mono PCM at the `sample_rate` of the `Speaking`."""


class SpeechDown(Unavailable):
    """No engine answers: 503. Text goes on without."""


class SpeechBusy(RateLimited):
    """Every engine of this machine is at work, and others wait already."""


class BadAudio(ValidationFailed):
    """This is no sound, or not of the format it was said to be, or more of it than may be."""


@dataclass(frozen=True)
class Context:
    """What the talk is about. `phrases` are texts of the course that the learner may say parts of, the likeliest
    first: titles, objectives, terms; recognition prefers their words.
    """

    language: str = "en-US"
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Word:
    """One word as it was heard, with the engine's confidence (0 to 1) where it tells one, and where in the sound."""

    text: str
    start_seconds: float
    end_seconds: float
    confidence: float | None = None


@dataclass(frozen=True)
class Transcript:
    """What was heard; an empty text where nothing was said.

    `confidence` is the engine's own, 0 to 1: comparable within one engine only. `duration_seconds` is of the sound,
    `language` as BCP 47. `engine` names who heard it; `note` says what was done instead of what was asked for, for
    people.
    """

    text: str
    confidence: float
    duration_seconds: float
    language: str
    engine: str
    words: tuple[Word, ...] = ()
    note: str | None = None


class Hearing(Protocol):
    """One utterance while it is spoken. Leave the context, or `close`, and the engine is free at once."""

    async def feed(self, pcm: bytes) -> str | None:
        """Take more sound, of any length; never waits for the engine.

        Returns the words so far when they have changed since the last call. What is over
        `LONGEST_UTTERANCE_SECONDS` is not heard. Raises SpeechDown.
        """
        ...

    async def finish(self) -> Transcript:
        """Nothing more comes: what was said. Raises SpeechDown and SpeechBusy."""
        ...

    async def close(self) -> None:
        """Give up. May be called again, and after `finish`."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Recogniser(Protocol):
    """Hears. Languages are BCP 47; a language that the engine does not know is heard as its first one, and the
    transcript's `note` says so.
    """

    name: str

    def hear(self, context: Context) -> Hearing:
        """Begin an utterance."""
        ...

    async def recognise(self, pcm: bytes, context: Context) -> Transcript:
        """A whole recording at once. Cancelling ends it within 200 ms. Raises SpeechDown and SpeechBusy."""
        ...

    def languages(self) -> tuple[str, ...]:
        """What it understands."""
        ...

    async def ping(self) -> None:
        """Whether the engine answers. Raises SpeechDown."""
        ...

    async def close(self) -> None:
        """End all of it; what is being done is given up."""
        ...


@dataclass(frozen=True)
class Voice:
    """A voice to be asked for by its `id`, which is the same on every machine with this engine."""

    id: str
    name: str
    language: str
    engine: str
    gender: Literal["female", "male", "neutral"] = "neutral"


class Speaking(Protocol):
    """Sound while it is made: iterate over it for its chunks, from the first on as they come.

    `voice` is the one that speaks; `note` says why it is another than was asked for, for people.
    """

    voice: Voice
    note: str | None
    format: SpeechFormat
    sample_rate: int

    @property
    def duration_seconds(self) -> float:
        """How long the sound given out so far lasts; the whole after the last chunk."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises SpeechDown when the engine ends before the sound does."""
        ...

    async def close(self) -> None:
        """Stop at once. May be called again, and after the last chunk."""
        ...


class Speaker(Protocol):
    """Speaks. A voice it does not have is replaced by the language's first one, and the `note` says so."""

    name: str

    async def speak(self, text: str, *, voice: str | None, language: str, format: SpeechFormat = "mp3") -> Speaking:  # noqa: A002 - what everybody calls it
        """Begin to speak at most `LONGEST_TEXT` characters: returns when the first chunk is there.

        Raises SpeechDown and SpeechBusy. An empty text is silence of no length.
        """
        ...

    async def voices(self) -> tuple[Voice, ...]:
        """Every voice there is, by language and name."""
        ...

    async def ping(self) -> None:
        """Whether the engine answers. Raises SpeechDown."""
        ...

    async def close(self) -> None:
        """End all of it; what is being done is given up."""
        ...


class Decoder(Protocol):
    """Sound in somebody's format, coming in pieces of any size, turned into ours in a process of its own."""

    async def feed(self, data: bytes) -> bytes:
        """Take a piece; returns the PCM that is ready by now (maybe none yet). Raises BadAudio and SpeechBusy."""
        ...

    def ready(self) -> tuple[bytes, bool]:
        """The PCM that has become ready since, and whether some of what was fed is still to be decoded. Raises
        BadAudio.
        """
        ...

    async def finish(self) -> bytes:
        """Nothing more comes: the rest of the PCM. Raises BadAudio where there was no whole sound."""
        ...

    async def close(self) -> None:
        """Give up. May be called again, and after `finish`."""
        ...


class Decoding(Protocol):
    """Makes PCM of what people send. No header is believed: what counts is the sound that comes out."""

    def open(self, format: AudioFormat, *, longest_seconds: float = LONGEST_UTTERANCE_SECONDS) -> Decoder:  # noqa: A002
        """A decoder for one stream. More sound than `longest_seconds` is BadAudio."""
        ...

    async def decode(self, data: bytes, *, format: AudioFormat = "auto", longest_seconds: float) -> bytes:  # noqa: A002
        """A whole file at once. Raises BadAudio and SpeechBusy."""
        ...

    async def close(self) -> None:
        """End all decoders."""
        ...


class Preparable(Protocol):
    """An engine that takes seconds to start."""

    async def prepare(self) -> None:
        """Have it ready before it is asked. Raises SpeechDown."""
        ...


@dataclass(frozen=True)
class Speech:
    """The engines of this server. `name` is the provider's: local, openai or aws. `slow_to_start` is the one of them
    that lives on this machine and is worth being started early.
    """

    name: str
    recogniser: Recogniser
    speaker: Speaker
    decoding: Decoding
    slow_to_start: Preparable | None = None

    async def ping(self) -> None:
        """Whether the provider answers, at no cost. Raises SpeechDown, whose message says what happens meanwhile."""
        await self.recogniser.ping()
        await self.speaker.ping()

    async def prepare(self) -> None:
        """Have an engine of this machine ready before anybody speaks, behind everything else; a cloud's always are.

        Raises SpeechDown.
        """
        if self.slow_to_start is not None:
            await self.slow_to_start.prepare()

    async def close(self) -> None:
        """End all engines; what they do is given up."""
        await self.recogniser.close()
        await self.speaker.close()
        await self.decoding.close()
