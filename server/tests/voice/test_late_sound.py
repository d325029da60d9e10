"""A microphone is switched off while the decoder is still busy, or only starting: nothing of what was said is lost."""

import random
import struct
from collections.abc import Sequence

from learntrac.backends.speech import SAMPLE_RATE, AudioFormat, Transcript
from learntrac.backends.speech.decoding import ProcessDecoding
from learntrac.voice.ear import Ear
from learntrac.voice.effects import Listen
from learntrac.voice.hearing import Began, Ended
from tests.voice.clients import silence


class Late:
    """A decoder out of which nothing comes before it was asked some times, as on a machine that is held up."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = list(pieces)

    async def feed(self, _data: bytes) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def finish(self) -> bytes:
        return b"".join(self._pieces)

    async def close(self) -> None:
        self._pieces.clear()


class LateDecoding(ProcessDecoding):
    """The decoding there is, whose streams come late."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__(processes=1)
        self._pieces = pieces

    def open(self, format: AudioFormat, *, longest_seconds: float = 60) -> Late:  # type: ignore[override] # noqa: A002, ARG002 - a slower one
        return Late(self._pieces)


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
    ear = Ear(LateDecoding(b"", b"", silence(0.6) + noise(0.8), noise(0.8)), lambda _code: hearing)
    assert await ear.hear(await ear.decode(Listen(b"webm", is_final=False)), is_final=False) == []

    found = [await ear.lull() for _ in range(4)]

    assert [is_late for _, _, is_late in found] == [True, True, True, False]
    heard = [what for _, some, _ in found for what in some]
    assert [type(what) for what in heard if isinstance(what, Began | Ended)] == [Began, Ended]
    assert isinstance(found[3][1][-1], Ended), "and not when half of it was there"
    assert len(hearing.pcm) >= 2 * SAMPLE_RATE * 1.5
    await ear.close()
