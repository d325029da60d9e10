"""Learners who speak: a voice client over a real socket, and speech made by this machine's own engine."""

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from learntrac.backends.speech import SAMPLE_RATE, Speech

CHUNK_BYTES = 16_000
"""Half a second."""


def as_wav(pcm: bytes, rate: int = SAMPLE_RATE) -> bytes:
    """The sound as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return out.getvalue()


def silence(seconds: float) -> bytes:
    """Nothing said for so long."""
    return bytes(2 * int(SAMPLE_RATE * seconds))


async def spoken(speech: Speech, text: str) -> bytes:
    """Somebody saying this: PCM as LearnTrac hears it."""
    speaking = await speech.speaker.speak(text, voice=None, language="en-US", format="pcm")
    pcm = b"".join([sound async for sound in speaking])
    await speaking.close()
    return await speech.decoding.decode(as_wav(pcm, speaking.sample_rate), longest_seconds=60)


class Learner:
    """One voice connection, and what came over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []
        self._chunks = 0

    async def send(self, action: str, **data: Any) -> None:
        await self.socket.send(json.dumps({"action": action, "data": data}))

    async def connect(self, **data: Any) -> dict[str, Any]:
        await self.send("connect", **data)
        return await self.hear("connection_established")

    async def stream(self, sound: bytes, *, final: bool = True, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Send sound in chunks, faster than it is spoken."""
        pieces = [sound[at : at + chunk_bytes] for at in range(0, len(sound), chunk_bytes)]
        for number, piece in enumerate(pieces, 1):
            self._chunks += 1
            audio = base64.b64encode(piece).decode()
            await self.send(
                "audio_stream", audio=audio, chunk_id=self._chunks, is_final=final and number == len(pieces)
            )

    async def say(self, pcm: bytes) -> None:
        """Speak, as a WAV file."""
        await self.stream(as_wav(pcm))

    async def receive(self, within_seconds: float = 60) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(within_seconds):
            message: dict[str, Any] = json.loads(await self.socket.recv())
        self.heard.append(message)
        return message

    async def hear(self, kind: str, within_seconds: float = 60, **fitting: Any) -> dict[str, Any]:
        """The data of the next message of this kind, with these values."""
        async with asyncio.timeout(within_seconds):
            while True:
                message = await self.receive(within_seconds)
                data: dict[str, Any] = message["data"]
                if message["type"] == kind and all(data.get(name) == value for name, value in fitting.items()):
                    return data

    async def connect_again(self) -> None:
        """Say `connect` in the middle of it, which is an error."""
        await self.send("connect")
        assert (await self.hear("error"))["reason"] == "already_connected"

    async def end_code(self) -> int:
        """The code that the server closes with. A gateway hides it, so a message tells it first."""
        told = (await self.hear("closing"))["code"]
        assert await self.closed() in (told, 1000, 1005)
        return int(told)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All that came of a kind."""
        return [one["data"] for one in self.heard if one["type"] == kind]

    async def closed(self, within_seconds: float = 60) -> int:
        """The code that the connection is closed with."""
        async with asyncio.timeout(within_seconds):
            try:
                while True:
                    await self.receive(within_seconds)
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


@asynccontextmanager
async def learner_at(url: str, **options: Any) -> AsyncIterator[Learner]:
    """A connection to this address."""
    async with websockets.connect(url, max_size=2**24, **options) as socket:
        yield Learner(socket)
