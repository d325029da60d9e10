"""Many processes behind one socket: children come, die, hang, are replaced, and go."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from learntrac import supervisor
from learntrac.kit.http.doors import API
from learntrac.serving import run, serve_inherited
from learntrac.supervisor import ChildFailed, Line, Patience, Supervisor
from tests.conftest import make_settings

CHILD = """
import asyncio, os, signal, socket, sys
from pathlib import Path
from learntrac import supervisor

folder = Path(sys.argv[1])
listener, line = (int(number) for number in sys.argv[-1].removeprefix("--inherited=").split(","))
supervisor.BEATS_EVERY_SECONDS = 0.1

async def answer(reader, writer):
    writer.write(str(os.getpid()).encode())
    writer.close()

async def main():
    with (folder / "starts").open("a") as starts:
        print(os.getpid(), file=starts, flush=True)
    if (folder / "broken").exists():
        return
    stop, parent = asyncio.Event(), supervisor.Line(line)
    if not (folder / "stubborn").exists():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = await asyncio.start_server(answer, sock=socket.socket(fileno=listener))
    talking = asyncio.create_task(parent.keep_talking())
    gone = asyncio.create_task(parent.parent_is_gone())
    gone.add_done_callback(lambda _: stop.set())
    await stop.wait()
    server.close()

asyncio.run(main())
"""
"""Tells its process id to whoever connects, until it is told to stop or its parent is gone."""

QUICK = Patience(ready=20, silence=1, stop=1, first_pause=0.05, longest_pause=0.2, healthy_after=30)


@dataclass
class Family:
    """A supervisor of this process, and what its children do."""

    folder: Path
    port: int
    task: "asyncio.Task[None]" = field(init=False)

    async def ask(self) -> int:
        """The process id of whoever answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return int(await reader.read())
        finally:
            writer.close()

    async def seen(self, *, times: int = 60) -> set[int]:
        """Who answers, asked so often."""
        return {await self.ask() for _ in range(times)}

    def starts(self) -> list[int]:
        """Every child that was started, in turn."""
        file = self.folder / "starts"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    async def until(self, count: int) -> list[int]:
        """The children, once so many were started and the last of them serves."""
        async with asyncio.timeout(20):
            while len(self.starts()) < count:
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.02)
        return self.starts()

    async def until_only(self, *pids: int) -> None:
        """Wait until only these are alive of all that were started."""
        async with asyncio.timeout(20):
            while {pid for pid in self.starts() if is_alive(pid)} != set(pids):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def until_answered_by(self, pid: int) -> None:
        async with asyncio.timeout(20):
            while await self.ask() != pid:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@asynccontextmanager
async def family(folder: Path, *, processes: int = 1, patience: Patience = QUICK) -> AsyncIterator[Family]:
    listener = socket.create_server(("127.0.0.1", 0))
    command = [sys.executable, "-c", CHILD, str(folder)]
    running = Family(folder, listener.getsockname()[1])
    running.task = asyncio.create_task(Supervisor(command, listener, processes=processes, patience=patience).run())
    try:
        yield running
    finally:
        if not running.task.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await running.task
        assert [pid for pid in running.starts() if is_alive(pid)] == []


async def test_all_serve_at_one_socket_until_a_signal_comes(tmp_path: Path) -> None:
    async with family(tmp_path, processes=2) as running:
        first, second = await running.until(2)
        await running.until_answered_by(first)
        await running.until_answered_by(second)
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(30):
            await running.task

        with pytest.raises(ConnectionError):
            await running.ask()


async def test_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    async with family(tmp_path, processes=2) as running:
        first, second = await running.until(2)
        await running.until_answered_by(first)
        os.kill(first, signal.SIGKILL)
        third = (await running.until(3))[2]
        await running.until_answered_by(third)

        await running.until_only(second, third)


async def test_one_that_hangs_is_replaced(tmp_path: Path) -> None:
    async with family(tmp_path) as running:
        (first,) = await running.until(1)
        await running.until_answered_by(first)
        os.kill(first, signal.SIGSTOP)
        second = (await running.until(2))[1]

        await running.until_only(second)


async def test_those_that_end_at_once_are_started_again_ever_later(tmp_path: Path) -> None:
    async with family(tmp_path) as running:
        (first,) = await running.until(1)
        await running.until_answered_by(first)
        (tmp_path / "broken").touch()
        os.kill(first, signal.SIGKILL)
        await running.until(5)
        (tmp_path / "broken").unlink()
        count = len(running.starts())
        last = (await running.until(count + 1))[-1]

        await running.until_answered_by(last)
        await running.until_only(last)


