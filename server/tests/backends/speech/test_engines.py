"""One suite for every engine: this machine's own, and OpenAI's and AWS's by their own clients over real wires."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from learntrac.backends.speech import BYTES_A_SECOND, LONGEST_UTTERANCE_SECONDS, Context, Speech
from learntrac.backends.speech.opening import SpeechSettings, open_speech
from tests.backends.speech.sounds import spoken
from tests.backends.speech.wires import HEARD, http_server, openai_answer, polly_answer, transcribe_server

COURSE = Context(phrases=("Explain the difference between PUT and PATCH", "HTTP methods"))


@pytest.fixture(params=["local", "openai", "aws"])
async def speech(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Speech]:
    """Each provider in turn."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    async with AsyncExitStack() as stack:
        settings = SpeechSettings()
        if request.param == "openai":
            server = await stack.enter_async_context(http_server(openai_answer))
            settings = SpeechSettings("openai", api_key="key", base_url=f"{server.url}/v1")
        elif request.param == "aws":
            polly = await stack.enter_async_context(http_server(polly_answer))
            transcribe = await stack.enter_async_context(transcribe_server())
            settings = SpeechSettings("aws", transcribe_url=transcribe.url, polly_url=polly.url)
        made = open_speech(settings)
        yield made
        await made.close()


async def test_an_utterance_is_heard_in_pieces(speech: Speech) -> None:
    pcm = spoken("Explain the difference between PUT and PATCH")
    async with speech.recogniser.hear(COURSE) as hearing:
        for at in range(0, len(pcm), 5001):
            await hearing.feed(pcm[at : at + 5001])
        heard = await hearing.finish()

    assert heard.text == HEARD
    assert heard.language == "en-US"
    assert heard.note is None
    assert 0 < heard.confidence <= 1
    assert heard.duration_seconds == pytest.approx(len(pcm) / BYTES_A_SECOND)


async def test_a_recording_is_heard_at_once(speech: Speech) -> None:
    heard = await speech.recogniser.recognise(spoken("Explain the difference between PUT and PATCH"), COURSE)

    assert heard.text == HEARD


async def test_an_utterance_that_is_given_up_ends_at_once(speech: Speech) -> None:
    hearing = speech.recogniser.hear(COURSE)
    await hearing.feed(spoken("Explain the difference between PUT and PATCH"))
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    await hearing.close()
    await hearing.close()

    assert time.monotonic() - begun < 2


async def test_an_endless_utterance_is_cut(speech: Speech) -> None:
    async with speech.recogniser.hear(COURSE) as hearing:
        for _ in range(3):
            await hearing.feed(bytes(int(LONGEST_UTTERANCE_SECONDS / 2 * BYTES_A_SECOND)))
        kept = _kept_bytes(hearing)

    assert kept <= LONGEST_UTTERANCE_SECONDS * BYTES_A_SECOND


def _kept_bytes(hearing: object) -> int:
    inner = getattr(hearing, "_hearing", hearing)
    return int(getattr(inner, "_heard_bytes", 0)) or len(inner._sound)  # type: ignore[attr-defined] # whichever of the two it keeps


async def test_what_is_spoken_is_mp3_of_the_length_that_is_told(speech: Speech) -> None:
    speaking = await speech.speaker.speak("PUT replaces, PATCH changes.", voice=None, language="en-US")
    data = b"".join([chunk async for chunk in speaking])
    pcm = await speech.decoding.decode(data, format="mp3", longest_seconds=60)

    assert speaking.duration_seconds == pytest.approx(len(pcm) / BYTES_A_SECOND, abs=0.15)
    assert speaking.voice in await speech.speaker.voices()
    assert speaking.note is None
    await speaking.close()


async def test_samples_are_as_long_as_is_told(speech: Speech) -> None:
    speaking = await speech.speaker.speak("PUT replaces.", voice=None, language="en-US", format="pcm")
    size = sum([len(chunk) async for chunk in speaking])

    assert speaking.duration_seconds == pytest.approx(size / 2 / speaking.sample_rate)
    assert size > 0


async def test_an_unknown_voice_is_replaced_and_that_is_said(speech: Speech) -> None:
    speaking = await speech.speaker.speak("Hello", voice="nobody", language="en-US")
    await speaking.close()

    assert speaking.note == f"There is no voice 'nobody' here: {speaking.voice.name} speaks."


async def test_no_text_makes_no_sound(speech: Speech) -> None:
    speaking = await speech.speaker.speak(" \n", voice=None, language="en-US")

    assert [chunk async for chunk in speaking] == []
    assert speaking.duration_seconds == 0


async def test_sound_stops_when_nobody_wants_it(speech: Speech) -> None:
    speaking = await speech.speaker.speak("And so on. " * 100, voice=None, language="en-US")
    async for _ in speaking:
        break
    begun = time.monotonic()
    await speaking.close()
    await speaking.close()

    assert time.monotonic() - begun < 2


async def test_every_voice_has_a_name_of_its_own(speech: Speech) -> None:
    voices = await speech.speaker.voices()

    assert len({voice.id for voice in voices}) == len(voices) >= 2
    assert all(voice.engine for voice in voices)


async def test_it_says_that_it_answers(speech: Speech) -> None:
    await speech.ping()

    assert speech.recogniser.languages()
