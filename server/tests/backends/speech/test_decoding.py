"""Whatever people send becomes PCM, or a clean error, and the server lives on."""

import asyncio
import os
import random
import signal
import time
import zipfile
from array import array
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learntrac.backends.speech import BYTES_A_SECOND, AudioFormat, BadAudio, Decoder, SpeechBusy, SpeechDown
from learntrac.backends.speech.decoding import LARGEST_FILE_BYTES, ProcessDecoding
from learntrac.backends.speech.vad import loudness_db
from tests.backends.speech.sounds import encoded, tone, wav


def _seconds(pcm: bytes) -> float:
    return len(pcm) / BYTES_A_SECOND


@pytest.mark.parametrize("format_", ["wav", "mp3", "m4a", "ogg", "webm"])
async def test_each_format_becomes_pcm(decoding: ProcessDecoding, format_: str) -> None:
    pcm = await decoding.decode(encoded(tone(2), format_), longest_seconds=60)

    assert _seconds(pcm) == pytest.approx(2, abs=0.1)
    assert loudness_db(pcm) == pytest.approx(loudness_db(tone(2)), abs=1.5)


@pytest.mark.parametrize(("name", "rate"), [("pcm16", 16_000), ("pcm24", 24_000), ("pcm48", 48_000)])
@pytest.mark.parametrize("piece", [1, 333, 100_000])
async def test_raw_samples_in_pieces_of_any_size(
    decoding: ProcessDecoding, name: AudioFormat, rate: int, piece: int
) -> None:
    data, decoder = tone(0.2, rate=rate), decoding.open(name)
    pcm = b"".join([await decoder.feed(data[at : at + piece]) for at in range(0, len(data), piece)])
    pcm += await decoder.finish()

    assert _seconds(pcm) == pytest.approx(0.2, abs=0.01)
    assert loudness_db(pcm) == pytest.approx(loudness_db(data), abs=0.5)
    await decoder.close()


@pytest.mark.parametrize("format_", ["wav", "mp3", "ogg", "webm"])
async def test_a_stream_is_decoded_while_it_comes(decoding: ProcessDecoding, format_: str) -> None:
    data, decoder = encoded(tone(8), format_), decoding.open("auto")
    got, early = b"", 0.0
    for at in range(0, len(data), 1 + len(data) // 40):
        got += await decoder.feed(data[at : at + 1 + len(data) // 40])
        await asyncio.sleep(0.01)
        early = _seconds(got)
    got += await decoder.finish()
    await decoder.close()

    assert early > 3
    assert _seconds(got) == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize("codec", ["pcm_s24le", "pcm_f32le", "pcm_mulaw", "pcm_u8"])
async def test_wavs_of_other_kinds_are_decoded_in_the_process(decoding: ProcessDecoding, codec: str) -> None:
    pcm = await decoding.decode(encoded(tone(1), "wav", codec=codec), longest_seconds=60)

    assert _seconds(pcm) == pytest.approx(1, abs=0.05)


async def test_stereo_is_mixed(decoding: ProcessDecoding) -> None:
    pcm = await decoding.decode(wav(tone(1, rate=44_100, channels=2), rate=44_100, channels=2), longest_seconds=60)

    assert _seconds(pcm) == pytest.approx(1, abs=0.01)


async def test_a_header_that_claims_ten_hours_gives_what_there_is(decoding: ProcessDecoding) -> None:
    ten_hours = wav(tone(0.5), claimed_bytes=10 * 3600 * BYTES_A_SECOND)

    assert _seconds(await decoding.decode(ten_hours, longest_seconds=60)) == 0.5


async def _fed(decoder: Decoder, data: bytes, piece: int) -> None:
    for at in range(0, len(data), piece):
        await decoder.feed(data[at : at + piece])
        await asyncio.sleep(0)
    await decoder.finish()


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("song.mp3", tone(1))
    return file.getvalue()


def _noise(size: int, first: bytes) -> bytes:
    return first + random.Random(1).randbytes(size)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        _zip(),
        b"#EXTM3U\nfile:///etc/passwd\n" * 10,
        _noise(5000, b"ID3\x04\0\0\0\0\0\0"),
        _noise(5000, b"OggS"),
        _noise(5000, b"\x1aE\xdf\xa3"),
        _noise(5000, b"\0\0\0\x20ftypM4A "),
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0",
        encoded(tone(1), "m4a")[:3000],
        encoded(tone(1), "webm")[:200],
    ],
    ids=["empty", "short", "zip", "playlist", "id3", "ogg", "webm", "m4a", "wav", "half an m4a", "little of a webm"],
)
@pytest.mark.parametrize("piece", [64 * 1024, 97])
async def test_what_is_no_sound_is_a_clean_error(decoding: ProcessDecoding, data: bytes, piece: int) -> None:
    decoder = decoding.open("auto")
    with pytest.raises(BadAudio):
        await _fed(decoder, data, piece)
    await decoder.close()


async def test_a_format_that_is_named_must_be_that(decoding: ProcessDecoding) -> None:
    with pytest.raises(BadAudio, match="no MP3"):
        await decoding.decode(wav(tone(1)), format="mp3", longest_seconds=60)


async def test_more_sound_than_may_be_is_refused(decoding: ProcessDecoding) -> None:
    for data in (wav(tone(3)), encoded(tone(3), "mp3")):
        with pytest.raises(BadAudio, match="over 2 s"):
            await decoding.decode(data, longest_seconds=2)


async def test_a_small_file_that_unpacks_to_hours_is_given_up_soon(decoding: ProcessDecoding) -> None:
    silence = encoded(bytes(BYTES_A_SECOND * 60), "wav", codec="pcm_mulaw")
    begun = time.monotonic()
    with pytest.raises(BadAudio, match="over 5 s"):
        await decoding.decode(silence, longest_seconds=5)

    assert time.monotonic() - begun < 5


async def test_a_file_that_is_too_large_is_refused(decoding: ProcessDecoding) -> None:
    decoder = decoding.open("auto", longest_seconds=1e6)
    with pytest.raises(BadAudio, match="25 MiB"):
        await _fed(decoder, b"OggS" + bytes(26 * 1024 * 1024), 1024 * 1024)
    await decoder.close()
    assert LARGEST_FILE_BYTES == 25 * 1024 * 1024


@pytest.mark.parametrize("format_", ["pcm48", "auto"])
async def test_a_microphone_may_stream_raw_samples_for_as_long_as_the_sound_may_last(
    decoding: ProcessDecoding, format_: AudioFormat
) -> None:
    """25 MiB of samples at 48 kHz are four and a half minutes."""
    decoder, minute = decoding.open(format_, longest_seconds=310), bytes(60 * 2 * 48_000)
    heard = await decoder.feed(wav(b"", rate=48_000)) if format_ == "auto" else b""
    for _ in range(5):
        heard += await decoder.feed(minute)
    assert len(heard) / BYTES_A_SECOND == pytest.approx(300, abs=1)
    with pytest.raises(BadAudio, match="over 310 s"):
        await decoder.feed(minute)


@given(st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_damaged_files_are_decoded_or_refused(decoding: ProcessDecoding, data: st.DataObject) -> None:
    good = _DAMAGED[data.draw(st.sampled_from(sorted(_DAMAGED)))]
    damaged = bytearray(good)
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), max_size=20)):
        damaged[at] = value
    with suppress(BadAudio):
        await decoding.decode(bytes(damaged), longest_seconds=10)
    assert _seconds(await decoding.decode(_DAMAGED["mp3"], longest_seconds=10)) > 0.2


