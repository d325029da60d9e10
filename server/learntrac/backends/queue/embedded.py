"""The queue's embedded twin: jobs are rows in LearnTrac's own SQLite, and one process at a time works them.

Whoever works holds a lease. So a job that stands as running when somebody gets the lease has lost its worker, and waits
again at once.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import TextClause, event, text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.queue import (
    FAILED_KEPT_SECONDS,
    FINISHED_KEPT_SECONDS,
    INTERRUPTED,
    MOST_INTERRUPTIONS,
    Depth,
    FailedJob,
    Job,
    Tasks,
    encoded,
)
from learntrac.backends.queue.working import WorkedQueue
from learntrac.kit.clock import Clock, from_micros, to_micros
from learntrac.kit.db import Database
from learntrac.kit.leases import make_lease

_SECOND = 1_000_000
_KEY_IF_FREE = (
    "CASE WHEN EXISTS (SELECT 1 FROM queue_job AS other WHERE other.key = queue_job.key AND other.status = 'waiting')"
    " THEN NULL ELSE key END"
)
_PUT = text(
    "INSERT INTO queue_job (task, payload, key, status, due_at, failures, interruptions)"
    " VALUES (:task, :payload, :key, 'waiting', :due_at, 0, 0) ON CONFLICT (key) WHERE status = 'waiting' DO NOTHING"
)
_IS_DUE = (
    "SELECT 1 FROM queue_job WHERE status = 'waiting' AND due_at <= $1"
    " AND task IN (SELECT value FROM json_each($2)) LIMIT 1"
)
_TAKE = text(
    "UPDATE queue_job SET status = 'running' WHERE id = (SELECT id FROM queue_job WHERE status = 'waiting'"
    " AND due_at <= :now AND task IN (SELECT value FROM json_each(:names)) ORDER BY due_at, id LIMIT 1)"
    " RETURNING id, task, payload, failures"
)
_IS_BUSY = f"SELECT 1 FROM queue_job WHERE status = 'running' OR EXISTS ({_IS_DUE}) LIMIT 1"  # noqa: S608 - our own text
_END = text("UPDATE queue_job SET status = :status, error = :error, ended_at = :now WHERE id = :id")
_TRY_AGAIN = text(
    "UPDATE queue_job SET status = 'waiting', failures = failures + 1, error = :error, due_at = :due_at,"  # noqa: S608 - our own text
    f" key = {_KEY_IF_FREE} WHERE id = :id"
)
_PUT_BACK = text(f"UPDATE queue_job SET status = 'waiting', key = {_KEY_IF_FREE} WHERE id = :id")  # noqa: S608 - our own text
_LOST = text("SELECT id, interruptions FROM queue_job WHERE status = 'running' ORDER BY id")
_INTERRUPTED = text("UPDATE queue_job SET interruptions = interruptions + 1 WHERE id = :id")
_BEGIN_PERIOD = text(
    "INSERT INTO queue_period (task, begun_at) VALUES (:task, :begun_at)"
    " ON CONFLICT (task) DO UPDATE SET begun_at = excluded.begun_at WHERE excluded.begun_at > queue_period.begun_at"
    " RETURNING task"
)
_DEPTH = (
    "SELECT count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'running'),"
    " count(*) FILTER (WHERE status = 'failed'),"
    " min(due_at) FILTER (WHERE status = 'waiting' AND due_at <= $1) FROM queue_job WHERE status <> 'done'"
)
_FAILED = (
    "SELECT id, task, payload, error, ended_at FROM queue_job WHERE status = 'failed' ORDER BY ended_at DESC LIMIT $1"
)
_RETRY = text(
    "UPDATE queue_job SET status = 'waiting', failures = 0, interruptions = 0, due_at = :now,"  # noqa: S608 - our own text
    f" key = {_KEY_IF_FREE} WHERE id = :id AND status = 'failed' RETURNING id"
)
_FORGET = text(
    "DELETE FROM queue_job WHERE (status = 'done' AND ended_at < :done_before)"
    " OR (status = 'failed' AND ended_at < :failed_before)"
)


class EmbeddedQueue(WorkedQueue):
    """Jobs in an SQLite file. A job that this process puts is taken at once, another's within a second."""

    name: Literal["embedded"] = "embedded"

    def __init__(self, database: Database, *, clock: Clock) -> None:
        super().__init__(clock)
        self._database = database
        self._workers: set[asyncio.Event] = set()

    async def put(
        self,
        session: AsyncSession,
        task: str,
        payload: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
        key: str | None = None,
    ) -> None:
        values = {"task": task, "payload": encoded(payload), "key": key, "due_at": to_micros(at or self._clock())}
        await session.execute(_PUT, values)
        event.listen(session.sync_session, "after_commit", self._wake, once=True)

    def _wake(self, _session: object) -> None:
        for woken in self._workers:
            woken.set()

    def _open_store(self, tasks: Tasks) -> "EmbeddedStore":
        return EmbeddedStore(self._database, self._clock, tasks, self._workers)

    async def depth(self) -> Depth:
        now = to_micros(self._clock())
        waiting, running, failed, oldest = (await self._database.hot.slow_rows(_DEPTH, now))[0]
        return Depth(waiting, running, failed, 0.0 if oldest is None else (now - oldest) / _SECOND)

    async def failed(self, *, limit: int = 100) -> list[FailedJob]:
        return [
            FailedJob(number, task, orjson.loads(payload), error, from_micros(ended_at))
            for number, task, payload, error, ended_at in await self._database.hot.slow_rows(_FAILED, limit)
        ]

    async def retry(self, job_id: int) -> bool:
        async with self._database.begin() as session:
            found = await session.execute(_RETRY, {"id": job_id, "now": to_micros(self._clock())})
            event.listen(session.sync_session, "after_commit", self._wake, once=True)
            return found.first() is not None

    async def forget_old(self) -> None:
        now = to_micros(self._clock())
        before = {
            "done_before": now - FINISHED_KEPT_SECONDS * _SECOND,
            "failed_before": now - FAILED_KEPT_SECONDS * _SECOND,
        }
        async with self._database.begin() as session:
            await session.execute(_FORGET, before)