@pytest.mark.parametrize(("failures", "pause"), [(0, 0), (1, 0.5), (2, 1), (3, 2), (7, 30), (5000, 30)])
def test_the_pause_grows_to_half_a_minute(failures: int, pause: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        keeper = Supervisor(["true"], listener, processes=1)
        keeper._failures = failures

        assert keeper._pause() == pause


async def test_where_the_first_do_not_come_to_serve_it_gives_up(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    async with family(tmp_path, processes=2) as running:
        with pytest.raises(ChildFailed, match="ended before it was ready"):
            await running.task


async def test_a_command_that_is_not_there_is_no_child(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ChildFailed):
        await Supervisor([str(tmp_path / "missing")], listener, processes=1).run()


async def test_one_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    async with family(tmp_path, patience=Patience(ready=0.01, stop=1)) as running:
        with pytest.raises(ChildFailed):
            await running.task


async def test_sighup_replaces_all_and_nobody_is_refused_meanwhile(tmp_path: Path) -> None:
    async with family(tmp_path, processes=2) as running:
        old = await running.until(2)
        for pid in old:
            await running.until_answered_by(pid)
        os.kill(os.getpid(), signal.SIGHUP)
        asked = asyncio.create_task(running.seen(times=1000))
        new = (await running.until(4))[2:]
        for pid in new:
            await running.until_answered_by(pid)
        await running.until_only(*new)
        await asked

        assert await running.seen() <= set(new)


async def test_a_restart_that_does_not_come_to_serve_leaves_the_old_ones(tmp_path: Path) -> None:
    async with family(tmp_path, processes=2) as running:
        old = await running.until(2)
        for pid in old:
            await running.until_answered_by(pid)
        (tmp_path / "broken").touch()
        os.kill(os.getpid(), signal.SIGHUP)
        await running.until(3)
        await running.until_only(*old)
        (tmp_path / "broken").unlink()
        # And what dies afterwards is replaced as before.
        os.kill(old[0], signal.SIGKILL)
        await running.until_only(old[1], (await running.until(4))[3])


async def test_one_that_dies_while_its_successor_fails_is_replaced_all_the_same(tmp_path: Path) -> None:
    async with family(tmp_path) as running:
        (old,) = await running.until(1)
        await running.until_answered_by(old)
        (tmp_path / "broken").touch()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        os.kill(old, signal.SIGKILL)
        await running.until(3)
        (tmp_path / "broken").unlink()
        last = (await running.until(len(running.starts()) + 1))[-1]

        await running.until_answered_by(last)
        await running.until_only(last)


async def test_one_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stubborn").touch()
    async with family(tmp_path) as running:
        (only,) = await running.until(1)
        await running.until_answered_by(only)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(30):
            await running.task

        assert not is_alive(only)


async def test_the_line_tells_each_that_the_other_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BEATS_EVERY_SECONDS", 0.01)
    ours, theirs = socket.socketpair()
    line = Line(theirs.detach())
    talking = asyncio.create_task(line.keep_talking())
    gone = asyncio.create_task(line.parent_is_gone())
    await asyncio.sleep(0.1)
    assert len(ours.recv(64)) > 1
    assert not gone.done()

    ours.close()
    async with asyncio.timeout(2):
        await gone
    await asyncio.sleep(0.03)
    assert not talking.done(), "that nobody listens does not end it"
    talking.cancel()
    line.close()


def test_one_of_many_says_that_it_serves_and_stops_when_its_parent_is_gone(
    sqlite_template: Path, tmp_path: Path
) -> None:
    settings = make_settings(sqlite_template, database_url=f"sqlite:///{tmp_path}/own.db")
    listener, (ours, theirs) = socket.create_server(("127.0.0.1", 0)), socket.socketpair()
    for inherited in (listener, theirs):
        inherited.set_inheritable(True)
    ours.settimeout(20)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def visit_and_leave() -> int:
        with ours:
            assert ours.recv(1) == b"."
            # What it starts itself would keep the socket open, and people waiting at it, after it has ended.
            assert not any(os.get_inheritable(inherited) for inherited in descriptors)
            return httpx.get(f"{address}{API}/health").status_code

    descriptors = listener.detach(), theirs.detach()
    with ThreadPoolExecutor(1) as pool:
        visited = pool.submit(visit_and_leave)
        run(serve_inherited(settings, "{},{}".format(*descriptors)))
        assert visited.result() == 200
