"""Processes that engines live in: a few of each kind, warm, each with one task at a time, ended when it is given up."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from learntrac.backends.speech import SpeechBusy, SpeechDown
from learntrac.backends.speech.frames import GENTLY, Frame, packed, read_frame
from learntrac.kit.logs import get_logger

STARTED_WITHIN_SECONDS, PREPARED_WITHIN_SECONDS = 30.0, 300.0
TASKS_OF_A_PROCESS = 500
"""Then another takes its place: what a library leaks is given back."""
BUFFERED_BYTES = 256 * 1024

_log = get_logger("learntrac.speech")


class EngineGone(SpeechDown):
    """The process ended while something was asked of it."""


class Engine:
    """One process with its pipes. Tasks are done when the caller has left it in order."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._gone = False
        self.tasks = 0

    async def send(self, head: Mapping[str, Any], data: bytes = b"") -> None:
        """Hand a message over; waits while the process is behind. Raises EngineGone."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        try:
            self._process.stdin.write(packed(Frame(dict(head), data)))
            await self._process.stdin.drain()
        except (OSError, RuntimeError) as error:
            self._gone = True
            raise EngineGone("the speech engine ended") from error

    async def receive(self) -> Frame:
        """The next message. Raises EngineGone."""
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        try:
            return await read_frame(self._process.stdout)
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            self._gone = True
            raise EngineGone("the speech engine ended") from error

    @property
    def alive(self) -> bool:
        """Whether it can be asked something."""
        return not self._gone and self._process.returncode is None

    async def end(self) -> None:
        """End it, whatever it does."""
        with suppress(ProcessLookupError):
            self._process.kill()
        # The pipes must be empty before the end is seen.
        await self._process.communicate()


class Pool:
    """At most `size` engines of one kind and `waiting` callers in line, started when they are first needed.

    `arguments` follow `python -m learntrac.backends.speech.engines`. The processes see nothing of the server's
    environment, where the keys are.
    """

    def __init__(self, *arguments: str, size: int, waiting: int = 32, wait_seconds: float = 30.0) -> None:
        self._arguments = arguments
        self._size, self._waiting, self._wait_seconds = size, waiting, wait_seconds
        self._free = asyncio.Semaphore(size)
        self._in_line = 0
        self._idle: list[Engine] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._all: set[Engine] = set()
        self._closed = False

    @property
    def has_room(self) -> bool:
        """Whether a task would begin at once."""
        return not self._free.locked()

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """One engine for one task. Left by an error or a cancellation, it is ended and another takes its place.

        Raises SpeechBusy where too many wait, and SpeechDown where no process can be started.
        """
        await self._turn()
        try:
            engine = await self._take()
            try:
                yield engine
            except BaseException:
                await asyncio.shield(self._replace(engine))
                raise
            await self._put_back(engine)
        finally:
            self._free.release()

    async def warm(self) -> None:
        """Have one engine ready. Raises SpeechDown."""
        async with self.engine():
            pass

    async def prepare(self) -> None:
        """Have one engine ready before anybody asks, started behind everything else; nobody waits for it meanwhile.

        Raises SpeechDown.
        """
        if self._closed or self._all:
            return
        engine = await self._start(GENTLY)
        if self._closed or len(self._all) > self._size:
            await self._end(engine)
        else:
            self._idle.append(engine)

    async def close(self) -> None:
        """End them all."""
        self._closed = True
        for task in list(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(engine.end() for engine in self._all))
        self._all.clear()
        self._idle.clear()

    async def _turn(self) -> None:
        if self._closed:
            raise SpeechDown("the server is being stopped")
        if self._free.locked() and self._in_line >= self._waiting:
            raise SpeechBusy("every speech engine is at work; try again soon", retry_after_seconds=5)
        self._in_line += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise SpeechBusy("every speech engine is at work; try again soon", retry_after_seconds=5) from error
        finally:
            self._in_line -= 1

    async def _take(self) -> Engine:
        while self._idle:
            engine = self._idle.pop()
            if engine.alive:
                engine.tasks += 1
                return engine
            await self._end(engine)
        return await self._start()

    async def _put_back(self, engine: Engine) -> None:
        if engine.alive and engine.tasks < TASKS_OF_A_PROCESS and not self._closed:
            self._idle.append(engine)
        else:
            await self._replace(engine)

    async def _replace(self, engine: Engine) -> None:
        await self._end(engine)
        if not self._closed and not self._idle:
            task = asyncio.create_task(self._start_spare())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start_spare(self) -> None:
        try:
            self._idle.append(await self._start())
        except SpeechDown as error:
            _log.warning("no speech engine could be started", error=str(error))

    async def _end(self, engine: Engine) -> None:
        self._all.discard(engine)
        await engine.end()

    async def _start(self, *how: str) -> Engine:
        spawning = asyncio.ensure_future(_spawned((*how, *self._arguments)))
        try:
            engine = Engine(await asyncio.shield(spawning))
        except asyncio.CancelledError:
            # It is started all the same, and then nobody would know of it.
            await Engine(await spawning).end()
            raise
        self._all.add(engine)
        try:
            async with asyncio.timeout(PREPARED_WITHIN_SECONDS if how else STARTED_WITHIN_SECONDS):
                ready = await engine.receive()
        except BaseException as error:
            await asyncio.shield(self._end(engine))
            if isinstance(error, (SpeechDown, TimeoutError)):
                raise SpeechDown("the speech engine could not be started") from error
            raise
        if "problem" in ready.head:
            await self._end(engine)
            raise SpeechDown(str(ready.head["problem"]))
        engine.tasks = 1
        return engine


async def _spawned(arguments: tuple[str, ...]) -> Process:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "learntrac.backends.speech.engines",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        env=kept,
        cwd="/",
        start_new_session=True,
        limit=BUFFERED_BYTES,
    )
