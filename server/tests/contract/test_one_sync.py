"""Of several processes over one database one follows Trac; when it dies, another does."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import httpx

from learntrac.kit.http.doors import API
from tests.concepts.trac_edits import by_sql
from tests.conftest import SECRET, TracCopy, eventually, serving
from tests.contract.processes import a_process, kill
from tests.environments import find_free_port


async def rename(trac: TracCopy, title: str) -> None:
    await by_sql(trac, ("UPDATE ticket SET summary = ?, changetime = changetime + 1 WHERE id = 1", title))


async def test_another_follows_trac_when_the_one_is_killed(trac_copy: TracCopy) -> None:
    ports = [find_free_port(), find_free_port()]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=5))

        async def answers(port: int) -> bool:
            try:
                return (await client.get(f"http://127.0.0.1:{port}{API}/health")).status_code == 200
            except httpx.TransportError:
                return False

        async def title(port: int) -> str:
            listed = (await client.get(f"http://127.0.0.1:{port}{API}/concepts")).json()["concepts"]
            return next(str(concept["title"]) for concept in listed if concept["id"] == 1)

        async def shows(port: int, wanted: str) -> bool:
            return await title(port) == wanted

        async def start(port: int) -> int:
            options = ("serve", "--trac-env", trac_copy.folder, "--port", str(port))
            process = stack.enter_context(a_process(*options, LEARNTRAC_SECRET_KEY=SECRET))
            stack.callback(kill, process)
            await eventually(lambda: answers(port), within_seconds=30)
            return process.pid

        holder, _ = [await start(port) for port in ports]
        await rename(trac_copy, "By the first")
        await eventually(lambda: shows(ports[1], "By the first"))

        # One that is held up keeps the lease, and nobody writes beside it.
        await hold_up(holder, lambda: rename(trac_copy, "By the second"))
        await asyncio.sleep(1.5)
        assert await title(ports[1]) == "By the first"
        os.kill(holder, signal.SIGKILL)
        await eventually(lambda: shows(ports[1], "By the second"))


async def hold_up(process: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Stop a process and do something. Where it was stopped amid a read of SQLite, which keeps writers out for as long
    as it lasts, let it go on for a moment.
    """
    while True:
        os.kill(process, signal.SIGSTOP)
        try:
            await meanwhile()
        except sqlite3.OperationalError:
            os.kill(process, signal.SIGCONT)
            await asyncio.sleep(0.05)
        else:
            return


async def test_who_does_not_follow_says_what_the_other_did(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as first, serving(trac_copy) as second:

        async def is_told() -> bool:
            return second.parts.sync.synced_at > 0

        async def trac_is(state: str) -> bool:
            return bool((await second.anybody.get("/status"))["services"]["trac"] == state)

        await eventually(is_told)
        assert await trac_is("healthy")
        assert await first.parts.sync._is_ours()
        second.clock.forward(seconds=60)
        await eventually(lambda: trac_is("degraded"))
        second.clock.forward(seconds=-60)
        await eventually(lambda: trac_is("healthy"))


async def test_a_second_process_waits_for_the_first_catalog(trac_copy: TracCopy) -> None:
    async with AsyncExitStack() as stack:
        both = await asyncio.gather(*(stack.enter_async_context(serving(trac_copy)) for _ in range(2)))
        for api in both:
            assert (await api.anybody.get("/concepts"))["total"] == 6
            assert api.parts.sync.last_error is None
