"""Amazon Transcribe hears, over its WebSocket, and Amazon Polly speaks. Credentials are found as AWS's own tools do."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer, EventStreamMessage, ParserError
from botocore.exceptions import BotoCoreError, ClientError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from learntrac.backends.speech import (
    BYTES_A_SECOND,
    LONGEST_UTTERANCE_SECONDS,
    SAMPLE_RATE,
    Context,
    SpeechDown,
    SpeechFormat,
    Transcript,
    Voice,
    Word,
)
from learntrac.backends.speech.event_stream import encoded
from learntrac.backends.speech.streamed import StreamingSpeaker

CONNECT_WITHIN_SECONDS = 3.0
FINISH_WITHIN_SECONDS = 5.0
"""From the end of speech to the last words; a recording that comes at once has as long again as it lasts."""
READ_WITHIN_SECONDS = 8.0
SIGNED_FOR_SECONDS = 300
PIECE_BYTES = 6400
CHUNK_BYTES = 4096
LARGEST_MESSAGE_BYTES = 1024 * 1024
POLLY_LONGEST_TEXT = 2900
"""Characters in one request; Polly takes 3000."""
RATES: Mapping[SpeechFormat, int] = {"pcm": 16_000, "mp3": 24_000}
_AUDIO = {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
_LANGUAGES = (
    "en-US", "en-GB", "en-AU", "de-DE", "es-ES", "es-US", "fr-FR", "fr-CA", "hi-IN", "it-IT", "ja-JP", "ko-KR", "pt-BR",
    "zh-CN",
)  # fmt: skip

_NO_ANSWER = (OSError, TimeoutError, WebSocketException, BotoCoreError, ParserError, ValueError, LookupError, TypeError)
"""What connections and answers that are no answers raise."""

_T = TypeVar("_T")


class TranscribeRecogniser:
    """Hears while it is spoken. Words of a course sharpen it only as a custom vocabulary made in AWS (`vocabulary`)."""

    name = "aws"

    def __init__(
        self, session: boto3.Session, *, endpoint_url: str | None = None, vocabulary: str | None = None
    ) -> None:
        """`endpoint_url` begins with ws:// or wss://; by default it is AWS's of the session's region."""
        self._session, self._vocabulary = session, vocabulary
        self._endpoint = endpoint_url or f"wss://transcribestreaming.{session.region_name}.amazonaws.com:8443"

    def hear(self, context: Context) -> "TranscribeHearing":
        return TranscribeHearing(self, context, longest_seconds=LONGEST_UTTERANCE_SECONDS)

    async def recognise(self, pcm: bytes, context: Context) -> Transcript:
        seconds = len(pcm) / BYTES_A_SECOND
        async with TranscribeHearing(self, context, longest_seconds=seconds, more_seconds=seconds) as hearing:
            await hearing.feed(pcm)
            return await hearing.finish()

    def languages(self) -> tuple[str, ...]:
        return _LANGUAGES

    def heard_as(self, language: str) -> tuple[str, str | None]:
        """The language it is heard as, and why where that is another."""
        known = next((one for one in _LANGUAGES if one.lower() == language.lower()), None)
        return (known, None) if known else ("en-US", f"aws does not understand {language[:40]}; it was heard as en-US.")

    def signed_url(self, language: str) -> str:
        """Where to connect, signed by the session's credentials. Raises SpeechDown where there are none."""
        credentials = self._session.get_credentials()
        if credentials is None:
            raise SpeechDown("aws: there are no credentials")
        asked = {"language-code": language, "media-encoding": "pcm", "sample-rate": str(SAMPLE_RATE)}
        if self._vocabulary is not None:
            asked["vocabulary-name"] = self._vocabulary
        url = f"{self._endpoint}/stream-transcription-websocket?{urlencode(asked)}"
        request = AWSRequest("GET", url.replace("ws", "http", 1))
        signer = SigV4QueryAuth(
            credentials.get_frozen_credentials(), "transcribe", self._session.region_name, expires=SIGNED_FOR_SECONDS
        )
        signer.add_auth(request)
        return str(request.url).replace("http", "ws", 1)

    async def ping(self) -> None:
        try:
            await asyncio.to_thread(self.signed_url, "en-US")
        except BotoCoreError as error:
            raise SpeechDown(f"aws: {type(error).__name__}; this machine's engines hear meanwhile") from error

    async def close(self) -> None:
        """Nothing stays open between utterances."""


