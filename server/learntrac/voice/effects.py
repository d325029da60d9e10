"""What a conversation wants done, and the messages it sends. Pure: whoever runs it does these things."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from learntrac.backends.speech import AudioFormat

Payload: TypeAlias = dict[str, Any]

GOODBYE, TOO_LARGE, FAILED, RESTART = 1000, 1009, 1011, 1012
NOT_UNDERSTOOD, NOT_SIGNED_IN, NO_SUCH_CONCEPT, TOO_SLOW, LIMIT_REACHED = 4400, 4401, 4404, 4408, 4429
CLOSE_CODES = {
    GOODBYE: "The client said goodbye.",
    TOO_LARGE: "A message was larger than 1 MiB.",
    FAILED: "The server failed.",
    RESTART: "The server restarts: come back at once, with the same chat_id.",
    NOT_UNDERSTOOD: "The first message was not connect, or too many messages could not be understood.",
    NOT_SIGNED_IN: "No token, a wrong or expired one, or the sign-in is over.",
    NO_SUCH_CONCEPT: "There is no such concept or chat for this learner.",
    TOO_SLOW: "No connect within 10 seconds, or messages were not read for as long.",
    LIMIT_REACHED: "Too many sockets, or the day's minutes are used up.",
}
"""Every code a voice socket is closed with on purpose; the guide's table is held to this by a test."""


@dataclass(frozen=True)
class Send:
    """Send one message to the client."""

    type: str
    data: Payload


@dataclass(frozen=True)
class Close:
    """Close the connection after what has been sent."""

    code: int


@dataclass(frozen=True)
class Listen:
    """Give sound to the ear: a piece of a stream of this format. Pieces count from 0 in each stream; `after_lull` is
    whether nothing had come for a while before this one.
    """

    audio: bytes
    is_final: bool
    stream: int = 1
    piece: int = 0
    format: AudioFormat = "auto"
    after_lull: bool = False


@dataclass(frozen=True)
class Lull:
    """No sound has come for a while: who was speaking has finished."""


@dataclass(frozen=True)
class EndStream:
    """No more of this stream comes, whatever it was in the middle of."""


@dataclass(frozen=True)
class Recognise:
    """Find out what was said in this utterance."""

    utterance: int


@dataclass(frozen=True)
class PassOver:
    """Nobody here wants to know what was said in this utterance."""

    utterance: int


@dataclass(frozen=True)
class WaitForChunk:
    """Come back in a moment, should the missing chunk not have come."""

    chunk_id: int


@dataclass(frozen=True)
class Ask:
    """Have the tutor answer, aloud, in this chat or a new one. `code` is what was dictated before, if anything."""

    turn: int
    text: str
    code: str = ""
    code_language: str = "python"
    chat_id: str | None = None


@dataclass(frozen=True)
class Say:
    """Say this, which is no answer of the tutor's and does not join the history."""

    turn: int
    text: str
    code: str = ""
    code_language: str = "python"


@dataclass(frozen=True)
class Stop:
    """Whoever answers this turn stops at once. Only what was heard joins the history. Where the learner `goes_on` with
    the question, it is taken back: it will come again as a whole.
    """

    turn: int
    heard: str
    goes_on: bool = False


@dataclass(frozen=True)
class Cut:
    """Of this reply, which is in the history, only so much was heard: the rest leaves it."""

    reply_id: str
    heard: str


Effect: TypeAlias = (
    Send | Close | Listen | Lull | EndStream | Recognise | PassOver | WaitForChunk | Ask | Say | Stop | Cut
)


def error(code: str, message: str, **more: Any) -> Send:
    """An error message; the connection goes on."""
    return Send("error", {"code": code, "message": message} | more)


def transcription(turn: int, text: str, confidence: float, *, final: bool, note: str | None = None) -> Send:
    """What was said, so far or in all."""
    data: Payload = {"text": text, "confidence": round(confidence, 4), "is_final": final, "turn": turn}
    return Send("transcription", data | ({"note": note} if note else {}))


def turn_end(turn: int, reason: str) -> Send:
    """The turn is over."""
    return Send("turn_end", {"turn": turn, "reason": reason})


FEATURES = ("transcription", "real-time-feedback", "code-dictation")


def established(session_id: str, *, chat_id: str | None, language: str) -> Send:
    """The answer to `connect`."""
    data: Payload = {"session_id": session_id, "status": "ready", "voice_enabled": True, "features": list(FEATURES)}
    return Send("connection_established", data | {"chat_id": chat_id, "language": language})


def code_for(status: int) -> int:
    """The close code for an error with this HTTP status that ends a connection."""
    return {401: NOT_SIGNED_IN, 403: NOT_SIGNED_IN, 404: NO_SUCH_CONCEPT, 429: LIMIT_REACHED}.get(status, FAILED)


def closing(code: int) -> Send:
    """Tells why the connection is about to be closed."""
    return Send("closing", {"code": code, "reason": CLOSE_CODES.get(code, "")})
