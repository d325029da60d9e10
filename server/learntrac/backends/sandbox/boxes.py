"""One box's process as the server sees it: two pipes, and a clock that kills."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from learntrac.backends.sandbox import Limits, frames

LOOKED_AT_EVERY_SECONDS = 0.05
_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT
BEHIND_OTHERS = 7
"""A fifth of the processor's time that others get: enough for an honest program to come to its end."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
OWN_BYTES = 192 * 1024 * 1024
"""What a box's process holds beside the guest's memory."""
SCHEDSTAT = "/proc/{}/schedstat"
QUEUED_AT_MOST = 3
"""So many times its limit may a run take on a machine that has too much to do."""
STARTED_WITHIN_SECONDS, FRESH_WITHIN_SECONDS = 60.0, 10.0

Cause = Literal["timeout", "memory", "crashed", "lost"]
"""`crashed` is the guest's end, `lost` the process's, by nothing that we did."""


class BoxEnded(Exception):
    """The box has come to its end while an answer was awaited."""

    def __init__(self, cause: Cause, message: str = "") -> None:
        super().__init__(message or cause)
        self.cause: Cause = cause


class Box:
    """A worker's process. `ready` is whether a fresh guest waits in it; a box that was killed is never so again."""

    def __init__(self, process: asyncio.subprocess.Process, walls: str) -> None:
        self._process = process
        self._measured, self._own_bytes = process.pid, OWN_BYTES
        self.walls = walls
        self.runs = 0
        self.alive = True
        self.spent = False
        """Whether it is not to be used again, as it stands behind everything else."""
        self._asked = False
        self._cause: Cause = "lost"

    @classmethod
    async def start(cls, module: str, *arguments: str) -> "Box":
        """Begin a process of this module, with nothing of ours in it. Raises BoxEnded where it does not come up."""
        command = [sys.executable, "-I", "-m", module, str(os.getpid()), *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        box = cls(process, "")
        try:
            async with asyncio.timeout(STARTED_WITHIN_SECONDS):
                await box._greeted()
        except BaseException as error:
            await box.kill("crashed")
            raise BoxEnded("crashed", "it did not start") if isinstance(error, TimeoutError) else error from error
        return box

    async def _greeted(self) -> None:
        kind, self.walls = await self._read()
        if kind != frames.SAID:
            raise BoxEnded("crashed", self.walls)
        await self.freshened()

    async def freshened(self) -> None:
        """Wait until a fresh guest is in the box. Raises BoxEnded."""
        kind = b""
        while kind != frames.READY:
            kind, _ = await self._read()

    async def ask(self, message: str) -> str:
        """Send one message, and wait for the guest's. Raises BoxEnded, with why, where there comes none."""
        self._asked = True
        await self._send(message)
        kind, text = await self._read()
        if kind != frames.SAID:
            raise BoxEnded("memory" if "out of memory" in text else "crashed", text)
        return text

    async def finish(self) -> bool:
        """Let go of the guest, whatever it is at; whether another may be had of this box."""
        if not self.alive or not self._asked:
            return self.alive
        self.runs, self._asked = self.runs + 1, False
        try:
            async with asyncio.timeout(FRESH_WITHIN_SECONDS):
                await self._send("")
                await self.freshened()
        except (BoxEnded, TimeoutError):
            await self.kill("crashed")
        return self.alive

    async def kill(self, cause: Cause) -> None:
        """End the process. Who waits for its answer is told the cause."""
        if self.alive:
            self.alive, self._cause = False, cause
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._emptied()
        await self._process.wait()

    async def _emptied(self) -> None:
        """Read away what the process has said: behind a full pipe asyncio never learns that it has ended."""
        assert self._process.stdout is not None  # noqa: S101 - asked for when it was begun
        with suppress(RuntimeError):  # whoever waits for an answer reads it
            while await self._process.stdout.read(PAGE_BYTES):
                pass

    def kill_now(self, cause: Cause) -> None:
        """As `kill`, without waiting for it."""
        if self.alive:
            self.alive, self._cause = False, cause
            with suppress(ProcessLookupError):
                self._process.kill()

    def has_ended(self) -> bool:
        """Whether the process is gone, by our doing or by somebody else's."""
        try:
            return not self.alive or os.waitid(os.P_PID, self._process.pid, _LOOK) is not None
        except ChildProcessError:
            return True

    def queued_seconds(self) -> float:
        """How long the process has waited for a processor since it began."""
        return _queued_seconds(self._measured)

    def measure(self, pid: int, *, own_bytes: int) -> None:
        """From here on, time and memory are those of a process that the box's own has begun."""
        self._measured, self._own_bytes = pid, own_bytes

    def step_back(self) -> None:
        """From here on, let others go first; there is no way back for a process."""
        self.spent = True
        with suppress(OSError):
            # A box leads a group of its own: all threads, and what a compiler is at.
            os.setpriority(os.PRIO_PGRP, self._process.pid, BEHIND_OTHERS)
        with suppress(OSError):
            # Linux may share the processor out between sessions first, and a box has one of its own: its processes
            # would then stand behind each other only.
            Path(f"/proc/{self._process.pid}/autogroup").write_text(str(BEHIND_OTHERS))

    def cpu_seconds(self) -> float:
        """What the process has used since it began."""
        try:
            # The processor clock of another process: clock_getcpuclockid(3).
            return time.clock_gettime((~self._measured << 3) | 2)
        except OSError:
            return 0.0

    def memory_bytes(self) -> int:
        """What the process holds beyond what it needs for itself, files that it maps not counted."""
        try:
            with open(f"/proc/{self._measured}/statm", "rb") as statm:  # noqa: PTH123 - twenty times a second
                fields = statm.read().split()
        except OSError:
            return 0
        return (int(fields[1]) - int(fields[2])) * PAGE_BYTES - self._own_bytes

    async def _send(self, message: str) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - `start` opened it
        # One that has ended takes no message, and may have said why before: that is still to be read. Of a pipe that
        # is closed uvloop says RuntimeError.
        with suppress(OSError, RuntimeError):
            stdin.write(frames.packed(frames.SAID, message))
            await stdin.drain()

    async def _read(self) -> tuple[bytes, str]:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - `start` opened it
        try:
            kind, length = frames.HEAD.unpack(await stdout.readexactly(frames.HEAD.size))
            if length > frames.LONGEST_BYTES:
                self.kill_now("crashed")
                raise BoxEnded("crashed", "an answer of many megabytes")
            text = (await stdout.readexactly(length)).decode("utf-8", "surrogatepass")
        except (asyncio.IncompleteReadError, UnicodeDecodeError, ConnectionError):
            self.kill_now("lost")
            raise BoxEnded(self._cause) from None
        return kind, text


def _queued_seconds(process: int | str) -> float:
    """How long a process was ready to run and waited for a processor, since it began; 0 where nobody counts that."""
    try:
        with open(SCHEDSTAT.format(process), "rb") as schedstat:  # noqa: PTH123 - twenty times a second
            return int(schedstat.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Clock:
    """How much of its limits a run has used, over all its boxes."""

    def __init__(self, boxes: Sequence[Box], limits: Limits) -> None:
        self._boxes, self._limits = boxes, limits
        self._begun = self._looked = time.monotonic()
        self._queued_before = self._queued()
        self._excused = 0.0
        self._cpu_before = [box.cpu_seconds() for box in boxes]
        self._cpu = 0.0

    @property
    def cpu_seconds(self) -> float:
        """Of the box that used most."""
        used = [box.cpu_seconds() - before for box, before in zip(self._boxes, self._cpu_before, strict=True)]
        # A process that has ended has no clock any more.
        self._cpu = max(self._cpu, *used)
        return self._cpu

    @property
    def wall_seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._begun

    async def watch(self) -> None:
        """Kill the boxes once a limit is passed; until cancelled."""
        while True:
            await asyncio.sleep(LOOKED_AT_EVERY_SECONDS)
            cause = self._passed()
            if cause:
                for box in self._boxes:
                    box.kill_now(cause)

    def _queued(self) -> float:
        return _queued_seconds("self") + sum(box.queued_seconds() for box in self._boxes)

    def _excuse(self) -> None:
        """Take what of the time since the last look went to others: while the boxes, or this server, which carries
        what they say, waited for a processor, and while this server did not come to look, having something else to do.
        """
        looked, queued = time.monotonic(), self._queued()
        late = looked - self._looked - LOOKED_AT_EVERY_SECONDS
        self._excused += max(late, queued - self._queued_before, 0.0)
        self._looked, self._queued_before = looked, queued

    def _has_time(self) -> bool:
        """Whether the run may go on. What went to others is not held against it, as long as it takes no more than a
        few times its limit, and has not made room for others who wait.
        """
        used, most = self.wall_seconds, self._limits.wall_seconds
        if used <= most or any(box.spent for box in self._boxes):
            return used <= most
        return used <= most * QUEUED_AT_MOST and used - self._excused <= most

    def _passed(self) -> Cause | None:
        self._excuse()
        if not self._has_time() or self.cpu_seconds > self._limits.cpu_seconds:
            return "timeout"
        if any(box.memory_bytes() > self._limits.memory_bytes for box in self._boxes):
            return "memory"
        return None


@asynccontextmanager
async def clocked(boxes: Sequence[Box], limits: Limits) -> AsyncIterator[Clock]:
    """Have these boxes killed when the run in them passes a limit."""
    clock = Clock(boxes, limits)
    watching = asyncio.create_task(clock.watch())
    try:
        yield clock
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
