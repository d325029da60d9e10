"""A microphone is switched off while the decoder is still busy, or only starting: nothing of what was said is lost."""

import random
import struct

from learntrac.backends.speech import SAMPLE_RATE, AudioFormat, Transcript
from learntrac.voice.ear import Ear
from learntrac.voice.effects import Listen
from learntrac.voice.hearing import Began, Ended
from tests.voice.clients import silence


class Late:
    """A decoder out of which nothing comes before it was asked some times, as on a machine that is held up."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def open(self, format: AudioFormat, *, longest_seconds: float = 0) -> "Late":  # noqa: A002, ARG002 - the protocol's
        return self

    async def decode(self, data: bytes, *, format: AudioFormat = "auto", longest_seconds: float) -> bytes:  # noqa: A002
        raise NotImplementedError

    async def feed(self, _data: bytes) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def finish(self) -> bytes:
        return b""

    async def close(self) -> None:
        return None


class Kept:
    """Keeps what it is to listen to."""

    def __init__(self) -> None:
        self.pcm = bytearray()

    async def feed(self, pcm: bytes) -> None:
        self.pcm += pcm

    async def finish(self) -> Transcript:
        return Transcript("", 0.0, 0.0, "en", "none")

    async def close(self) -> None:
        return None


def noise(seconds: float) -> bytes:
    """Loud enough to be taken for speech."""
    dice = random.Random(5)
    samples = [dice.randrange(-12_000, 12_000) for _ in range(int(SAMPLE_RATE * seconds))]
    return struct.pack(f"<{len(samples)}h", *samples)


async def test_what_comes_out_late_is_heard_before_the_utterance_ends() -> None:
    hearing = Kept()
    ear = Ear(Late(b"", b"", silence(0.6) + noise(0.8), noise(0.8)), lambda _code: hearing)
    assert await ear.hear(await ear.decode(Listen(b"webm", is_final=False)), is_final=False) == []

    found = [await ear.lull() for _ in range(4)]

    assert [is_late for _, _, is_late in found] == [True, True, True, False]
    heard = [what for _, some, _ in found for what in some]
    assert [type(what) for what in heard if isinstance(what, Began | Ended)] == [Began, Ended]
    assert isinstance(found[3][1][-1], Ended), "and not when half of it was there"
    assert len(hearing.pcm) >= 2 * SAMPLE_RATE * 1.5
    await ear.close()
