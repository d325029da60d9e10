"""A microphone is switched off while the decoder is still busy, or only starting: nothing of what was said is lost."""

import asyncio
import os
import random
import signal
import struct
from collections.abc import Sequence

import pytest

from learntrac.backends.speech import SAMPLE_RATE, AudioFormat, BadAudio, Transcript
from learntrac.backends.speech.decoding import ProcessDecoding
from learntrac.voice.ear import Ear
from learntrac.voice.effects import Listen
from learntrac.voice.hearing import Began, Ended
from tests.backends.speech.sounds import encoded
from tests.voice.clients import silence


class Late:
    """A decoder out of which nothing comes before it was asked some times, as on a machine that is held up."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = list(pieces)

    async def feed(self, _data: bytes) -> bytes:
        return b""

    def ready(self) -> tuple[bytes, bool]:
        return self._pieces.pop(0), bool(self._pieces)

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
    late = LateDecoding(b"", silence(0.3), b"", silence(0.3) + noise(0.8), b"", noise(0.8))
    ear = Ear(late, lambda _code: hearing)
    assert await ear.hear(await ear.decode(Listen(b"webm", is_final=False)), is_final=False) == []

    found = [await ear.lull() for _ in range(6)]

    assert [is_late for _, is_late in found] == [True, True, True, True, True, False]
    heard = [what for some, _ in found for what in some]
    assert [type(what) for what in heard if isinstance(what, Began | Ended)] == [Began, Ended]
    assert isinstance(found[5][0][-1], Ended), "and not when half of it was there"
    assert len(hearing.pcm) >= 2 * SAMPLE_RATE * 1.5
    await ear.close()


async def test_a_decoder_knows_whether_all_that_it_was_fed_is_decoded() -> None:
    spoken = silence(0.3) + noise(2.0)
    sound, decoding = encoded(spoken, "webm"), ProcessDecoding(processes=1)
    decoder, pcm = decoding.open("webm"), b""
    assert decoder.ready() == (b"", False)
    for at in range(0, len(sound), 3000):
        pcm += await decoder.feed(sound[at : at + 3000])

    is_behind, looks = True, 0
    async with asyncio.timeout(60):
        while is_behind:
            some, is_behind = decoder.ready()
            pcm, looks = pcm + some, looks + 1
            await asyncio.sleep(0.01)

    assert looks > 1
    # All but what waits in the codec for more.
    assert len(spoken) - 2 * SAMPLE_RATE * 0.3 < len(pcm) <= len(spoken) + 2 * SAMPLE_RATE * 0.1
    await decoder.close()
    await decoding.close()


async def test_a_decoder_whose_process_has_ended_says_so() -> None:
    decoding = ProcessDecoding(processes=1)
    decoder = decoding.open("webm")
    await decoder.feed(encoded(noise(1.0), "webm")[:3000])
    (engine,) = decoding._pool._all
    os.kill(engine._process.pid, signal.SIGKILL)

    async def look_until_it_ends() -> None:
        while True:
            decoder.ready()
            await asyncio.sleep(0.01)

    with pytest.raises(BadAudio, match="cannot be decoded"):
        await asyncio.wait_for(look_until_it_ends(), 60)
    await decoder.close()
    await decoding.close()
