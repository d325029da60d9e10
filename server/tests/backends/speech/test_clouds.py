"""What the clouds are sent, and what happens when they refuse, fail, hang, break off or answer nonsense: this machine's
engines answer instead and say so.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from boto3 import Session

from learntrac.backends.speech import Context, Speech, SpeechDown, Transcript, aws, fallback, openai, streamed
from learntrac.backends.speech.opening import SpeechSettings, open_speech
from tests.backends.speech.sounds import spoken
from tests.backends.speech.wires import (
    HEARD,
    HttpServer,
    Transcribe,
    http_server,
    openai_answer,
    polly_answer,
    transcribe_server,
)

QUESTION = "Explain the difference between PUT and PATCH"
COURSE = Context(phrases=(QUESTION, "HTTP methods"))
TROUBLES = ["429", "500", "hang", "reset", "garbage"]


@dataclass
class Cloud:
    """A provider with the servers that stand for it."""

    speech: Speech
    http: HttpServer
    transcribe: Transcribe | None = None

    def be(self, trouble: str | None) -> None:
        """From now on, and it is asked again at once."""
        self.http.trouble = trouble
        if self.transcribe is not None:
            self.transcribe.trouble = trouble


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging cloud is given up sooner than people would wait."""
    for module, name in (
        (openai, "ANSWER_WITHIN_SECONDS"),
        (streamed, "NEXT_CHUNK_WITHIN_SECONDS"),
        (aws, "FINISH_WITHIN_SECONDS"),
        (aws, "READ_WITHIN_SECONDS"),
        (fallback, "TRY_AGAIN_AFTER_SECONDS"),
    ):
        monkeypatch.setattr(module, name, 0.4 if module is not fallback else 0.0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture(params=["openai", "aws"])
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[Cloud]:
    """Each cloud in turn, with this machine's engines behind it."""
    async with AsyncExitStack() as stack:
        if request.param == "openai":
            server = await stack.enter_async_context(http_server(openai_answer))
            made = Cloud(open_speech(SpeechSettings("openai", api_key="key", base_url=f"{server.url}/v1")), server)
        else:
            polly = await stack.enter_async_context(http_server(polly_answer))
            transcribe = await stack.enter_async_context(transcribe_server())
            settings = SpeechSettings(
                "aws", transcribe_url=transcribe.url, polly_url=polly.url, aws_vocabulary="course"
            )
            made = Cloud(open_speech(settings), polly, transcribe)
        yield made
        await made.speech.close()


async def _heard(speech: Speech) -> Transcript:
    async with speech.recogniser.hear(COURSE) as hearing:
        await hearing.feed(spoken(QUESTION))
        return await hearing.finish()


async def test_an_utterance_is_heard_here_whatever_the_cloud_does(cloud: Cloud) -> None:
    for trouble in TROUBLES:
        cloud.be(trouble)
        heard = await _heard(cloud.speech)

        assert (trouble, heard.text) == (trouble, HEARD)
        assert heard.engine == "pocketsphinx"
        assert heard.note == f"{cloud.speech.name} does not answer: pocketsphinx heard this."


async def test_a_text_is_spoken_here_whatever_the_cloud_does(cloud: Cloud) -> None:
    for trouble in TROUBLES:
        cloud.be(trouble)
        speaking = await cloud.speech.speaker.speak("Hello", voice="alloy", language="en-US")
        chunks = [chunk async for chunk in speaking]

        assert chunks, trouble
        assert speaking.voice.engine == "espeak-ng"
        assert speaking.note == f"{cloud.speech.name} does not answer: English (America) speaks."


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_ping_says_that_it_is_away(cloud: Cloud, trouble: str) -> None:
    await cloud.speech.ping()
    cloud.be(trouble)
    with pytest.raises(SpeechDown):
        await cloud.speech.ping()


async def test_a_cloud_that_failed_is_left_alone_for_a_while_and_then_asked_again(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(fallback, "TRY_AGAIN_AFTER_SECONDS", 5.0)
    monkeypatch.setattr(fallback, "time", SimpleNamespace(monotonic=lambda: now))
    cloud.be("500")
    first = await cloud.speech.speaker.speak("Hello", voice=None, language="en-US")
    asked = len(cloud.http.requests)
    cloud.be(None)
    again = await cloud.speech.speaker.speak("Hello", voice=None, language="en-US")
    assert (again.voice.engine, len(cloud.http.requests)) == ("espeak-ng", asked)

    now += fallback.TRY_AGAIN_AFTER_SECONDS
    later = await cloud.speech.speaker.speak("Hello", voice=None, language="en-US")
    assert later.voice.engine == cloud.speech.name
    for speaking in (first, again, later):
        await speaking.close()


async def test_sound_that_breaks_off_stays_broken_off(cloud: Cloud) -> None:
    await cloud.speech.speaker.voices()
    cloud.be("half")
    speaking = await cloud.speech.speaker.speak("Hello", voice=None, language="en-US")
    with pytest.raises(SpeechDown):
        _ = [chunk async for chunk in speaking]

    assert 0 < speaking.duration_seconds < 3
    await speaking.close()


async def test_voices_are_of_whoever_answers(cloud: Cloud) -> None:
    if cloud.speech.name == "aws":
        cloud.be("500")
        assert {voice.engine for voice in await cloud.speech.speaker.voices()} == {"espeak-ng"}
    else:
        assert {voice.engine for voice in await cloud.speech.speaker.voices()} == {"openai"}


async def test_openai_is_sent_the_sound_and_the_course() -> None:
    async with http_server(openai_answer) as server:
        speech = open_speech(SpeechSettings("openai", api_key="sk-test", base_url=f"{server.url}/v1"))
        heard = await speech.recogniser.recognise(spoken(QUESTION), COURSE)
        speaking = await speech.speaker.speak("Hello", voice="Nova", language="de-DE")
        await speaking.close()
        await speech.close()
    transcription, speaking_request = server.requests

    assert transcription.headers["authorization"] == "Bearer sk-test"
    for part in (
        b"gpt-4o-mini-transcribe",
        b"Explain the difference between PUT and PATCH. HTTP methods",
        b"RIFF",
        b"\r\nen\r\n",
    ):
        assert part in transcription.body
    assert heard.confidence == pytest.approx(0.9048)
    assert speaking_request.json() == {
        "model": "gpt-4o-mini-tts", "voice": "nova", "input": "Hello", "response_format": "mp3",
    }  # fmt: skip


async def test_whisper_tells_its_words() -> None:
    async with http_server(openai_answer) as server:
        settings = SpeechSettings("openai", api_key="k", base_url=f"{server.url}/v1", recognition_model="whisper-1")
        speech = open_speech(settings)
        heard = await speech.recogniser.recognise(spoken(QUESTION), COURSE)
        await speech.close()

    assert [word.text for word in heard.words] == HEARD.split()
    assert heard.confidence == pytest.approx(0.8187)


async def test_transcribe_is_asked_with_a_signature_and_tells_words_while_they_come() -> None:
    pcm, partials = spoken(QUESTION), list[str | None]()
    async with transcribe_server() as transcribe:
        recogniser = aws.TranscribeRecogniser(Session(), endpoint_url=transcribe.url, vocabulary="course")
        async with recogniser.hear(COURSE) as hearing:
            for at in range(0, len(pcm), 6400):
                partials.append(await hearing.feed(pcm[at : at + 6400]))
                await asyncio.sleep(0.02)
            heard = await hearing.finish()
    (asked,) = transcribe.asked

    assert any(part and part.startswith("explain") for part in partials)
    assert [word.text for word in heard.words] == HEARD.split()
    assert heard.confidence == 0.9
    assert bytes(transcribe.sound) == pcm
    assert (asked["language-code"], asked["vocabulary-name"]) == (["en-US"], ["course"])
    assert asked["X-Amz-Credential"][0].endswith("/eu-west-1/transcribe/aws4_request")
    assert len(asked["X-Amz-Signature"][0]) == 64


async def test_a_language_that_transcribe_does_not_know_is_told() -> None:
    async with transcribe_server() as transcribe:
        recogniser = aws.TranscribeRecogniser(Session(), endpoint_url=transcribe.url)
        heard = await recogniser.recognise(spoken(QUESTION), Context("tlh"))

    assert (heard.language, heard.note) == ("en-US", "aws does not understand tlh; it was heard as en-US.")


def test_a_long_text_is_cut_for_polly_where_a_sentence_ends() -> None:
    text = "A sentence of some words. " * 150
    pieces = aws.pieces_of(text)

    assert "".join(pieces) == text
    assert all(len(piece) <= aws.POLLY_LONGEST_TEXT for piece in pieces)
    assert pieces[0].endswith("words. ")
    assert aws.pieces_of("a" * 4000) == ["a" * 2900, "a" * 1100]
    assert aws.pieces_of("word " * 800)[0].endswith("word")


def test_a_provider_that_lacks_something_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ValueError, match="OPENAI_API_KEY"):
        open_speech(SpeechSettings("openai"))
    with pytest.raises(ValueError, match="AWS_REGION"):
        open_speech(SpeechSettings("aws"))


async def test_without_credentials_transcribe_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(SpeechDown, match="no credentials"):
        await aws.TranscribeRecogniser(Session()).ping()
