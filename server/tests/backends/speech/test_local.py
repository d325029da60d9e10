"""The engines that everybody has: what they hear, what they say, and how soon they stop."""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from learntrac.backends.speech import BYTES_A_SECOND, Context, Speech, SpeechDown
from learntrac.backends.speech import local as local_module
from learntrac.backends.speech.local import EngineRecogniser
from learntrac.backends.speech.opening import SpeechSettings, open_speech
from learntrac.backends.speech.pool import Engine
from tests.backends.speech.sounds import spoken

QUESTION = "Explain why an access token does not prove who signed in."
COURSE = Context(phrases=("OAuth 2", QUESTION, "Name the four roles, and match them to a real sign-in"))
WORDS = "explain why an access token does not prove who signed in"


async def test_the_course_is_heard_while_it_is_spoken(local: Speech) -> None:
    partials = []
    async with local.recogniser.hear(COURSE) as hearing:
        pcm = spoken(QUESTION)
        for at in range(0, len(pcm), 3200):
            partial = await hearing.feed(pcm[at : at + 3200])
            partials += [partial] if partial else []
        async with asyncio.timeout(30):
            while not partials or "access token" not in partials[-1]:  # nobody speaks as fast as this
                await asyncio.sleep(0.02)
                partial = await hearing.feed(b"")
                partials += [partial] if partial else []
        heard = await hearing.finish()

    assert heard.text == WORDS
    assert len(partials) >= 2
    assert heard.duration_seconds == pytest.approx(len(pcm) / BYTES_A_SECOND)
    assert (heard.language, heard.engine, heard.note) == ("en-US", "pocketsphinx", None)
    assert 0.5 < heard.confidence <= 1
    assert [word.text for word in heard.words] == heard.text.split()
    assert all(a.end_seconds <= b.start_seconds + 0.02 for a, b in zip(heard.words, heard.words[1:], strict=False))


async def test_a_long_recording_is_heard_in_pieces(local: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_module, "LONGEST_UTTERANCE_SECONDS", 6.0)
    pcm = spoken(QUESTION) + bytes(BYTES_A_SECOND) + spoken(QUESTION)
    assert len(pcm) > 6 * BYTES_A_SECOND

    heard = await local.recogniser.recognise(pcm, COURSE)

    assert heard.text == f"{WORDS} {WORDS}"
    assert heard.duration_seconds == pytest.approx(len(pcm) / BYTES_A_SECOND)
    assert [word.text for word in heard.words] == heard.text.split()
    assert all(a.end_seconds <= b.start_seconds + 0.02 for a, b in zip(heard.words, heard.words[1:], strict=False))


async def test_silence_is_no_words_and_another_language_is_told(local: Speech) -> None:
    heard = await local.recogniser.recognise(bytes(BYTES_A_SECOND), Context("de-DE", COURSE.phrases))

    assert (heard.text, heard.words, heard.confidence) == ("", (), 0)
    assert heard.language == "en-US"
    assert heard.note == "pocketsphinx does not understand de-DE; it was heard as en-US."
    assert local.recogniser.languages() == ("en-US",)


async def test_a_new_word_of_the_course_is_heard(local: Speech) -> None:
    course = Context(phrases=("Kubernetes schedules pods", "A Kubernetes cluster"))
    heard = await local.recogniser.recognise(spoken("A Kubernetes cluster", voice="gmw/en-US"), course)

    assert "kubernetes" in heard.text


async def test_what_is_given_up_ends_long_before_it_is_done(local: Speech) -> None:
    working = asyncio.create_task(local.recogniser.recognise(spoken(QUESTION) * 10, COURSE))
    await asyncio.sleep(0.2)
    begun = time.monotonic()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert time.monotonic() - begun < 2


async def test_speech_comes_in_chunks_and_tells_its_length(local: Speech) -> None:
    speaking = await local.speaker.speak(QUESTION * 3, voice="en-us+f2", language="en-US")
    chunks = [chunk async for chunk in speaking]
    pcm = await local.decoding.decode(b"".join(chunks), longest_seconds=60)

    assert len(chunks) > 5
    assert (speaking.voice.id, speaking.voice.gender, speaking.note) == ("en-us+f2", "female", None)
    assert speaking.duration_seconds == pytest.approx(len(pcm) / BYTES_A_SECOND, abs=0.1)
    await speaking.close()


async def test_samples_instead_of_mp3(local: Speech) -> None:
    speaking = await local.speaker.speak("Two words", voice=None, language="de-DE", format="pcm")
    size = sum([len(chunk) async for chunk in speaking])

    assert speaking.voice.language == "de"
    assert speaking.duration_seconds == size / 2 / speaking.sample_rate
    assert 0.3 < speaking.duration_seconds < 3


