"""What a talk is made with, and what it is made of elsewhere: the line, the place, the tutor."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from learntrac.backends.speech import Speaker
from learntrac.kit.clock import Clock
from learntrac.voice.conversation import Conversation
from learntrac.voice.effects import Payload, Send, Stop
from learntrac.voice.recording import Shelf
from learntrac.voice.wording import Shown


class Line(Protocol):
    """The way to the client. Neither call waits for a slow one."""

    async def send(self, message: Send) -> None:
        """Send it, after what was sent before."""
        ...

    async def close(self, code: int) -> None:
        """Close the connection, after what was sent before."""
        ...


class Place(Protocol):
    """Where the conversation's state lies."""

    def taken(self) -> AbstractAsyncContextManager[Conversation]:
        """The conversation, for nobody else while the block runs; what it has become is kept at the end."""
        ...


class Here:
    """The place of a conversation that one process serves: its memory."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Conversation]:
        async with self._lock:
            yield self._conversation


class Reply(Protocol):
    """The tutor's reply while it is written: iterate over it for its text. The rest is known at its end."""

    @property
    def id(self) -> str:
        """What `cut` calls it."""
        ...

    @property
    def chat_id(self) -> str:
        """The chat whose history it joins."""
        ...

    @property
    def code(self) -> tuple[Shown, ...]:
        """Code that belongs to it beside the text."""
        ...

    @property
    def more(self) -> Payload:
        """What `voice_response` says of it besides."""
        ...

    def __aiter__(self) -> AsyncIterator[str]: ...

    async def keep(self) -> None:
        """Let all of it join the history."""
        ...

    async def keep_heard(self, stop: Stop) -> None:
        """It was stopped: what was heard of it joins the history; a question that goes on is taken back."""
        ...


class Tutor(Protocol):
    """The tutor of one learner."""

    async def ask(self, text: str, *, chat_id: str | None) -> Reply:
        """Begin a reply, in this chat or a new one. Raises LearnTracError; so may reading it."""
        ...

    async def cut(self, reply_id: str, heard: str) -> None:
        """Of this reply, which is in the history, only so much was heard."""
        ...

    async def find_picture(self) -> list[Payload]:
        """What to look at besides: the part of the graph that the talk is about."""
        ...


class Meter(Protocol):
    """Counts the learner's sound against the day's minutes."""

    async def take(self, talk: Conversation, seconds: float) -> None:
        """So much more was sent. Raises MinutesUsedUp."""
        ...

    async def settle(self, place: Place) -> None:
        """No more comes."""
        ...


@dataclass(frozen=True)
class Tools:
    """What all talks of a process are made with."""

    speaker: Speaker
    shelf: Shelf
    clock: Clock
    address_of: Callable[[str, str], str]
    """The address of a learner's (second) spoken answer (first)."""
    turn_took: Callable[[float], None]
    """Notes the seconds from the end of speech to the first sound of the answer."""
