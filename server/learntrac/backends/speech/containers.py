"""What a stream of bytes is, by its first bytes, and what a WAV says of its samples. No name or length is believed."""

import struct
from dataclasses import dataclass
from typing import Literal, TypeAlias

Container: TypeAlias = Literal["wav", "mp3", "m4a", "ogg", "webm"]

ENOUGH_BYTES = 12
"""To tell one container from another."""
LONGEST_WAV_HEADER = 64 * 1024
"""Whatever stands before the samples: names of songs and their pictures come after them in files that people record."""
_PCM, _EXTENSIBLE = 1, 0xFFFE


def find_container(first: bytes) -> Container | None:
    """What begins with these bytes (at least `ENOUGH_BYTES` of them), or None for what we do not take.

    Only these five are ever opened: a playlist, for one, could name other files.
    """
    if first.startswith(b"RIFF") and first[8:12] == b"WAVE":
        return "wav"
    if first.startswith(b"OggS"):
        return "ogg"
    if first.startswith(b"\x1aE\xdf\xa3"):
        return "webm"
    if first[4:8] == b"ftyp":
        return "m4a"
    return "mp3" if first.startswith(b"ID3") or _is_mpeg_audio(first) else None


def _is_mpeg_audio(first: bytes) -> bool:
    """A frame header of MPEG audio, layer III: sync, layer, and no forbidden bit rate or sampling rate."""
    sync = len(first) >= 3 and first[0] == 0xFF and first[1] & 0xE6 == 0xE2
    return sync and first[1] & 0x18 != 0x08 and first[2] & 0xF0 not in (0x00, 0xF0) and first[2] & 0x0C != 0x0C


@dataclass(frozen=True)
class WavHeader:
    """16-bit samples and where they begin. Lengths are left out: recorders that stream write nonsense there."""

    sample_rate: int
    channels: int
    begins_at: int


class NotPlainWav(ValueError):
    """A WAV of another kind (compressed, float, 24 bits), or none at all."""


def read_wav_header(first: bytes) -> WavHeader | None:
    """The header, or None while there is too little of it. Raises NotPlainWav."""
    at, found = 12, None
    while len(first) >= at + 8:
        name, size = struct.unpack_from("<4sI", first, at)
        if name == b"data":
            if found is None:
                raise NotPlainWav("samples come before their format")
            return WavHeader(*found, begins_at=at + 8)
        if at + 8 + size > LONGEST_WAV_HEADER:
            raise NotPlainWav("its header is too long")
        if len(first) < at + 8 + size:
            return None
        if name == b"fmt ":
            found = _plain_format(first[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return None


def _plain_format(chunk: bytes) -> tuple[int, int]:
    if len(chunk) < 16:
        raise NotPlainWav("its format is cut off")
    tag, channels, rate, _bytes_a_second, _block, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    if tag != _PCM or bits != 16 or channels not in {1, 2} or not 8000 <= rate <= 96_000:
        raise NotPlainWav("not 16-bit samples")
    return rate, channels


def wav_header(size: int, sample_rate: int) -> bytes:
    """What stands before so many bytes of 16-bit mono samples."""
    form = struct.pack("<HHIIHH", _PCM, 1, sample_rate, 2 * sample_rate, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + struct.pack("<4sI", b"data", size)
    )
