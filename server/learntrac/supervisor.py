"""Many processes behind one listening socket: started, watched, replaced one by one, stopped together.

A child is the same command again, given two file descriptors: the socket, and one end of a line to its parent. On the
line it sends a byte now and then, from when it serves; its end tells either that the other is gone. Why not uvicorn's
own supervisor stands in docs/decisions/0011-many-processes.md.
"""

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from learntrac.kit.logs import get_logger
from learntrac.kit.metrics import forget_process

BEATS_EVERY_SECONDS = 5
"""How often a child says that it is alive; its first word says that it serves."""


@dataclass(frozen=True)
class Patience:
    """How long the parent waits, in seconds."""

    ready: float = 120
    silence: float = 60
    stop: float = 20
    first_pause: float = 0.5
    longest_pause: float = 30
    healthy_after: float = 10


_log = get_logger("learntrac.supervisor")


class ChildFailed(Exception):
    """A process ended, or hung, before it served: its own last line says why."""

    def __init__(self) -> None:
        super().__init__("A serving process ended before it was ready.")


class Child:
    """One serving process, as its parent sees it."""

    def __init__(self, process: asyncio.subprocess.Process, line: socket.socket) -> None:
        self._process, self._line = process, line
        self.pid = process.pid
        self.wanted = True
        self.began = time.monotonic()
        self.ended = asyncio.create_task(process.wait())

    @classmethod
    async def start(cls, command: Sequence[str], listener: socket.socket) -> "Child":
        """Start the command, which takes `--inherited LISTENER,LINE`."""
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        descriptors = (listener.fileno(), theirs.fileno())
        with theirs, ExitStack() as unless_started:
            unless_started.callback(ours.close)
            process = await asyncio.create_subprocess_exec(
                *command,
                "--inherited={},{}".format(*descriptors),
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                # Of its own: what a terminal sends to all, Ctrl-C and its hanging up, is for the parent to pass on.
                start_new_session=True,
            )
            unless_started.pop_all()
        return cls(process, ours)

    async def is_heard(self, within_seconds: float) -> bool:
        """Whether it says something in time."""
        try:
            async with asyncio.timeout(within_seconds):
                return await asyncio.get_running_loop().sock_recv(self._line, 64) != b""
        except (TimeoutError, OSError):
            return False

    async def stop(self, within_seconds: float) -> None:
        """Let it answer what it has begun, and end; without mercy where it takes too long."""
        self.wanted = False
        self._signal(signal.SIGTERM)
        if not (await asyncio.wait({self.ended}, timeout=within_seconds))[0]:
            self.kill()
            await self.ended

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Forget the line to it."""
        self._line.close()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


class Supervisor:
    """Keeps `processes` children of `command` at work on `listener`, which it closes at the end."""

    def __init__(
        self, command: Sequence[str], listener: socket.socket, *, processes: int, patience: Patience | None = None
    ) -> None:
        self._command, self._listener, self._processes = command, listener, processes
        self._patience = patience or Patience()
        self._children: set[Child] = set()
        self._serving: set[Child] = set()
        self._watchers: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._renew, self._stop = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; on SIGHUP replace the children one by one.

        Raises ChildFailed where one of the first children does not come to serve.
        """
        loop = asyncio.get_running_loop()
        meaning = {signal.SIGTERM: self._stop.set, signal.SIGINT: self._stop.set, signal.SIGHUP: self._renew.set}
        for number, handler in meaning.items():
            loop.add_signal_handler(number, handler)
        work, stop = asyncio.create_task(self._work()), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._listener.close()  # with the children's own, whoever comes now is refused instead of left waiting
            failure = await _cancelled(work, stop, *self._watchers)
            await asyncio.gather(*(child.stop(self._patience.stop) for child in self._children))
            for child in self._children:
                child.close()
            for number in meaning:
                loop.remove_signal_handler(number)
        if failure is not None:
            raise failure

    async def _work(self) -> None:
        first = await asyncio.gather(*(self._start() for _ in range(self._processes)))
        if not all(first):
            raise ChildFailed
        _log.info("serving", processes=self._processes)
        while True:
            await self._renew.wait()
            self._renew.clear()
            await self._replace_all()

    async def _start(self) -> Child | None:
        """A new child that serves; None where it did not come to."""
        try:
            child = await Child.start(self._command, self._listener)
        except OSError as error:
            _log.error("no process can be started", error=str(error))
            return None
        self._children.add(child)
        if await child.is_heard(self._patience.ready):
            self._serving.add(child)
            watcher = asyncio.create_task(self._watch(child))
            self._watchers.add(watcher)
            watcher.add_done_callback(self._watchers.discard)
            return child
        child.kill()
        await self._bury(child)
        _log.error("a serving process did not come to serve", pid=child.pid, code=child.ended.result())
        return None

    async def _watch(self, child: Child) -> None:
        """Replace a child that ends, or that hangs, and was not told to stop."""
        while await child.is_heard(self._patience.silence):
            pass
        if child.wanted:
            child.kill()
        await self._bury(child)
        if child.wanted:
            if time.monotonic() - child.began >= self._patience.healthy_after:
                self._failures = 0
            _log.warning("a serving process ended and is replaced", pid=child.pid, code=child.ended.result())
            await self._put_another()

    async def _put_another(self) -> None:
        """A child in the place of one that ended; the oftener they end at once, the later."""
        while True:
            await asyncio.sleep(self._pause())
            self._failures += 1
            if await self._start():
                return

    def _pause(self) -> float:
        patience = self._patience
        if self._failures == 0:
            return 0
        return min(patience.longest_pause, patience.first_pause * 2.0 ** min(self._failures - 1, 30))

    async def _bury(self, child: Child) -> None:
        await child.ended
        forget_process(child.pid)
        child.close()
        self._children.discard(child)
        self._serving.discard(child)

    async def _replace_all(self) -> None:
        """Put a new child beside each old one, and let the old one go when the new one serves."""
        for old in list(self._serving):
            if old in self._serving and not await self._replaced(old):
                _log.error("the restart is broken off: the processes that are left stay as they are")
                return

    async def _replaced(self, old: Child) -> bool:
        old.wanted = False  # from here on its watcher does not replace it as well
        new = await self._start()
        if new is not None:
            await old.stop(self._patience.stop)
            _log.info("a serving process was replaced", old=old.pid, new=new.pid)
            return True
        old.wanted = True
        if old not in self._serving:  # it ended meanwhile
            await self._put_another()
        return False


async def _cancelled(work: "asyncio.Task[None]", *others: "asyncio.Task[Any]") -> BaseException | None:
    """Cancel all of them and wait until they have ended; what `work` failed of, if it did."""
    for task in (work, *others):
        task.cancel()
    await asyncio.gather(work, *others, return_exceptions=True)
    return None if work.cancelled() else work.exception()


class Line:
    """The child's end of the line to its parent."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.settimeout(0)

    async def keep_talking(self) -> None:
        """Say that this process serves, and from then on that it is alive, until cancelled."""
        while True:
            with suppress(OSError):
                self._socket.send(b".")
            await asyncio.sleep(BEATS_EVERY_SECONDS)

    async def parent_is_gone(self) -> None:
        """Return once there is no parent any more."""
        with suppress(OSError):
            await asyncio.get_running_loop().sock_recv(self._socket, 1)

    def close(self) -> None:
        """Let the parent know that this process ends."""
        self._socket.close()