_DAMAGED = {name: encoded(tone(0.3), name) for name in ("mp3", "m4a", "ogg", "webm", "wav")}


async def test_a_process_that_dies_takes_only_its_stream_along() -> None:
    decoding, data = ProcessDecoding(processes=1), encoded(tone(2), "mp3")
    decoder = decoding.open("auto")
    await decoder.feed(data[:4000])
    (engine,) = decoding._pool._all
    os.kill(engine._process.pid, signal.SIGSEGV)
    with pytest.raises(BadAudio, match="cannot be decoded"):
        await _fed(decoder, data[4000:], 100)
    await decoder.close()

    assert _seconds(await decoding.decode(data, longest_seconds=60)) == pytest.approx(2, abs=0.1)
    await decoding.close()


async def test_streams_wait_for_their_turn_and_too_many_are_told_so() -> None:
    decoding, data = ProcessDecoding(processes=1), encoded(tone(1), "mp3")
    decoding._pool._wait_seconds, decoding._pool._waiting = 0.3, 1
    holding = decoding.open("auto")
    await holding.feed(data[:2000])
    waits = asyncio.create_task(decoding.decode(data, longest_seconds=60))
    await asyncio.sleep(0.05)
    with pytest.raises(SpeechBusy):
        await decoding.decode(data, longest_seconds=60)
    with pytest.raises(SpeechBusy):
        await waits
    await holding.close()
    assert await decoding.decode(data, longest_seconds=60)
    await decoding.close()
    with pytest.raises(SpeechDown):
        await decoding.decode(data, longest_seconds=60)


async def test_a_stream_that_is_given_up_frees_its_process() -> None:
    decoding, data = ProcessDecoding(processes=1), encoded(tone(5), "ogg")
    for _ in range(3):
        decoder = decoding.open("auto")
        await decoder.feed(data[:3000])
        await decoder.close()
        await decoder.close()
    assert array("h", await decoding.decode(data, longest_seconds=60))
    await decoding.close()
