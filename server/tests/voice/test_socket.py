"""Talking with the tutor over a WebSocket of the server itself."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from learntrac.backends.speech import BYTES_A_SECOND, Speaking, SpeechFormat, Voice
from learntrac.backends.speech.vad import FRAME_BYTES, SpeechDetector
from tests.voice.clients import Learner, silence
from tests.voice.conftest import Live
from tests.voice.conversations import QUESTION, Conversations, Door

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(live: Live) -> Door:
    """The server's own socket."""
    return Door(live.api, live.url, has_partials=True)


class TestSocket(Conversations):
    """Over the server's own socket."""


ENDLESS = Voice("endless", "Endless", "en-US", "test")


@dataclass
class EndlessSpeaking:
    """Sound that never ends: a piece each time it is asked for one."""

    format: SpeechFormat
    voice: Voice = ENDLESS
    note: str | None = None
    sample_rate: int = 16_000
    duration_seconds: float = 0.0
    pieces: int = 0
    is_closed: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            self.pieces += 1
            self.duration_seconds += 1.0
            yield bytes(4096)

    async def close(self) -> None:
        self.is_closed = True


class EndlessSpeaker:
    """Says everything without an end."""

    name = "endless"

    def __init__(self) -> None:
        self.begun: list[EndlessSpeaking] = []

    async def speak(
        self,
        text: str,  # noqa: ARG002 - it says the same of everything
        *,
        voice: str | None,  # noqa: ARG002
        language: str,  # noqa: ARG002
        format: SpeechFormat = "mp3",  # noqa: A002 - what everybody calls it
    ) -> Speaking:
        self.begun.append(EndlessSpeaking(format))
        return self.begun[-1]

    async def voices(self) -> tuple[Voice, ...]:
        return (ENDLESS,)

    async def ping(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def in_turn(learner: Learner, chunk: bytes, number: int) -> None:
    """Send a chunk, and return when the server has dealt with it."""
    audio = base64.b64encode(chunk).decode()
    await learner.send("audio_stream", audio=audio, chunk_id=number, is_final=False)
    await learner.send("ping", id=number)
    await learner.hear("pong", id=number)


@pytest.mark.parametrize("chunk_frames", [2, 5])
async def test_after_an_interruption_no_more_sound_is_sent(
    live: Live, door: Door, monkeypatch: pytest.MonkeyPatch, chunk_frames: int
) -> None:
    """Counted in frames, so that a slow machine changes nothing."""
    studio, speaker = live.api.parts.studio, EndlessSpeaker()
    question = await door.sound_of(QUESTION)
    monkeypatch.setattr(studio, "tools", replace(studio.tools, speaker=speaker))
    begins = next(at for at in range(0, len(question), FRAME_BYTES) if _is_speech(question[at : at + FRAME_BYTES]))
    size = chunk_frames * FRAME_BYTES
    async with await door.open() as learner:
        await learner.connect(concept_id=1, audio_format="pcm16")
        await in_turn(learner, question + silence(1.2), 1)
        await learner.hear("audio_delta")
        sent = 0
        while not learner.of("interrupted"):
            sent += 1
            at = begins + (sent - 1) * size
            await in_turn(learner, question[at : at + size], 1 + sent)
        pieces = speaker.begun[0].pieces
        for number in range(20):
            await in_turn(learner, silence(0.1), 2 + sent + number)
        kinds = [one["type"] for one in learner.heard]

    assert sent * size / BYTES_A_SECOND <= 0.2, "heard as speech within 200 ms of it"
    assert "audio_delta" not in kinds[kinds.index("interrupted") :]
    assert (speaker.begun[0].pieces, speaker.begun[0].is_closed) == (pieces, True)
    assert len(speaker.begun) == 1


def _is_speech(frame: bytes) -> bool:
    return SpeechDetector().is_speech(frame)
