"""Giving out a spoken answer, from its first piece on while the rest is being made."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

from learntrac.kit.readers import HotReader
from learntrac.voice import service

LOOKED_EVERY_SECONDS = 0.1
GIVEN_UP_AFTER_SECONDS = 30.0
"""Whoever makes it has died: a sentence takes no such time."""

_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")


async def streamed(reader: HotReader, *, audio_id: str, complete: bool) -> AsyncIterator[bytes]:
    """All pieces, waiting for those to come until the answer is `complete`."""
    place, last = 0, time.monotonic()
    while True:
        for number, mp3 in await service.read_parts(reader, audio_id=audio_id, after=place):
            place, last = number, time.monotonic()
            yield mp3
        if complete or time.monotonic() - last > GIVEN_UP_AFTER_SECONDS:
            return
        await asyncio.sleep(LOOKED_EVERY_SECONDS)
        complete = await service.is_complete(reader, audio_id=audio_id)


def find_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a `Range` header with one range; None where there is none that can be given."""
    asked = _RANGE.fullmatch(header or "")
    if asked is None or asked[0] == "bytes=-":
        return None
    if not asked[1]:
        first, last = max(0, size - int(asked[2])), size - 1
    else:
        first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
    return (first, last) if first <= last else None
