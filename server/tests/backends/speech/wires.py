"""Local servers that speak the clouds' protocols, and misbehave when they are told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from botocore.eventstream import EventStreamBuffer
from websockets.asyncio.server import ServerConnection, serve

from learntrac.backends.speech.event_stream import encoded as event
from tests.backends.speech.sounds import encoded, tone

HEARD = "explain the difference between put and patch"
WORDS = HEARD.split()
SPOKEN_SECONDS = 3.0
SPOKEN_MP3 = encoded(tone(SPOKEN_SECONDS, rate=24_000), "mp3", rate=24_000)
SPOKEN_PCM = tone(SPOKEN_SECONDS, rate=24_000)


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        return dict(json.loads(self.body))


Answer = Callable[[Request], tuple[int, str, bytes]]


@dataclass
class HttpServer:
    """Answers with `answer`, unless `trouble` says otherwise; keeps what came."""

    answer: Answer
    trouble: str | None = None
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await _read(reader)
            self.requests.append(request)
            await self._misbehave(request, writer)
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async def _misbehave(self, request: Request, writer: asyncio.StreamWriter) -> None:
        status, kind, body = self.answer(request)
        if self.trouble in {"429", "500"}:
            status, kind, body = int(self.trouble), "application/json", b'{"error": {"message": "no"}}'
        elif self.trouble == "garbage":
            status, kind, body = 200, "text/html", b"<html>garbage and more of it</html>"
        elif self.trouble == "hang":
            await asyncio.sleep(3600)
        elif self.trouble == "reset":
            writer.transport.abort()
            return
        sent = body[: len(body) // 2] if self.trouble == "half" else body
        head = (
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        writer.write(head.encode() + sent)
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ")
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


@asynccontextmanager
async def http_server(answer: Answer) -> AsyncIterator[HttpServer]:
    """One on a free port, ended with everything it still does."""
    server, tasks = HttpServer(answer), set[asyncio.Task[None]]()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await server.serve(reader, writer)
        writer.transport.abort()
        tasks.discard(task)

    listening = await asyncio.start_server(taken, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield server
    listening.close()
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def openai_answer(request: Request) -> tuple[int, str, bytes]:
    """OpenAI's transcriptions, speech and models."""
    if request.path.endswith("/audio/transcriptions"):
        if b"whisper" in request.body:
            words = [{"word": word, "start": at / 2, "end": at / 2 + 0.4} for at, word in enumerate(WORDS)]
            segment = {"id": 0, "seek": 0, "start": 0, "end": 3, "text": HEARD, "tokens": [], "temperature": 0}
            segment |= {"avg_logprob": -0.2, "compression_ratio": 1, "no_speech_prob": 0}
            told = {"text": HEARD, "language": "english", "duration": 3.0, "words": words, "segments": [segment]}
        else:
            told = {"text": HEARD, "logprobs": [{"token": word, "logprob": -0.1, "bytes": []} for word in WORDS]}
        return 200, "application/json", json.dumps(told).encode()
    if request.path.endswith("/audio/speech"):
        is_mp3 = request.json()["response_format"] == "mp3"
        return (200, "audio/mpeg", SPOKEN_MP3) if is_mp3 else (200, "audio/pcm", SPOKEN_PCM)
    model = {"id": request.path.rpartition("/")[2], "object": "model", "created": 0, "owned_by": "us"}
    return 200, "application/json", json.dumps(model).encode()


def polly_answer(request: Request) -> tuple[int, str, bytes]:
    """Polly's voices and speech."""
    if request.path.startswith("/v1/voices"):
        voices = [
            {"Id": "Joanna", "Name": "Joanna", "LanguageCode": "en-US", "Gender": "Female",
             "SupportedEngines": ["standard", "neural"]},
            {"Id": "Hans", "Name": "Hans", "LanguageCode": "de-DE", "Gender": "Male", "SupportedEngines": ["standard"]},
        ]  # fmt: skip
        return 200, "application/json", json.dumps({"Voices": voices}).encode()
    is_mp3 = request.json()["OutputFormat"] == "mp3"
    pcm16 = tone(SPOKEN_SECONDS, rate=16_000)
    return (200, "audio/mpeg", SPOKEN_MP3) if is_mp3 else (200, "audio/pcm", pcm16)


@dataclass
class Transcribe:
    """Amazon Transcribe's WebSocket: takes audio events, tells a partial result and then the whole."""

    trouble: str | None = None
    url: str = ""
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    sound: bytearray = field(default_factory=bytearray)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, socket: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        assert socket.request is not None
        self.tasks.add(task)
        self.asked.append(parse_qs(urlsplit(socket.request.path).query))
        if trouble := self._troubles().get(self.trouble or ""):
            await trouble(socket)
            return
        buffer, told = EventStreamBuffer(), 0
        async for data in socket:
            assert isinstance(data, bytes)
            buffer.add_data(data)
            for message in buffer:
                assert message.headers[":event-type"] == "AudioEvent"
                self.sound += message.payload
                if not message.payload:
                    await socket.send(_results(HEARD, is_partial=False))
                    return
                told += 1
                await socket.send(_results(" ".join(WORDS[:told]), is_partial=True))

    def _troubles(self) -> dict[str, Callable[[ServerConnection], Awaitable[None]]]:
        async def refuse(socket: ServerConnection) -> None:
            headers = {":message-type": "exception", ":exception-type": "LimitExceededException"}
            await socket.send(event(headers, b'{"Message": "no"}'))

        async def reset(socket: ServerConnection) -> None:
            socket.transport.abort()

        async def hang(_socket: ServerConnection) -> None:
            await asyncio.sleep(3600)

        async def garbage(socket: ServerConnection) -> None:
            await socket.send(b"\xff" * 100)
            await socket.send(event({":message-type": "event"}, b"[]"))

        async def leave(_socket: ServerConnection) -> None:
            """Close in order, with nothing said."""

        return {"429": refuse, "500": leave, "reset": reset, "hang": hang, "garbage": garbage}


def _results(text: str, *, is_partial: bool) -> bytes:
    items = [
        {"Content": word, "Type": "pronunciation", "StartTime": at / 2, "EndTime": at / 2 + 0.4, "Confidence": 0.9}
        for at, word in enumerate(text.split())
    ]
    items.append({"Content": ".", "Type": "punctuation", "StartTime": 9.0, "EndTime": 9.0})
    result = {"IsPartial": is_partial, "Alternatives": [{"Transcript": text, "Items": items}]}
    headers = {":message-type": "event", ":event-type": "TranscriptEvent", ":content-type": "application/json"}
    return event(headers, json.dumps({"Transcript": {"Results": [result]}}).encode())


@asynccontextmanager
async def transcribe_server() -> AsyncIterator[Transcribe]:
    """One on a free port."""
    transcribe = Transcribe()
    async with serve(transcribe.serve, "127.0.0.1", 0, close_timeout=0.1) as server:
        transcribe.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield transcribe
        for task in transcribe.tasks:
            task.cancel()