class TranscribeHearing:
    """One utterance over one connection; a task of its own sends, another takes what comes."""

    def __init__(
        self,
        recogniser: TranscribeRecogniser,
        context: Context,
        *,
        longest_seconds: float,
        more_seconds: float = 0,
    ) -> None:
        self._recogniser, self._context = recogniser, context
        self._within_seconds = FINISH_WITHIN_SECONDS + more_seconds
        self._language, self._note = recogniser.heard_as(context.language)
        self._left_bytes = int(longest_seconds * BYTES_A_SECOND)
        self._heard_bytes = 0
        self._sound: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._heard = _Heard()
        self._told = ""
        self._work: asyncio.Task[None] | None = None

    async def feed(self, pcm: bytes) -> str | None:
        taken = pcm[: self._left_bytes]
        self._left_bytes -= len(taken)
        self._heard_bytes += len(taken)
        if self._work is None:
            self._work = asyncio.create_task(self._listen())
        for at in range(0, len(taken), PIECE_BYTES):
            self._sound.put_nowait(taken[at : at + PIECE_BYTES])
        if self._work.done() and not self._work.cancelled():
            self._work.result()
        if (text := self._heard.text) == self._told:
            return None
        self._told = text
        return text

    async def finish(self) -> Transcript:
        await self.feed(b"")
        self._sound.put_nowait(None)
        assert self._work is not None  # noqa: S101 - feed began it
        seconds = self._heard_bytes / BYTES_A_SECOND
        try:
            async with asyncio.timeout(self._within_seconds):
                await self._work
        except TimeoutError as error:
            raise SpeechDown("aws does not answer") from error
        words = tuple(self._heard.words)
        known = [word.confidence for word in words if word.confidence is not None]
        return Transcript(
            text=self._heard.text,
            confidence=round(sum(known) / len(known), 4) if known else 0.0,
            duration_seconds=seconds,
            language=self._language,
            engine="aws",
            words=words,
            note=self._note,
        )

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            with suppress(asyncio.CancelledError, SpeechDown):
                await self._work

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _listen(self) -> None:
        try:
            url = await asyncio.to_thread(self._recogniser.signed_url, self._language)
            async with connect(
                url, open_timeout=CONNECT_WITHIN_SECONDS, close_timeout=0.2, max_size=LARGEST_MESSAGE_BYTES, proxy=None
            ) as socket:
                await self._converse(socket)
        except _NO_ANSWER as error:
            raise SpeechDown(f"aws does not answer: {type(error).__name__}") from error

    async def _converse(self, socket: ClientConnection) -> None:
        sending = asyncio.create_task(self._send(socket))
        buffer = EventStreamBuffer()
        try:
            async for data in socket:
                buffer.add_data(data if isinstance(data, bytes) else data.encode())
                for message in buffer:
                    self._heard.take(message)
            if not sending.done():
                raise SpeechDown("aws ended the stream")
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, WebSocketException, OSError):
                await sending

    async def _send(self, socket: ClientConnection) -> None:
        while (pcm := await self._sound.get()) is not None:
            await socket.send(encoded(_AUDIO, pcm))
        await socket.send(encoded(_AUDIO, b""))


