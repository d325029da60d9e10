"""One answer on its way to the learner: captions at once, each sentence spoken while the next is being written."""

import asyncio
import base64
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from learntrac.backends.speech import Speaker, SpeechBusy, SpeechDown
from learntrac.voice.conversation import Conversation
from learntrac.voice.effects import Effect, Payload
from learntrac.voice.recording import Recording
from learntrac.voice.wording import Said, Shown, Wording

PIECE_BYTES = 4096
PIECE_SECONDS = 0.15
"""Sound is sent on when there is so much of it, or after so long a wait: an engine gives it out in crumbs."""
SENTENCES_AHEAD = 8
"""How many may be written and not yet spoken."""

Move: TypeAlias = Callable[[Conversation], list[Effect]]
"""What happens to a conversation."""


@dataclass(frozen=True)
class Manner:
    """How a learner wants to be answered; with `aloud` off there are captions only."""

    voice: str | None
    language: str
    aloud: bool = True


@dataclass
class Answering:
    """Puts one answer into words and sound. `step` moves the conversation on, `now` tells the time."""

    turn: int
    manner: Manner
    speaker: Speaker
    recording: Recording
    step: Callable[[Move], Awaitable[None]]
    now: Callable[[], float]
    on_sound: Callable[[], None]
    text: list[str] = field(default_factory=list)
    code: list[Shown] = field(default_factory=list)
    seconds: float = 0.0
    note: str | None = None
    voice: str | None = None

    async def run(self, written: AsyncIterable[str]) -> None:
        """Until all of it is written and spoken."""
        sentences: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue(SENTENCES_AHEAD)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._word(written, sentences))
            tasks.create_task(self._speak_all(sentences))

    def response(self, audio_url: str, visual_aids: list[Payload], **more: Any) -> Payload:
        """What `voice_response` says of it."""
        shown = [{"type": "code_snippet", "content": one.code, "language": one.language} for one in self.code]
        return {
            "text": " ".join(self.text),
            "audio_url": audio_url if self.seconds else None,
            "duration": round(self.seconds, 2),
            "visual_aids": shown + visual_aids,
            "voice": self.voice,
            "note": self.note,
        } | more

    async def _word(self, written: AsyncIterable[str], sentences: "asyncio.Queue[tuple[int, str] | None]") -> None:
        wording = Wording()
        async for delta in written:
            for piece in wording.push(delta):
                await self._take(piece, sentences)
        for piece in wording.finish():
            await self._take(piece, sentences)
        await sentences.put(None)

    async def _take(self, piece: Said | Shown, sentences: "asyncio.Queue[tuple[int, str] | None]") -> None:
        if isinstance(piece, Shown):
            self.code.append(piece)
            return
        self.text.append(piece.text)
        await self.step(lambda talk: talk.sentence(self.turn, piece.text))
        await sentences.put((len(self.text), piece.text))

    async def _speak_all(self, sentences: "asyncio.Queue[tuple[int, str] | None]") -> None:
        while (sentence := await sentences.get()) is not None:
            if self.manner.aloud:
                await self._try_to_speak(*sentence)

    async def _try_to_speak(self, number: int, text: str) -> None:
        try:
            await self._speak(number, text)
        except (SpeechDown, SpeechBusy) as error:
            self.note = error.message  # the captions are there
        self.recording.flush()

    async def _speak(self, number: int, text: str) -> None:
        speaking = await self.speaker.speak(text, voice=self.manner.voice, language=self.manner.language)
        self.voice, self.note = speaking.voice.id, speaking.note or self.note
        piece, sent_at = bytearray(), 0.0
        try:
            async for sound in speaking:
                piece += sound
                if len(piece) >= PIECE_BYTES or self.now() - sent_at >= PIECE_SECONDS:
                    await self._send(number, bytes(piece), speaking.duration_seconds)
                    piece, sent_at = bytearray(), self.now()
            if piece:
                await self._send(number, bytes(piece), speaking.duration_seconds)
        finally:
            self.seconds += speaking.duration_seconds
            await speaking.close()

    async def _send(self, number: int, sound: bytes, seconds: float) -> None:
        self.recording.add(sound)
        self.on_sound()
        audio = base64.b64encode(sound).decode()
        await self.step(lambda talk: talk.sound(self.turn, number, seconds, audio, self.now()))