class EmbeddedStore:
    """What one worker does with the file."""

    def __init__(self, database: Database, clock: Clock, tasks: Tasks, workers: set[asyncio.Event]) -> None:
        self._database, self._clock, self._workers = database, clock, workers
        self._names = orjson.dumps(tasks.names).decode()
        self._lease = make_lease(database, "jobs")
        self._is_alone = False
        self.woken = asyncio.Event()
        workers.add(self.woken)

    async def ready(self) -> bool:
        if not await self._lease.holds():
            self._is_alone = False
        elif not self._is_alone:
            await self._recover()
            self._is_alone = True
        return self._is_alone

    async def _recover(self) -> None:
        async with self._database.begin() as session:
            for job in list(await session.execute(_LOST)):
                await session.execute(_INTERRUPTED, {"id": job.id})
                if job.interruptions < MOST_INTERRUPTIONS:
                    await session.execute(_PUT_BACK, {"id": job.id})
                else:
                    await session.execute(_END, self._ending(job.id, "failed", INTERRUPTED))

    def _ending(self, job_id: int, status: str, error: str | None) -> dict[str, Any]:
        return {"id": job_id, "status": status, "error": error, "now": to_micros(self._clock())}

    async def take(self) -> Job | None:
        now = to_micros(self._clock())
        # Reading costs nothing; to write, even nothing, is to wait in the line of those who write.
        if not await self._database.hot.rows(_IS_DUE, now, self._names):
            return None
        async with self._database.begin() as session:
            row = (await session.execute(_TAKE, {"now": now, "names": self._names})).one_or_none()
        return None if row is None else Job(row.id, row.task, orjson.loads(row.payload), row.failures)

    async def finish(self, job: Job) -> None:
        await self._write(_END, self._ending(job.id, "done", None))

    async def try_again(self, job: Job, error: str, delay_seconds: float) -> None:
        due_at = to_micros(self._clock()) + int(delay_seconds * _SECOND)
        await self._write(_TRY_AGAIN, {"id": job.id, "error": error, "due_at": due_at})

    async def give_up(self, job: Job, error: str) -> None:
        await self._write(_END, self._ending(job.id, "failed", error))

    async def put_back(self, job: Job) -> None:
        await self._write(_PUT_BACK, {"id": job.id})

    async def _write(self, statement: TextClause, values: dict[str, Any]) -> None:
        async with self._database.begin() as session:
            await session.execute(statement, values)

    async def begin_period(self, task: str, begun_at: int) -> None:
        async with self._database.begin() as session:
            if (await session.execute(_BEGIN_PERIOD, {"task": task, "begun_at": begun_at})).first() is not None:
                values = {"task": task, "payload": "{}", "key": f"every:{task}", "due_at": to_micros(self._clock())}
                await session.execute(_PUT, values)

    async def is_idle(self) -> bool:
        now = to_micros(self._clock())
        return not await self._database.hot.rows(_IS_BUSY, now, self._names)

    async def close(self) -> None:
        self._workers.discard(self.woken)
        await self._lease.release()
