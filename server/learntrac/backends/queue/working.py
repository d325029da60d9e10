"""A worker: takes jobs, runs them side by side, and keeps what became of them. The same over either database."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from learntrac.backends.queue import CONCURRENCY, GRACE_SECONDS, TRACE, Drained, GiveUp, Job, Tasks, told
from learntrac.kit import tracing
from learntrac.kit.clock import Clock
from learntrac.kit.errors import Unavailable
from learntrac.kit.logs import LogContext, bind_job, bind_request, get_logger

POLL_SECONDS = 1.0
"""How often to look by ourselves: for what falls due, and where a wake-up got lost."""
AFTER_TROUBLE_SECONDS = 1.0
_LET_GO_WITHIN_SECONDS = 5.0

_log = get_logger("learntrac.jobs")


class Store(Protocol):
    """What one worker does with its database. A job stands in it as this worker's until one of the four ends."""

    woken: asyncio.Event

    async def ready(self) -> bool:
        """Show that this worker lives, and let jobs of dead ones wait again; False: another process works alone."""
        ...

    async def take(self) -> Job | None:
        """The next job that is due, now running."""
        ...

    async def finish(self, job: Job) -> None:
        """It is done."""
        ...

    async def try_again(self, job: Job, error: str, delay_seconds: float) -> None:
        """It failed, and waits for its next try."""
        ...

    async def give_up(self, job: Job, error: str) -> None:
        """It failed for good."""
        ...

    async def put_back(self, job: Job) -> None:
        """It was not finished, and waits as before."""
        ...

    async def begin_period(self, task: str, begun_at: int) -> None:
        """Add this task's job of the period that began then (seconds since 1970), once in the whole cluster."""
        ...

    async def is_idle(self) -> bool:
        """Whether nothing is due and nothing runs, in any process."""
        ...

    async def close(self) -> None:
        """This worker ends."""
        ...


class WorkedQueue(ABC):
    """What both queues share: working and draining."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @abstractmethod
    def _open_store(self, tasks: Tasks) -> Store: ...

    async def work(self, tasks: Tasks, *, concurrency: int = CONCURRENCY, grace_seconds: float = GRACE_SECONDS) -> None:
        """Run jobs until cancelled; then finish what runs, for at most `grace_seconds`."""
        await Worker(self._open_store(tasks), tasks, self._clock, concurrency).work(grace_seconds)

    async def drain(self, tasks: Tasks, *, concurrency: int = CONCURRENCY, periodic: bool = False) -> Drained:
        """Run what is due until nothing is left."""
        return await Worker(self._open_store(tasks), tasks, self._clock, concurrency).drain(periodic=periodic)


class Worker:
    """One run of `work` or `drain`."""

    def __init__(self, store: Store, tasks: Tasks, clock: Clock, concurrency: int) -> None:
        self._store, self._tasks, self._clock, self._concurrency = store, tasks, clock, concurrency
        self._running: set[asyncio.Task[None]] = set()
        self._periods: dict[str, int] = {}
        self._trouble: str | None = None
        self._outcome = Drained()

    async def work(self, grace_seconds: float) -> None:
        """Until cancelled, whatever the database does."""
        try:
            while True:
                self._store.woken.clear()
                await self._try_step()
                await self._pause()
        finally:
            await self._stop(grace_seconds)

    async def drain(self, *, periodic: bool) -> Drained:
        """Until nothing is due. Trouble with the database is raised."""
        try:
            while not await self._drained(periodic=periodic):
                if self._running:
                    await asyncio.wait(self._running, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(0.05)
        finally:
            await self._stop(GRACE_SECONDS)
        return self._outcome

    async def _drained(self, *, periodic: bool) -> bool:
        if not await self._step(periodic=periodic):
            return await self._store.is_idle()
        return not self._running

    async def _step(self, *, periodic: bool) -> bool:
        """Start as many jobs as there is room for; False where another process works alone."""
        if not await self._store.ready():
            return False
        if periodic:
            await self._begin_periods()
        while len(self._running) < self._concurrency and (job := await self._store.take()) is not None:
            running = asyncio.create_task(self._run(job), name=f"job {job.id}")
            self._running.add(running)
            running.add_done_callback(self._ended)
        return True

    def _ended(self, running: "asyncio.Task[None]") -> None:
        self._running.discard(running)
        self._store.woken.set()

    async def _begin_periods(self) -> None:
        now = self._clock().timestamp()
        for task in self._tasks:
            if task.every_seconds is None:
                continue
            begun_at = int(now // task.every_seconds * task.every_seconds)
            if self._periods.get(task.name) != begun_at:
                await self._store.begin_period(task.name, begun_at)
                self._periods[task.name] = begun_at

    async def _try_step(self) -> None:
        """A step; what goes wrong is logged once, until it goes well again."""
        try:
            await self._step(periodic=True)
        except Exception as error:  # noqa: BLE001 - the worker outlives whatever its database does
            if self._trouble is None:
                expected = isinstance(error, Unavailable | OSError)
                _log.warning("jobs have to wait", error=told(error), exc_info=None if expected else error)
            self._trouble = told(error)
        else:
            if self._trouble is not None:
                _log.info("jobs are run again")
            self._trouble = None

    async def _pause(self) -> None:
        if self._trouble is not None:
            await asyncio.sleep(AFTER_TROUBLE_SECONDS)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._store.woken.wait()

    async def _run(self, job: Job) -> None:
        bind_request(LogContext(f"job-{job.id}"))
        bind_job(job.id, job.task)
        begun = time.monotonic()
        try:
            payload = {name: value for name, value in job.payload.items() if name != TRACE}
            with tracing.job_span(job.task, job.payload.get(TRACE, {})):
                await self._tasks[job.task].handler(payload)
        except asyncio.CancelledError:
            _log.warning("job interrupted")
            await _kept(lambda: self._store.put_back(job))
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler meets is kept with the job
            await self._failed(job, error)
        else:
            self._outcome.ran += 1
            await _kept(lambda: self._store.finish(job))
            _log.info("job done", seconds=round(time.monotonic() - begun, 3))

    async def _failed(self, job: Job, error: Exception) -> None:
        delay = None if isinstance(error, GiveUp) else self._tasks[job.task].delay_after(job.failures)
        if delay is None:
            self._outcome.failed += 1
            _log.error("job failed for good", error=told(error), exc_info=error)
            await _kept(lambda: self._store.give_up(job, told(error)))
        else:
            self._outcome.retrying += 1
            _log.warning("job failed", error=told(error), next_try_in_seconds=delay, exc_info=error)
            await _kept(lambda: self._store.try_again(job, told(error), delay))

    async def _stop(self, grace_seconds: float) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        late = list(self._running)
        for running in late:
            running.cancel()
        if late:
            await asyncio.wait(late, timeout=_LET_GO_WITHIN_SECONDS)
        try:
            await self._store.close()
        except Exception as error:  # noqa: BLE001 - the others find out by themselves that this worker is gone
            _log.warning("the worker could not say that it ends", error=told(error))


async def _kept(write: Callable[[], Awaitable[None]]) -> None:
    """Write what became of a job, however long the database is away: nobody else takes a job of a worker that lives."""
    was_told = False
    while True:
        try:
            return await write()
        except Exception as error:  # noqa: BLE001 - given up, it would count as running for as long as this worker lives
            if not was_told and not isinstance(error, Unavailable):
                _log.error("what became of a job cannot be written yet", exc_info=error)
                was_told = True
            await asyncio.sleep(AFTER_TROUBLE_SECONDS)
