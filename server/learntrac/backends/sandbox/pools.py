"""The boxes of one tier: some wait with a fresh guest, others are made when they are needed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from learntrac.backends.sandbox.boxes import Box, BoxEnded

RECYCLED_AFTER_RUNS = 200


class Pool:
    """Boxes of one kind. `lasting`: a box takes one guest after the other; else a process serves one run."""

    def __init__(self, start: Callable[[], Awaitable[Box]], *, kept: int, lasting: bool = True) -> None:
        self._start = start
        self._kept, self._lasting = kept, lasting
        self._idle: list[Box] = []
        self._out: set[Box] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._closed = False

    async def take(self) -> Box:
        """A box with a fresh guest in it. Raises BoxEnded where none can be had."""
        while self._idle:
            box = self._idle.pop()
            if not box.has_ended():
                break
            box.kill_now("lost")
        else:
            box = await self._start()
        self._out.add(box)
        return box

    def give_back(self, box: Box) -> None:
        """Have the box freshened, or ended and another one made, while nobody waits for it."""
        self._out.discard(box)
        task = asyncio.create_task(self._renew(box))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _renew(self, box: Box) -> None:
        spent = not self._lasting or box.spent or box.runs + 1 >= RECYCLED_AFTER_RUNS
        if spent or not await box.finish():
            await box.kill("crashed")
            await self._replace()
        elif len(self._idle) < self._kept and not self._closed:
            self._idle.append(box)
        else:
            await box.kill("crashed")

    async def _replace(self) -> None:
        if len(self._idle) + len(self._out) < self._kept and not self._closed:
            with suppress(BoxEnded, OSError):
                box = await self._start()
                self._idle.append(box)

    async def close(self) -> None:
        """End all boxes, those at work too."""
        self._closed = True
        for box in (*self._idle, *self._out):
            await box.kill("lost")
        if self._background:
            await asyncio.wait(self._background)
        for box in self._idle:
            await box.kill("lost")
