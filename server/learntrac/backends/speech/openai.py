"""OpenAI, or a server that speaks its protocol, hears and speaks. Recordings are sent when they are over."""

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from openai import AsyncOpenAI, OpenAIError, Timeout

from learntrac.backends.speech import (
    BYTES_A_SECOND,
    SAMPLE_RATE,
    Context,
    SpeechDown,
    SpeechFormat,
    Transcript,
    Voice,
    Word,
)
from learntrac.backends.speech.buffered import BufferedHearing
from learntrac.backends.speech.choosing import ANY_LANGUAGE
from learntrac.backends.speech.containers import wav_header
from learntrac.backends.speech.streamed import StreamingSpeaker

RECOGNITION_MODEL = "gpt-4o-mini-transcribe"
SPEECH_MODEL = "gpt-4o-mini-tts"
ANSWER_WITHIN_SECONDS = 8.0
"""For a short utterance; a recording has as long again as a tenth of it lasts."""
LONGEST_PIECE_SECONDS = 600
LONGEST_PROMPT = 800
"""Characters of the course; the models take 224 tokens."""
RATES: Mapping[SpeechFormat, int] = {"pcm": 24_000, "mp3": 24_000}
_VOICES = {
    "alloy": "neutral", "ash": "male", "ballad": "male", "coral": "female", "echo": "male", "fable": "neutral",
    "nova": "female", "onyx": "male", "sage": "female", "shimmer": "female", "verse": "male",
}  # fmt: skip


def make_client(api_key: str | None, base_url: str | None) -> AsyncOpenAI:
    """One client with its connections. It does not try again: there is an engine behind it that answers meanwhile.
    The key is by default `OPENAI_API_KEY`. Raises OpenAIError where there is none.
    """
    return AsyncOpenAI(
        api_key=api_key, base_url=base_url, max_retries=0, timeout=Timeout(ANSWER_WITHIN_SECONDS, connect=3)
    )


class OpenAIRecogniser:
    """Hears every language that the model knows; the context is its prompt."""

    name = "openai"

    def __init__(self, client: AsyncOpenAI, *, model: str = RECOGNITION_MODEL) -> None:
        self._client, self._model = client, model

    def hear(self, context: Context) -> BufferedHearing:
        return BufferedHearing(self.recognise, context)

    async def recognise(self, pcm: bytes, context: Context) -> Transcript:
        size = LONGEST_PIECE_SECONDS * BYTES_A_SECOND
        heard = [await self._piece(pcm[at : at + size], context) for at in range(0, len(pcm), size)]
        logs = [log for _, piece, _ in heard for log in piece]
        return Transcript(
            text=" ".join(text for text, _, _ in heard).strip(),
            confidence=round(math.exp(sum(logs) / len(logs)), 4) if logs else 0.0,
            duration_seconds=len(pcm) / BYTES_A_SECOND,
            language=context.language,
            engine=self.name,
            words=heard[0][2] if len(heard) == 1 else (),
        )

    def languages(self) -> tuple[str, ...]:
        return (ANY_LANGUAGE,)

    async def ping(self) -> None:
        await _ping(self._client, self._model)

    async def close(self) -> None:
        await self._client.close()

    async def _piece(self, pcm: bytes, context: Context) -> tuple[str, list[float], tuple[Word, ...]]:
        file = ("speech.wav", wav_header(len(pcm), SAMPLE_RATE) + pcm, "audio/wav")
        answer: Any = None
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS + len(pcm) / BYTES_A_SECOND / 10):
                answer = await self._client.audio.transcriptions.create(
                    file=file,
                    model=self._model,
                    language=context.language.partition("-")[0].lower(),
                    prompt=". ".join(context.phrases)[:LONGEST_PROMPT],
                    **self._detail(),
                )
        except (OpenAIError, TimeoutError, ValueError) as error:
            raise SpeechDown(f"openai does not answer: {_why(error)}") from error
        if not isinstance(getattr(answer, "text", None), str):
            raise SpeechDown("openai answered with something that is no transcription")
        return answer.text, _logs(answer), _words(answer)

    def _detail(self) -> dict[str, Any]:
        """How sure it is: the newer models tell it by token, Whisper by segment."""
        if self._model.startswith("gpt-"):
            return {"response_format": "json", "include": ["logprobs"]}
        return {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]}


def _logs(answer: Any) -> list[float]:
    told = [getattr(token, "logprob", None) for token in getattr(answer, "logprobs", None) or ()]
    told += [getattr(segment, "avg_logprob", None) for segment in getattr(answer, "segments", None) or ()]
    return [float(log) for log in told if log is not None]


def _words(answer: Any) -> tuple[Word, ...]:
    told = getattr(answer, "words", None) or ()
    return tuple(Word(str(word.word), float(word.start), float(word.end)) for word in told)


class OpenAISpeaker(StreamingSpeaker):
    """Speaks; every voice speaks every language."""

    name = "openai"
    rates = RATES

    def __init__(self, client: AsyncOpenAI, *, model: str = SPEECH_MODEL) -> None:
        self._client, self._model = client, model

    async def voices(self) -> tuple[Voice, ...]:
        return tuple(
            Voice(id=name, name=name.capitalize(), language=ANY_LANGUAGE, engine=self.name, gender=gender)  # type: ignore[arg-type] # one of the three
            for name, gender in _VOICES.items()
        )

    async def ping(self) -> None:
        await _ping(self._client, self._model)

    async def close(self) -> None:
        await self._client.close()

    async def _chunks(self, text: str, voice: str, format: SpeechFormat) -> AsyncGenerator[bytes, None]:  # noqa: A002
        if not text.strip():
            return
        try:
            async with self._client.audio.speech.with_streaming_response.create(
                model=self._model, voice=voice, input=text, response_format=format
            ) as answer:
                async for chunk in answer.iter_bytes(4096):
                    yield chunk
        except Exception as error:
            raise SpeechDown(f"openai does not answer: {_why(error)}") from error


async def _ping(client: AsyncOpenAI, model: str) -> None:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
            found = await client.models.retrieve(model)
    except (OpenAIError, TimeoutError, ValueError) as error:
        raise SpeechDown(f"openai does not answer: {_why(error)}; this machine's engines do meanwhile") from error
    if not isinstance(getattr(found, "id", None), str):
        raise SpeechDown("openai answers nonsense; this machine's engines do meanwhile")


def _why(error: BaseException) -> str:
    """The kind of failure; never what was sent or answered."""
    status = getattr(error, "status_code", None)
    return f"status {status}" if status else type(error).__name__
