"""Samples at one rate turned into ours. FFmpeg's resampler over our own frames: there is nothing in them to parse."""

from typing import TYPE_CHECKING

from learntrac.backends.speech import SAMPLE_RATE

if TYPE_CHECKING:
    from av import AudioFrame

LARGEST_PIECE_BYTES = 1024 * 1024


class Resampler:
    """16-bit samples of one or two channels in, mono PCM at `SAMPLE_RATE` out, in pieces of any size."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        # Only where something else than 16 kHz comes in is FFmpeg loaded into this process.
        from av.audio.resampler import AudioResampler  # noqa: PLC0415

        self._rate, self._layout = sample_rate, "mono" if channels == 1 else "stereo"
        self._sample_bytes = 2 * channels
        self._left = b""
        self._resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)

    def feed(self, data: bytes) -> bytes:
        """What can be given out by now; half a sample waits for the rest of it."""
        data = self._left + data
        whole = len(data) - len(data) % self._sample_bytes
        self._left = data[whole:]
        pieces = (data[at : min(at + LARGEST_PIECE_BYTES, whole)] for at in range(0, whole, LARGEST_PIECE_BYTES))
        return b"".join(self._resampled(self._frame(piece)) for piece in pieces)

    def finish(self) -> bytes:
        """The samples that the filter still held."""
        return self._resampled(None)

    def _frame(self, data: bytes) -> "AudioFrame":
        from av import AudioFrame  # noqa: PLC0415

        frame = AudioFrame(format="s16", layout=self._layout, samples=len(data) // self._sample_bytes)
        frame.sample_rate = self._rate
        frame.planes[0].update(data.ljust(frame.planes[0].buffer_size, b"\0"))
        return frame

    def _resampled(self, frame: "AudioFrame | None") -> bytes:
        return b"".join(bytes(out.planes[0])[: 2 * out.samples] for out in self._resampler.resample(frame))


class AsItIs:
    """Samples that are ours already: only cut where one ends."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> bytes:
        """All whole samples."""
        data = self._left + data
        whole = len(data) - len(data) % 2
        self._left = data[whole:]
        return data[:whole]

    def finish(self) -> bytes:
        """Half a sample is none."""
        return b""


def make_resampler(sample_rate: int, channels: int) -> "Resampler | AsItIs":
    """The way from these samples to ours."""
    return AsItIs() if (sample_rate, channels) == (SAMPLE_RATE, 1) else Resampler(sample_rate, channels)
