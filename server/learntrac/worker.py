"""Working off jobs: beside the API in one process, or in processes of their own (`learntrac worker`)."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, suppress

from learntrac.backends.queue import Drained
from learntrac.config import Settings
from learntrac.kit.http.server import served_beside
from learntrac.kit.logs import get_logger
from learntrac.main import Parts, all_tasks, opened, watched_site
from learntrac.trac.sync import Progress, stop

ProgressBar = Callable[[str], AbstractContextManager[Progress]]

_log = get_logger("learntrac.worker")


@asynccontextmanager
async def working(parts: Parts) -> AsyncIterator[None]:
    """Jobs run in this process until the end, if the settings want it; then what runs is finished."""
    if not parts.settings.run_jobs:
        yield
        return
    tasks = [asyncio.create_task(parts.queue.work(all_tasks(parts))), asyncio.create_task(parts.deliverer.run())]
    try:
        yield
    finally:
        for task in tasks:
            await stop(task)


async def work_until_told(
    settings: Settings, *, concurrency: int, progress_bar: ProgressBar, metrics_at: socket.socket | None = None
) -> None:
    """Run jobs until SIGINT or SIGTERM; then finish what runs, for at most ten seconds. Prometheus is answered at
    `metrics_at` meanwhile. Raises EnvironmentProblem.
    """
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(_opened(settings, progress_bar))
        if metrics_at is not None:
            await stack.enter_async_context(served_beside(watched_site(parts), metrics_at))
        tasks = all_tasks(parts)
        work = asyncio.create_task(parts.queue.work(tasks, concurrency=concurrency))
        for number in (signal.SIGINT, signal.SIGTERM):
            # A second signal must not end what the first one waits for.
            asyncio.get_running_loop().add_signal_handler(number, lambda: work.cancelling() or work.cancel())
        _log.info("the worker works", queue=parts.queue.name, concurrency=concurrency, tasks=tasks.names)
        deliver = asyncio.create_task(parts.deliverer.run())
        with suppress(asyncio.CancelledError):
            await work
        await stop(deliver)


async def drain_once(settings: Settings, *, concurrency: int, progress_bar: ProgressBar) -> Drained:
    """Run what is due until nothing is left. Raises EnvironmentProblem."""
    async with _opened(settings, progress_bar) as parts:
        drained = await parts.queue.drain(all_tasks(parts), concurrency=concurrency, periodic=True)
        await parts.deliverer.drain()
        return drained


@asynccontextmanager
async def _opened(settings: Settings, progress_bar: ProgressBar) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        with progress_bar("Reading Trac's tickets") as report:
            parts = await stack.enter_async_context(opened(settings, on_progress=report))
        yield parts
