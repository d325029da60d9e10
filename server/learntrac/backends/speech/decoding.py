"""Sound in any of the formats people send, turned into ours. Plain samples are only resampled here; whatever has to be
parsed is parsed in a process of its own, which a malformed file may crash.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import TypeAlias, cast

from learntrac.backends.speech import BYTES_A_SECOND, LONGEST_UTTERANCE_SECONDS, AudioFormat, BadAudio
from learntrac.backends.speech.containers import (
    ENOUGH_BYTES,
    Container,
    NotPlainWav,
    find_container,
    read_wav_header,
)
from learntrac.backends.speech.pool import Engine, EngineGone, Pool
from learntrac.backends.speech.resampling import AsItIs, Resampler, make_resampler

PIECE_BYTES = 64 * 1024
LARGEST_FILE_BYTES = 25 * 1024 * 1024
ANSWER_WITHIN_SECONDS = 20.0
"""For what is left to do when everything has come: a minute of sound takes a fraction of a second."""
_RATES = {"pcm16": 16_000, "pcm24": 24_000, "pcm48": 48_000}


class ProcessDecoding:
    """Decoders over at most `processes` processes; raw samples and plain WAV need none."""

    def __init__(self, *, processes: int) -> None:
        self._pool = Pool("decode", size=processes)

    def open(
        self,
        format: AudioFormat,  # noqa: A002 - what everybody calls it
        *,
        longest_seconds: float = LONGEST_UTTERANCE_SECONDS,
    ) -> "StreamDecoder":
        return StreamDecoder(self._pool, format, longest_seconds=longest_seconds)

    async def decode(
        self,
        data: bytes,
        *,
        format: AudioFormat = "auto",  # noqa: A002
        longest_seconds: float,
    ) -> bytes:
        decoder = self.open(format, longest_seconds=longest_seconds)
        try:
            pcm = [await decoder.feed(data[at : at + PIECE_BYTES]) for at in range(0, len(data), PIECE_BYTES)]
            return b"".join([*pcm, await decoder.finish()])
        finally:
            await decoder.close()

    async def close(self) -> None:
        await self._pool.close()


class StreamDecoder:
    """One stream: its first bytes tell how it is decoded, and what comes out is counted."""

    def __init__(self, pool: Pool, format: AudioFormat, *, longest_seconds: float) -> None:  # noqa: A002
        self._pool, self._format, self._longest_seconds = pool, format, longest_seconds
        self._way: _Way | None = make_resampler(_RATES[format], 1) if format in _RATES else None
        self._first = b""
        self._taken_bytes = 0
        self._given_bytes = 0

    async def feed(self, data: bytes) -> bytes:
        if self._way is None:
            data = self._first = self._first + data
            self._way = self._chosen()
            if self._way is None:
                return b""
            self._first, data = b"", data[self._skipped :]
        self._count_in(data)
        return self._counted(await _pcm_of(self._way, data))

    def ready(self) -> tuple[bytes, bool]:
        if not isinstance(self._way, _EngineDecoder):
            return b"", False
        return self._counted(self._way.taken()), self._way.is_behind

    def _count_in(self, data: bytes) -> None:
        """What has to be parsed may be large and hold no sound; of raw samples the sound's own length is the limit."""
        self._taken_bytes += len(data)
        if isinstance(self._way, _EngineDecoder) and self._taken_bytes > LARGEST_FILE_BYTES:
            raise BadAudio(f"the sound is over {LARGEST_FILE_BYTES // 1024 // 1024} MiB")

    async def finish(self) -> bytes:
        if self._way is None:
            raise BadAudio("this is no sound: WAV, MP3, M4A, Ogg and WebM are known, and raw PCM when it is named")
        if isinstance(self._way, _EngineDecoder):
            return self._counted(await self._way.finish())
        return self._counted(self._way.finish())

    async def close(self) -> None:
        if isinstance(self._way, _EngineDecoder):
            await self._way.close()

    _skipped = 0

    def _chosen(self) -> "_Way | None":
        if len(self._first) < ENOUGH_BYTES:
            return None
        found = find_container(self._first)
        if found is None or self._format not in {"auto", found}:
            known = "WAV, MP3, M4A, Ogg and WebM are known, and raw PCM when it is named"
            what = "sound" if self._format == "auto" else self._format.upper()
            raise BadAudio(f"this is no {what}: {known}")
        if found != "wav":
            return _EngineDecoder(self._pool, found)
        try:
            header = read_wav_header(self._first)
        except NotPlainWav:
            return _EngineDecoder(self._pool, "wav")
        if header is None:
            return None
        self._skipped = header.begins_at
        return make_resampler(header.sample_rate, header.channels)

    def _counted(self, pcm: bytes) -> bytes:
        self._given_bytes += len(pcm)
        if self._given_bytes > self._longest_seconds * BYTES_A_SECOND:
            raise BadAudio(f"the sound lasts over {self._longest_seconds:g} s")
        return pcm


