"""What a stream is, by its first bytes."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.backends.speech.containers import (
    LONGEST_WAV_HEADER,
    Container,
    NotPlainWav,
    WavHeader,
    find_container,
    read_wav_header,
)
from tests.backends.speech.sounds import encoded, tone, wav


@pytest.mark.parametrize("name", ["wav", "mp3", "m4a", "ogg", "webm"])
def test_each_format_is_known_by_its_first_bytes(name: Container) -> None:
    assert find_container(encoded(tone(0.3), name)[:12]) == name


@pytest.mark.parametrize(
    "first",
    [b"PK\x03\x04 a zip file", b"#EXTM3U\nhttp://", b"fLaC........", b"<html>......", b"\xff\xfb\x00\x00........"],
)
def test_what_else_there_is_is_not_opened(first: bytes) -> None:
    assert find_container(first) is None


@given(st.binary(max_size=64))
def test_no_bytes_break_it(first: bytes) -> None:
    find_container(first)
    with_header = b"RIFF\0\0\0\0WAVE" + first
    with suppress(NotPlainWav):
        assert read_wav_header(with_header) is None or len(with_header) >= 44


def test_a_wav_header_says_where_its_samples_begin_and_its_lengths_are_not_believed() -> None:
    ten_hours = wav(tone(0.1, rate=48_000, channels=2), rate=48_000, channels=2, claimed_bytes=0xFFFFFFFF)

    assert read_wav_header(ten_hours) == WavHeader(48_000, 2, begins_at=44)
    assert read_wav_header(ten_hours[:40]) is None


def test_other_chunks_may_stand_before_the_samples() -> None:
    plain = wav(tone(0.1))
    with_list = plain[:36] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + plain[36:]

    assert read_wav_header(with_list) == WavHeader(16_000, 1, begins_at=56)


@pytest.mark.parametrize(
    "header",
    [
        b"RIFF....WAVEdata\0\0\0\0",
        b"RIFF....WAVEfmt \x04\0\0\0\x01\0\x01\0",
        b"RIFF....WAVEjunk" + struct.pack("<I", LONGEST_WAV_HEADER),
        b"RIFF....WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 16_000, 64_000, 4, 32),
        b"RIFF....WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 4_000_000_000, 0, 2, 16),
    ],
    ids=["samples first", "cut off", "endless", "float", "rate"],
)
def test_other_wavs_are_left_to_the_process(header: bytes) -> None:
    with pytest.raises(NotPlainWav):
        read_wav_header(header)


def test_an_extensible_header_tells_its_format_later() -> None:
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 24_000, 48_000, 2, 16, 22, 16, 4) + b"\x01\0" + bytes(14)
    header = b"RIFF....WAVEfmt " + struct.pack("<I", len(form)) + form + b"data....samples"

    assert read_wav_header(header) == WavHeader(24_000, 1, begins_at=68)