async def test_an_unknown_voice_is_replaced_and_that_is_said(local: Speech) -> None:
    speaking = await local.speaker.speak("Hello", voice="alloy", language="en-US")
    await speaking.close()

    assert speaking.voice.id == "en-us"
    assert speaking.note == "There is no voice 'alloy' here: English (America) speaks."


async def test_no_text_is_no_sound(local: Speech) -> None:
    speaking = await local.speaker.speak("", voice=None, language="en-US", format="pcm")

    assert [chunk async for chunk in speaking] == []
    assert speaking.duration_seconds == 0


async def test_sound_that_nobody_wants_any_more_stops_at_once(local: Speech) -> None:
    speaking = await local.speaker.speak("And so on. " * 300, voice=None, language="en-US")
    async for _ in speaking:
        break
    begun = time.monotonic()
    await speaking.close()

    assert time.monotonic() - begun < 2
    assert await local.speaker.voices()


async def test_a_process_that_nobody_takes_sound_from_waits(local: Speech) -> None:
    speaking = await local.speaker.speak("And so on. " * 300, voice=None, language="en-US", format="pcm")
    await asyncio.sleep(0.3)
    assert speaking.duration_seconds == 0
    size = sum([len(chunk) async for chunk in speaking])

    assert size / 2 / speaking.sample_rate > 100


@pytest.mark.parametrize("voice", ["en-gb", "fr-fr+f2", "cmn", "de"])
async def test_each_voice_speaks_by_its_id(local: Speech, voice: str) -> None:
    speaking = await local.speaker.speak("Hello", voice=voice, language="en-US")
    await speaking.close()

    assert (speaking.voice.id, speaking.note) == (voice, None)


async def test_voices_of_many_languages(local: Speech) -> None:
    voices = await local.speaker.voices()

    assert len({voice.id for voice in voices}) == len(voices) > 200
    assert {"en-US", "en-GB", "de", "fr-FR"} <= {voice.language for voice in voices}


async def test_more_utterances_than_processes_wait_for_their_turn() -> None:
    speech = open_speech(SpeechSettings(provider="local", processes=1))
    heard = await asyncio.gather(*(speech.recogniser.recognise(spoken(QUESTION), COURSE) for _ in range(3)))
    await speech.close()

    assert [one.text for one in heard] == [WORDS] * 3


async def test_an_extra_that_is_not_installed_is_named(tmp_path: Path) -> None:
    speech = open_speech(SpeechSettings(provider="local", whisper_model=tmp_path, piper_voices=tmp_path))
    with pytest.raises(SpeechDown, match="faster_whisper"):
        await speech.recogniser.recognise(spoken("Hello"), Context())
    with pytest.raises(SpeechDown, match="piper"):
        await speech.speaker.speak("Hello", voice=None, language="en-US")
    with pytest.raises(SpeechDown):
        await speech.ping()
    await speech.close()


async def test_an_engine_that_is_started_early_loads_behind_everything_else_and_then_hears(local: Speech) -> None:
    speech = open_speech(SpeechSettings())
    recogniser = speech.recogniser
    assert isinstance(recogniser, EngineRecogniser)
    preparing, lowest = asyncio.create_task(speech.prepare()), 0
    while not preparing.done():
        await asyncio.sleep(0.01)
        lowest = max([lowest, *(_niceness(engine) for engine in recogniser._pool._all)])
    await preparing
    (engine,) = recogniser._pool._idle
    await speech.prepare()

    heard = await recogniser.recognise(spoken(QUESTION), COURSE)

    assert lowest == 19, "of the thread that loads"
    assert os.getpriority(os.PRIO_PROCESS, engine._process.pid) == 0, "of the one that hears"
    assert heard.text == WORDS
    assert recogniser._pool._idle == [engine], "it was that one, and there is no other"
    await speech.close()


def _niceness(engine: Engine) -> int:
    """The highest of its threads' (Linux has one for each)."""
    found = [0]
    for thread in Path(f"/proc/{engine._process.pid}/task").glob("*/stat"):
        with suppress(OSError):
            found.append(int(thread.read_text().rpartition(")")[2].split()[16]))
    return max(found)


async def test_behind_a_cloud_nothing_is_started_early() -> None:
    speech = open_speech(SpeechSettings(provider="openai", api_key="key", base_url="http://127.0.0.1:9/v1"))

    await speech.prepare()

    assert speech.slow_to_start is None
    await speech.close()
