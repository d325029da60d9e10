"""What the ear tells the conversation. Pure."""

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Began:
    """Somebody began to speak, so many seconds into the stream."""

    utterance: int
    at_seconds: float


@dataclass(frozen=True)
class Partly:
    """The words of the utterance so far."""

    utterance: int
    text: str


@dataclass(frozen=True)
class Ended:
    """The utterance is over, by a pause, by the end of the stream, or because it was too long."""

    utterance: int
    why: Literal["pause", "final", "cut"]


@dataclass(frozen=True)
class Quiet:
    """So many more seconds of sound without speech."""

    seconds: float


Heard: TypeAlias = Began | Partly | Ended | Quiet