_Way: TypeAlias = "Resampler | AsItIs | _EngineDecoder"


async def _pcm_of(way: _Way, data: bytes) -> bytes:
    return await way.feed(data) if isinstance(way, _EngineDecoder) else way.feed(data)


class _EngineDecoder:
    """One stream in a decoding process: bytes go in, and what has come out by then is taken along."""

    def __init__(self, pool: Pool, container: Container) -> None:
        self._pool, self._container = pool, container
        self._holding = AsyncExitStack()
        self._engine: Engine | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = bytearray()
        self._bad: str | None = None
        self._frames_fed = self._frames_taken = 0

    @property
    def is_behind(self) -> bool:
        """Whether the process has something that it was fed still before it."""
        return self._bad is None and self._frames_taken < self._frames_fed

    async def feed(self, data: bytes) -> bytes:
        await self._within(self._send({"do": "feed"}, data))
        self._frames_fed += 1
        return self.taken()

    async def finish(self) -> bytes:
        await self._within(self._send({"do": "finish"}, b""))
        await self._within(cast("asyncio.Task[None]", self._reading))
        await self._holding.aclose()
        return self.taken()

    async def close(self) -> None:
        if self._reading is not None:
            in_order = self._reading.done() and not self._reading.cancelled() and self._reading.exception() is None
            self._reading.cancel()
            await asyncio.wait([self._reading])
            if not in_order:
                # Left in the middle of its work, the process has to go.
                await self._holding.__aexit__(EngineGone, EngineGone("given up"), None)
        await self._holding.aclose()

    async def _send(self, head: dict[str, str], data: bytes) -> None:
        if self._engine is None:
            self._engine = await self._holding.enter_async_context(self._pool.engine())
            self._reading = asyncio.create_task(self._read(self._engine))
            await self._engine.send({"do": "decode", "container": self._container})
        await self._engine.send(head, data)

    async def _within(self, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                await work
        except EngineGone as error:
            raise BadAudio("this sound cannot be decoded") from error
        except TimeoutError as error:
            raise BadAudio("decoding this sound takes too long") from error

    async def _read(self, engine: Engine) -> None:
        while "done" not in (told := await engine.receive()).head:
            if "bad" in told.head:
                self._bad = str(told.head["bad"])
                return
            self._frames_taken = told.head.get("taken", self._frames_taken)
            self._ready += told.data

    def taken(self) -> bytes:
        """What has come out since this was last asked for. Raises BadAudio."""
        if self._bad is not None:
            raise BadAudio("this sound is damaged or of another kind than its first bytes say")
        if self._reading is not None and self._reading.done() and self._reading.exception() is not None:
            raise BadAudio("this sound cannot be decoded") from self._reading.exception()
        pcm = bytes(self._ready)
        self._ready.clear()
        return pcm
