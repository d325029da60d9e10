"""Samples made into what is given out: MP3 by LAME, frame by frame, or left as they are."""

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

import av
from av.audio.resampler import AudioResampler

MP3_BITS_A_SECOND = 64_000
Encode: TypeAlias = Callable[[bytes | None], bytes]
"""Takes samples, or None at the end; returns what is ready."""


def encoder(format: str, sample_rate: int) -> Encode:  # noqa: A002 - what everybody calls it
    """For 16-bit mono samples at this rate."""
    return _mp3(sample_rate) if format == "mp3" else lambda samples: samples or b""


def _mp3(sample_rate: int) -> Encode:
    codec = av.CodecContext.create("libmp3lame", "w")
    codec.sample_rate, codec.layout, codec.format = sample_rate, "mono", "s16p"
    codec.bit_rate, codec.time_base = MP3_BITS_A_SECOND, Fraction(1, sample_rate)
    codec.open()
    into_frames = AudioResampler(format="s16p", layout="mono", rate=sample_rate, frame_size=codec.frame_size)

    def encode(samples: bytes | None) -> bytes:
        frames = into_frames.resample(None if samples is None else _frame(samples, sample_rate))
        packets = [packet for frame in frames for packet in codec.encode(frame)]
        if samples is None:
            packets += codec.encode(None)
        return b"".join(bytes(packet) for packet in packets)

    return encode


def _frame(samples: bytes, sample_rate: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
    frame.sample_rate = sample_rate
    frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
    return frame