class _Heard:
    """What Transcribe has said so far: finished results, and the one that may still change."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self._finished: list[str] = []
        self._partial = ""

    @property
    def text(self) -> str:
        return " ".join(part for part in (*self._finished, self._partial) if part)

    def take(self, message: EventStreamMessage) -> None:
        """One message. Raises SpeechDown for an exception, ValueError and its kind for what is none of these."""
        if message.headers.get(":message-type") != "event":
            raise SpeechDown(f"aws: {message.headers.get(':exception-type', 'an error')}")
        for result in json.loads(message.payload)["Transcript"]["Results"]:
            best = result["Alternatives"][0]
            self._partial = str(best["Transcript"])
            if not result["IsPartial"]:
                self._finished.append(self._partial)
                self._partial = ""
                self.words += [_word(item) for item in best["Items"] if item["Type"] == "pronunciation"]


def _word(item: dict[str, Any]) -> Word:
    confidence = item.get("Confidence")
    return Word(
        str(item["Content"]),
        float(item["StartTime"]),
        float(item["EndTime"]),
        None if confidence is None else float(confidence),
    )


class PollySpeaker(StreamingSpeaker):
    """Speaks with a voice's neural engine where it has one. The client is a blocking one: calls are made in threads."""

    name = "aws"
    rates = RATES

    def __init__(self, session: boto3.Session, *, endpoint_url: str | None = None) -> None:
        config = Config(connect_timeout=3, read_timeout=READ_WITHIN_SECONDS, retries={"total_max_attempts": 1})
        self._client: Any = session.client("polly", endpoint_url=endpoint_url, config=config)
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="polly")
        self._voices: dict[str, tuple[Voice, str]] | None = None

    async def voices(self) -> tuple[Voice, ...]:
        return tuple(voice for voice, _ in (await self._known()).values())

    async def ping(self) -> None:
        self._voices = None
        await self.voices()

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _known(self) -> dict[str, tuple[Voice, str]]:
        if self._voices is None:
            told = await self._call(lambda: self._client.describe_voices()["Voices"])
            found = [(_voice(one), _engine(one)) for one in told]
            if not found:
                raise SpeechDown("aws has no voices in this region")
            found.sort(key=lambda one: (one[0].language, one[0].name))
            self._voices = {voice.id: (voice, engine) for voice, engine in found}
        return self._voices

    async def _chunks(self, text: str, voice: str, format: SpeechFormat) -> AsyncGenerator[bytes, None]:  # noqa: A002
        engine = (await self._known())[voice][1]
        for piece in pieces_of(text):
            asked = partial(
                self._client.synthesize_speech,
                Text=piece,
                VoiceId=voice,
                Engine=engine,
                OutputFormat=format,
                SampleRate=str(RATES[format]),
            )
            body = (await self._call(asked))["AudioStream"]
            try:
                while chunk := await self._call(partial(body.read, CHUNK_BYTES)):
                    yield chunk
            finally:
                body.close()

    async def _call(self, call: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except ClientError as error:
            raise SpeechDown(f"aws does not answer: {error.response.get('Error', {}).get('Code', 'error')}") from error
        except (BotoCoreError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise SpeechDown(f"aws does not answer: {type(error).__name__}") from error


def _voice(told: dict[str, Any]) -> Voice:
    gender = "female" if told["Gender"] == "Female" else "male"
    return Voice(id=told["Id"], name=told["Name"], language=told["LanguageCode"], engine="aws", gender=gender)  # type: ignore[arg-type] # one of the two


def _engine(told: dict[str, Any]) -> str:
    engines: list[str] = told["SupportedEngines"]
    return "neural" if "neural" in engines else engines[0]


def pieces_of(text: str) -> list[str]:
    """The text in pieces that Polly takes, cut where a sentence ends, or a word."""
    pieces = []
    while len(text) > POLLY_LONGEST_TEXT:
        ends = [found.end() for found in re.finditer(r"[.!?]\s", text[:POLLY_LONGEST_TEXT])]
        end = ends[-1] if ends else text.rfind(" ", 1, POLLY_LONGEST_TEXT)
        end = end if end > 0 else POLLY_LONGEST_TEXT
        pieces.append(text[:end])
        text = text[end:]
    return [piece for piece in (*pieces, text) if piece.strip()]
