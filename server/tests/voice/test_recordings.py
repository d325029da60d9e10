"""Recordings that are uploaded: in words, answered, and refused where there is nothing to hear."""

import io
import zipfile

import pytest

from learntrac.voice.transcribing import LARGEST_RECORDING_BYTES
from tests.backends.speech.sounds import encoded, wav
from tests.conftest import Answer, Person
from tests.voice.clients import silence, spoken
from tests.voice.conftest import Live
from tests.voice.conversations import QUESTION
from tests.voice.test_bounds import used_milliseconds

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def upload(person: Person, name: str, content: bytes, **fields: str) -> Answer:
    files = {"audio_file": (name, content, "application/octet-stream")}
    return await person.post("/voice/transcribe", files=files, data=fields)


@pytest.mark.parametrize("format_", ["wav", "mp3", "m4a", "webm", "ogg"])
async def test_a_recording_is_heard_and_answered(live: Live, format_: str) -> None:
    alice = await live.api.sign_in("alice")
    pcm = await spoken(live.api.parts.speech, QUESTION)
    answer = await upload(alice, f"question.{format_}", encoded(pcm, format_), context="1")

    assert answer.status == 200, answer.body
    heard, said = answer["transcription"], answer["ai_response"]
    assert "message" in heard["text"]
    assert 0 < heard["confidence"] <= 1
    assert heard["duration"] == pytest.approx(len(pcm) / 32_000, abs=0.2)
    assert (heard["language"], heard["note"]) == ("en-US", None)
    assert said["answer"]
    assert said["related_concepts"]
    talked = await alice.get(f"/chat/{said['chat_id']}/history")
    assert talked["messages"][0]["content"] == heard["text"]


async def test_another_language_is_told(live: Live) -> None:
    alice = await live.api.sign_in("alice")
    pcm = await spoken(live.api.parts.speech, QUESTION)
    answer = await upload(alice, "question.wav", wav(pcm), language="de-DE")

    assert answer["transcription"]["language"] == "en-US"
    assert "de-DE" in answer["transcription"]["note"]


async def test_silence_is_no_question(live: Live) -> None:
    alice = await live.api.sign_in("alice")
    answer = await upload(alice, "silence.wav", wav(silence(1.0)))

    assert (answer["transcription"]["text"], answer["transcription"]["duration"]) == ("", 1.0)
    assert answer["ai_response"]["chat_id"] is None


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("question.mp3", bytes(1000))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("question.mp3", zipped()),
        ("only a header.wav", wav(b"")),
        ("cut off.m4a", encoded(silence(2.0), "m4a")[:600]),
        ("two bytes.wav", b"RI"),
        ("question.flac", encoded(silence(0.5), "flac")),
    ],
)
async def test_what_is_no_sound_is_refused_and_costs_no_minutes(live: Live, name: str, content: bytes) -> None:
    bob = await live.api.sign_in("bob")
    answer = await upload(bob, name, content)

    assert answer.error == (400, "VALIDATION_ERROR")
    assert await used_milliseconds(live.api, "bob") == 0


async def test_a_header_that_claims_ten_hours_is_not_believed(live: Live) -> None:
    ivan = await live.api.sign_in("ivan")
    answer = await upload(ivan, "ten hours.wav", wav(silence(0.5), claimed_bytes=36_000 * 32_000))

    assert (answer.status, answer["transcription"]["duration"]) == (200, 0.5)
    assert await used_milliseconds(live.api, "ivan") == 500


async def test_more_than_25_mebibytes_are_not_taken(live: Live) -> None:
    alice = await live.api.sign_in("alice")
    answer = await upload(alice, "large.wav", wav(bytes(LARGEST_RECORDING_BYTES)))
    assert answer.error in {(400, "VALIDATION_ERROR"), (413, "PAYLOAD_TOO_LARGE")}
