"""A recording that was uploaded: in words, and answered by the tutor."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.speech import BYTES_A_SECOND, BadAudio, Transcript
from learntrac.chat.schemas import LONGEST_MESSAGE
from learntrac.voice import service
from learntrac.voice.conversation import NOT_HEARD
from learntrac.voice.endpointing import has_speech
from learntrac.voice.schemas import SpokenAnswer, TranscribedText, TranscribeReply
from learntrac.voice.studio import Studio
from learntrac.voice.topics import Topic, get_topic
from learntrac.voice.tutoring import SpokenReply, SpokenTutor

LARGEST_RECORDING_BYTES = 25 * 1024 * 1024
LONGEST_RECORDING_SECONDS = 3600.0
AT_ONCE = 2
"""Recordings that a process holds in memory; others wait on disk."""

_room = asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True)
class Asked:
    """Who asks, about which concept, in which language."""

    user_id: str
    concept_id: int | None
    language: str


@dataclass(frozen=True)
class Transcribed:
    """What was said, what it is about, and the tutor's reply, which is not in the history yet."""

    transcript: Transcript
    topic: Topic
    reply: SpokenReply | None
    answer: str

    async def keep(self, session: AsyncSession) -> TranscribeReply:
        """Let the reply join the history, in the caller's transaction."""
        if self.reply is not None:
            await self.reply.keep_in(session)
        related = list(self.reply.related) if self.reply is not None else []
        return TranscribeReply(
            transcription=TranscribedText(
                text=self.transcript.text,
                confidence=round(self.transcript.confidence, 4),
                duration=round(self.transcript.duration_seconds, 2),
                language=self.transcript.language,
                note=self.transcript.note,
            ),
            ai_response=SpokenAnswer(
                answer=self.answer,
                related_concepts=related or list(self.topic.near),
                chat_id=self.reply.chat_id if self.reply is not None else None,
            ),
        )


async def get_asked_topic(studio: Studio, asked: Asked) -> Topic:
    """What the recording is about. Raises ConceptNotFound."""
    reader = studio.served.database.hot
    return await get_topic(reader, viewer=studio.viewer(asked.user_id), concept_id=asked.concept_id)


async def transcribe(studio: Studio, asked: Asked, topic: Topic, read: Callable[[], Awaitable[bytes]]) -> Transcribed:
    """Find out what was said in the recording that can be `read`, and have it answered.

    Raises BadAudio, MinutesUsedUp, SpeechDown, SpeechBusy, and what the tutor raises.
    """
    async with _room:
        transcript = await _recognise(studio, asked, topic, await read())
    if not transcript.text:
        return Transcribed(transcript, topic, None, NOT_HEARD)
    tutor = SpokenTutor(studio.school, asked.user_id, asked.concept_id)
    reply = await tutor.ask(transcript.text[:LONGEST_MESSAGE], chat_id=None)
    answer = "".join([delta async for delta in reply])
    return Transcribed(transcript, topic, reply, answer.strip())


async def _recognise(studio: Studio, asked: Asked, topic: Topic, content: bytes) -> Transcript:
    speech = studio.served.speech
    pcm = await speech.decoding.decode(content, longest_seconds=LONGEST_RECORDING_SECONDS)
    if not pcm:
        raise BadAudio("there is no sound in it")
    await _count(studio, asked.user_id, round(len(pcm) * 1000 / BYTES_A_SECOND))
    if not await asyncio.to_thread(has_speech, pcm):
        return Transcript("", 0.0, len(pcm) / BYTES_A_SECOND, asked.language, engine="none")
    return await speech.recogniser.recognise(pcm, topic.context(asked.language))


async def _count(studio: Studio, user_id: str, milliseconds: int) -> None:
    served = studio.served
    async with served.database.begin() as session:
        await service.reserve_all(
            session,
            user_id=user_id,
            milliseconds=milliseconds,
            minutes_a_day=served.settings.voice_minutes_per_day,
            now=served.clock(),
        )
