"""Sound for tests: spoken by the real engine, or made by FFmpeg in every format that people send."""

import io
import math
import random
import struct
from array import array
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import av

from learntrac.backends.speech.engines.espeak_library import Espeak
from learntrac.backends.speech.resampling import make_resampler

_CODECS = {"mp3": "libmp3lame", "m4a": "aac", "ogg": "libopus", "webm": "libopus", "wav": "pcm_s16le", "flac": "flac"}
_MUXERS = {"m4a": "ipod", "wav": "wav", "mp3": "mp3", "ogg": "ogg", "webm": "webm", "flac": "flac"}


def tone(seconds: float, *, rate: int = 16_000, channels: int = 1, hertz: float = 440, level: float = 0.3) -> bytes:
    """16-bit samples of a tone, the same in every channel."""
    step = 2 * math.pi * hertz / rate
    samples = (round(32767 * level * math.sin(step * at)) for at in range(round(seconds * rate)))
    return array("h", (sample for sample in samples for _ in range(channels))).tobytes()


def noise(seconds: float, *, level: float, rate: int = 16_000) -> bytes:
    """16-bit samples of white noise of this deviation (of 1)."""
    random_ = random.Random(5)
    return array("h", (round(random_.gauss(0, 32767 * level)) for _ in range(round(seconds * rate)))).tobytes()


def encoded(pcm: bytes, format: str, *, rate: int = 16_000, codec: str | None = None) -> bytes:  # noqa: A002
    """These mono samples in a file of this format."""
    file = io.BytesIO()
    out_rate = 48_000 if format in {"ogg", "webm"} else rate
    with av.open(file, "w", format=_MUXERS[format]) as made:
        stream = made.add_stream(codec or _CODECS[format], rate=out_rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for frame in _frames(pcm, rate):
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return file.getvalue()


def _frames(pcm: bytes, rate: int) -> Iterator[av.AudioFrame]:
    for at in range(0, len(pcm), 8192):
        piece = pcm[at : at + 8192]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece) // 2)
        frame.sample_rate, frame.pts, frame.time_base = rate, at // 2, Fraction(1, rate)
        frame.planes[0].update(piece.ljust(frame.planes[0].buffer_size, b"\0"))
        yield frame


def wav(pcm: bytes, *, rate: int = 16_000, channels: int = 1, claimed_bytes: int | None = None) -> bytes:
    """A WAV file whose header may claim another length than its own."""
    size = len(pcm) if claimed_bytes is None else claimed_bytes
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    told = struct.pack("<I", size)
    return b"RIFF" + told + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + told + pcm


@cache
def _espeak() -> Espeak:
    return Espeak()


@cache
def spoken(text: str, *, voice: str = "gmw/en-US+f2", pause_seconds: float = 0.2) -> bytes:
    """The text as 16 kHz PCM, with a pause before and after."""
    espeak, samples = _espeak(), bytearray()
    espeak.set_voice(voice)
    espeak.say(text, samples.extend)
    resampler = make_resampler(espeak.sample_rate, 1)
    pause = bytes(2 * round(16_000 * pause_seconds))
    return pause + resampler.feed(bytes(samples)) + resampler.finish() + pause
