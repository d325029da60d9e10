"""What clients send over a voice connection, and the bodies of the voice routes."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import orjson
from pydantic import BaseModel, Field, ValidationError

from learntrac.backends.speech import AudioFormat
from learntrac.kit.fields import MAX_ID, Body, TicketId

LARGEST_MESSAGE_BYTES = 1024 * 1024

Language: TypeAlias = Annotated[str, Field(min_length=2, max_length=35, pattern=r"^[A-Za-z0-9-]+$")]
WholeNumber: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Connect(Body):
    """`connect`: the first message."""

    session_type: Annotated[str, Field(max_length=40)] = "voice_tutoring"
    concept_id: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None
    chat_id: Annotated[str, Field(max_length=40)] | None = None
    preferred_voice: Annotated[str, Field(max_length=100)] | None = None
    language: Language = "en-US"
    audio_format: AudioFormat = "auto"
    barge_in: bool = True
    stream_audio: bool = True
    token: Annotated[str, Field(max_length=4096)] | None = None
    ticket: Annotated[str, Field(max_length=100)] | None = None


class AudioStream(Body):
    """`audio_stream`: a chunk of sound as base64."""

    audio: str
    chunk_id: WholeNumber
    is_final: bool = False


class AudioFormatChange(Body):
    """`audio_format`: what the next chunks are."""

    format: AudioFormat


class Interrupt(Body):
    """`interrupt`: stop; so many seconds of the answer were played."""

    heard_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None


class Dictation(Body):
    """`dictation`: speech is code from here on, or not any more."""

    on: bool
    language: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9+#._-]+$")] = "python"


class Renew(Body):
    """`renew`: another access token of the same learner, before the first expires."""

    token: Annotated[str, Field(max_length=4096)]


class Ping(Body):
    """`ping`, answered by `pong` with the same `id`."""

    id: WholeNumber | None = None


class Disconnect(Body):
    """`disconnect`: goodbye."""


ClientMessage: TypeAlias = Connect | AudioStream | AudioFormatChange | Interrupt | Dictation | Renew | Ping | Disconnect

ACTIONS: Mapping[str, type[ClientMessage]] = {
    "connect": Connect,
    "audio_stream": AudioStream,
    "audio_format": AudioFormatChange,
    "interrupt": Interrupt,
    "dictation": Dictation,
    "renew": Renew,
    "ping": Ping,
    "disconnect": Disconnect,
}


class NotUnderstood(Exception):
    """A message that is not of the documented form: `reason` for programs, the message for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def read_message(text: str | bytes) -> ClientMessage:
    """A client's message. Raises NotUnderstood."""
    if len(text) > LARGEST_MESSAGE_BYTES:
        raise NotUnderstood("too_large", "A message may have 1 MiB.")
    try:
        message = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise NotUnderstood("not_json", "Send each message as one JSON object.") from None
    action = message.get("action") if isinstance(message, dict) else None
    kind = ACTIONS.get(action) if isinstance(action, str) else None
    if kind is None:
        raise NotUnderstood("unknown_action", f"`action` must be one of {', '.join(ACTIONS)}.")
    try:
        return kind.model_validate(message.get("data", {}))
    except ValidationError as error:
        raise NotUnderstood("invalid_data", _first(error)) from None


def _first(error: ValidationError) -> str:
    line = error.errors(include_input=False, include_context=False, include_url=False)[0]
    field = ".".join(str(part) for part in line["loc"])
    said = line["msg"].removeprefix("Value error, ")
    return f"data.{field}: {said}"[:300] if field else said[:300]


class Ticket(BaseModel):
    """A ticket for one voice connection, to be used within a minute."""

    ticket: str
    expires_in: int
    url: str


class VoiceItem(BaseModel):
    """A voice that can be asked for."""

    id: str
    name: str
    language: str
    gender: str
    engine: str


class Voices(BaseModel):
    """The voices, and the languages that are understood."""

    voices: list[VoiceItem]
    languages: list[str]
    provider: str


class TranscribedText(BaseModel):
    """What was said; `duration` in seconds."""

    text: str
    confidence: float
    duration: float
    language: str
    note: str | None = None


class SpokenAnswer(BaseModel):
    """The tutor's answer to it, and the chat that it stands in."""

    answer: str
    related_concepts: list[int]
    chat_id: str | None = None


class TranscribeQuery(BaseModel):
    """What is said beside a recording: the concept it is about, and its language."""

    context: TicketId | None = None
    language: Language = "en-US"


class TranscribeReply(BaseModel):
    """A recording in words, and the tutor's answer."""

    transcription: TranscribedText
    ai_response: SpokenAnswer


def as_json(kind: str, data: Mapping[str, Any]) -> str:
    """A message to the client."""
    return orjson.dumps({"type": kind, "data": data}).decode()
