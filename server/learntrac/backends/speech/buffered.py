"""For engines that hear whole recordings only: the utterance is kept until it is over."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from learntrac.backends.speech import BYTES_A_SECOND, LONGEST_UTTERANCE_SECONDS, Context, Transcript

Recognise = Callable[[bytes, Context], Awaitable[Transcript]]
LONGEST_BYTES = int(LONGEST_UTTERANCE_SECONDS * BYTES_A_SECOND)


class BufferedHearing:
    """One utterance, sent when it is over; no words come before."""

    def __init__(self, recognise: Recognise, context: Context) -> None:
        self._recognise, self._context = recognise, context
        self._sound = bytearray()

    async def feed(self, pcm: bytes) -> str | None:
        self._sound += pcm[: LONGEST_BYTES - len(self._sound)]
        return None

    async def finish(self) -> Transcript:
        return await self._recognise(bytes(self._sound), self._context)

    async def close(self) -> None:
        self._sound.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
