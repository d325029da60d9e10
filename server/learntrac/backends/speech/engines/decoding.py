"""The process that opens what people send: FFmpeg's demuxers and decoders, fed from the pipe."""

import io
from collections.abc import Iterator

import av
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from learntrac.backends.speech.engines.serving import Asked, Task
from learntrac.backends.speech.frames import Frame

_DEMUXERS = {"wav": "wav", "mp3": "mp3", "m4a": "mov", "ogg": "ogg", "webm": "matroska"}
_CODECS = (
    "pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw,"
    "mp3,mp3float,aac,alac,opus,libopus,vorbis,flac"
)
_OPTIONS = {"codec_whitelist": _CODECS, "probesize": "65536", "analyzeduration": "1000000"}
SAMPLE_RATE = 16_000
_NEEDS_ITS_END = {"m4a"}
"""The table of an M4A stands at its end as often as at its beginning."""


class NoSound(Exception):
    """Nothing in it can be heard."""


class Incoming(io.RawIOBase):
    """The stream as a file that can be read forwards: a read waits for the next frame, and tells before that how many
    were taken. Whatever can be heard in these was told by then.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked, self._left, self.ended = asked, b"", False
        self._taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._left and not self.ended:
            self._asked.tell({"taken": self._taken})
            frame = self._asked.next()
            self._taken += 1
            self.ended = frame is None or frame.head.get("do") == "finish"
            self._left = b"" if frame is None else frame.data
        given, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return given

    def rest(self) -> bytes:
        """All that is still to come."""
        pieces = []
        while piece := self.read():
            pieces.append(piece)
        return b"".join(pieces)


def load() -> Task:
    """FFmpeg is there once it is imported."""
    av.logging.set_level(None)
    return decode


def decode(first: Frame, asked: Asked) -> None:
    """Decode one stream of the container that `first` names; tell PCM as it comes, then `done` or `bad`."""
    incoming = Incoming(asked)
    try:
        told: dict[str, int | str] = {"done": _decode(first.head["container"], incoming, asked)}
    except (FFmpegError, NoSound, ValueError, MemoryError, EOFError) as error:
        told = {"bad": str(error)[:200]}
    incoming.rest()
    asked.tell(told)


def _decode(container: str, incoming: Incoming, asked: Asked) -> int:
    file = io.BytesIO(incoming.rest()) if container in _NEEDS_ITS_END else incoming
    told = 0
    with av.open(file, "r", format=_DEMUXERS[container], options=_OPTIONS, metadata_errors="replace") as opened:
        for pcm in _sound(opened):
            asked.tell({"pcm": len(pcm)}, pcm)
            told += len(pcm)
    if not told:
        raise NoSound("there is no sound in it")
    return told


def _sound(opened: av.container.InputContainer) -> Iterator[bytes]:
    if not opened.streams.audio:
        raise NoSound("there is no sound in it")
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    for frame in opened.decode(opened.streams.audio[0]):
        for out in resampler.resample(frame):
            yield bytes(out.planes[0])[: out.samples * 2]
    for out in resampler.resample(None):
        yield bytes(out.planes[0])[: out.samples * 2]
