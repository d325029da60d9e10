"""The queue on PostgreSQL: jobs are rows of procrastinate, in its tables and by its SQL functions, for any number of
workers.

Why procrastinate's own worker does not run them: docs/decisions/0010-the-queue.md.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal

import asyncpg
import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError
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
from learntrac.kit.errors import Unavailable

_CHANNEL = "procrastinate_any_queue_v1"
_BEATS = 4
"""How often a worker shows that it lives, in the time after which it counts as dead."""
_WITHIN_SECONDS = 5

# A queue for each task: a worker can then ask for the tasks it knows.
_JOB = (
    "CAST(ROW(:task, :task, 0, NULL, CAST(:key AS text), CAST(:payload AS jsonb), CAST(:at AS timestamptz))"
    " AS procrastinate_job_to_defer_v1)"
)
_PUT = text(f"SELECT procrastinate_defer_jobs_v1(ARRAY[{_JOB}])")
_WAITING = "status = 'todo'"  # its own word in the database: a job that no worker has taken; nothing here is unfinished
# Whoever takes a job passes over one that is locked: it starts once the caller's transaction is over, and sees it.
_WAITS = text(f"SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :key AND {_WAITING} FOR SHARE")  # noqa: S608 - our own text
_KEY_IF_FREE = (
    "CASE WHEN EXISTS (SELECT 1 FROM procrastinate_jobs AS other WHERE other.queueing_lock = job.queueing_lock"  # noqa: S608 - our own text
    f" AND other.{_WAITING}) THEN NULL ELSE job.queueing_lock END"
)
_TAKE = text(
    "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker WHERE id = ("  # noqa: S608 - our own text
    f" SELECT id FROM procrastinate_jobs WHERE {_WAITING} AND queue_name = ANY(CAST(:names AS varchar[]))"
    " AND (scheduled_at IS NULL OR scheduled_at <= :now) ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING id, task_name, CAST(args AS text) AS payload, attempts"
)
_OURS = "id = :id AND status = 'doing' AND worker_id IS NOT DISTINCT FROM CAST(:worker AS bigint)"
_FINISH = text(
    "SELECT procrastinate_finish_job_v1(id, 'succeeded', false) FROM procrastinate_jobs"  # noqa: S608 - our own text
    f" WHERE id = :id AND ({_WAITING} OR status = 'doing')"
)
_FAIL = text(f"SELECT procrastinate_finish_job_v1(id, 'failed', false) FROM procrastinate_jobs WHERE {_OURS}")  # noqa: S608 - our own text
_WAIT_AGAIN = text(
    f"UPDATE procrastinate_jobs AS job SET {_WAITING}, worker_id = NULL, attempts = attempts + :failures,"  # noqa: S608 - our own text
    f" scheduled_at = COALESCE(CAST(:at AS timestamptz), scheduled_at), queueing_lock = {_KEY_IF_FREE}"
    f" WHERE {_OURS} RETURNING id"
)
_RETRY = text(
    f"UPDATE procrastinate_jobs AS job SET {_WAITING}, worker_id = NULL, attempts = 0, scheduled_at = NULL,"  # noqa: S608 - our own text
    f" queueing_lock = {_KEY_IF_FREE} WHERE id = :id AND status = 'failed' RETURNING id"
)
_NOTE = text(
    "INSERT INTO queue_note (job_id, error, interruptions, noted_at) VALUES (:id, :error, :died, :now)"
    " ON CONFLICT (job_id) DO UPDATE SET error = excluded.error, noted_at = excluded.noted_at,"
    " interruptions = queue_note.interruptions + excluded.interruptions RETURNING interruptions"
)
_FORGIVE = text("UPDATE queue_note SET interruptions = 0 WHERE job_id = :id")
_REGISTER = text("SELECT worker_id FROM procrastinate_register_worker_v1()")
_BEAT = text("SELECT procrastinate_update_heartbeat_v1(id) FROM procrastinate_workers WHERE id = :worker")
_UNREGISTER = text("SELECT procrastinate_unregister_worker_v1(:worker)")
_LOST = text(
    "SELECT job.id, job.worker_id FROM procrastinate_jobs AS job"
    " LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id WHERE job.status = 'doing'"
    " AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :timeout)) ORDER BY job.id"
)
_PRUNE = text("SELECT worker_id FROM procrastinate_prune_stalled_workers_v1(:timeout)")
_BEGIN_PERIOD = text(
    "SELECT procrastinate_defer_periodic_job_v2("  # noqa: S608 - our own text
    ":task, NULL, CAST(:key AS varchar), :task, 0, '', CAST(:begun_at AS bigint), '{}')"
    " WHERE NOT EXISTS (SELECT 1 FROM procrastinate_periodic_defers"
    " WHERE task_name = :task AND defer_timestamp >= :begun_at)"
    f" AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :key AND {_WAITING})"
)
_DEPTH = (
    f"SELECT (SELECT count(*) FROM procrastinate_jobs WHERE {_WAITING}),"  # noqa: S608 - our own text
    " (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'),"
    " (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'),"
    f" LEAST((SELECT min(scheduled_at) FROM procrastinate_jobs WHERE {_WAITING} AND scheduled_at <= $1),"
    " (SELECT min(at) FROM procrastinate_events WHERE type = 'deferred' AND job_id ="
    f" (SELECT id FROM procrastinate_jobs WHERE {_WAITING} AND scheduled_at IS NULL"
    " ORDER BY priority DESC, id LIMIT 1)))"
)
_FAILED = (
    "SELECT job.id, job.task_name, CAST(job.args AS text), COALESCE(note.error, ''), COALESCE(note.noted_at, 0)"
    " FROM procrastinate_jobs AS job LEFT JOIN queue_note AS note ON note.job_id = job.id"
    " WHERE job.status = 'failed' ORDER BY note.noted_at DESC NULLS LAST LIMIT $1"
)
_FORGET = (
    text(
        "DELETE FROM procrastinate_jobs WHERE status IN ('succeeded', 'cancelled', 'aborted') AND id IN"
        " (SELECT job_id FROM procrastinate_events GROUP BY job_id HAVING max(at) < :done_before)"
    ),
    text(
        "DELETE FROM procrastinate_jobs WHERE status = 'failed' AND id IN"
        " (SELECT job_id FROM procrastinate_events GROUP BY job_id HAVING max(at) < :failed_before)"
    ),
    text("DELETE FROM queue_note WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE id = job_id)"),
)


class ProcrastinateQueue(WorkedQueue):
    """Jobs in PostgreSQL. The database wakes workers; one that was silent for `worker_timeout_seconds` is dead."""

    name: Literal["procrastinate"] = "procrastinate"

    def __init__(self, database: Database, *, clock: Clock, worker_timeout_seconds: float) -> None:
        super().__init__(clock)
        self._database, self._timeout = database, worker_timeout_seconds

    async def put(
        self,
        session: AsyncSession,
        task: str,
        payload: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
        key: str | None = None,
    ) -> None:
        values = {"task": task, "payload": encoded(payload), "key": key, "at": at}
        if key is None:
            await session.execute(_PUT, values)
            return
        while (await session.execute(_WAITS, {"key": key})).first() is None:
            # Another may add it in this moment: then its error must not be the end of the caller's transaction.
            with suppress(IntegrityError):
                async with session.begin_nested():
                    await session.execute(_PUT, values)
                return

    def _open_store(self, tasks: Tasks) -> "ProcrastinateStore":
        return ProcrastinateStore(self._database, self._clock, tasks, self._timeout)

    async def depth(self) -> Depth:
        now = self._clock()
        waiting, running, failed, oldest = (await self._database.hot.rows(_DEPTH, now))[0]
        return Depth(waiting, running, failed, 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()))

    async def failed(self, *, limit: int = 100) -> list[FailedJob]:
        return [
            FailedJob(number, task, orjson.loads(payload), error, from_micros(noted_at))
            for number, task, payload, error, noted_at in await self._database.hot.rows(_FAILED, limit)
        ]

    async def retry(self, job_id: int) -> bool:
        async with self._database.begin() as session:
            found = await _insist(session, _RETRY, {"id": job_id})
            await session.execute(_FORGIVE, {"id": job_id})
            return found

    async def forget_old(self) -> None:
        now = self._clock()
        before = {
            "done_before": now - timedelta(seconds=FINISHED_KEPT_SECONDS),
            "failed_before": now - timedelta(seconds=FAILED_KEPT_SECONDS),
        }
        async with self._database.begin() as session:
            for statement in _FORGET:
                await session.execute(statement, before)


async def _insist(session: AsyncSession, statement: TextClause, values: dict[str, Any]) -> bool:
    """Let a job wait again, without its key where another took that in this moment; whether there was the job."""
    while True:
        with suppress(IntegrityError):
            async with session.begin_nested():
                return (await session.execute(statement, values)).first() is not None


class ProcrastinateStore:
    """What one worker does with the database."""

    def __init__(self, database: Database, clock: Clock, tasks: Tasks, timeout_seconds: float) -> None:
        self._database, self._clock, self._timeout = database, clock, timeout_seconds
        self._names = tasks.names
        self._url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._listener: asyncpg.Connection[asyncpg.Record] | None = None
        self._worker: int | None = None
        self._next_beat = self._next_recovery = 0.0
        self.woken = asyncio.Event()

    async def ready(self) -> bool:
        now = time.monotonic()
        if now < self._next_beat:
            return True
        try:
            await self._listen()
            await self._beat()
        except Exception:
            # The database is away, for all of us: the others must be able to show first that they live.
            self._next_recovery = now + self._timeout
            raise
        if now >= self._next_recovery:
            await self._recover()
        self._next_beat = now + self._timeout / _BEATS
        return True

    async def _listen(self) -> None:
        if self._listener is None or self._listener.is_closed():
            try:
                self._listener = await asyncpg.connect(self._url, timeout=_WITHIN_SECONDS)
                await self._listener.add_listener(_CHANNEL, self._wake)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise Unavailable("The database does not answer.", retry_after_seconds=2) from error

    def _wake(self, *_: object) -> None:
        self.woken.set()

    async def _beat(self) -> None:
        async with self._database.begin() as session:
            known = await session.execute(_BEAT, {"worker": self._worker})
            if known.first() is None:
                self._worker = (await session.execute(_REGISTER)).scalar_one()

    async def _recover(self) -> None:
        async with self._database.begin() as session:
            lost = list(await session.execute(_LOST, {"timeout": self._timeout}))
        for job in lost:
            await self._bring_back(job.id, job.worker_id)
        async with self._database.begin() as session:
            await session.execute(_PRUNE, {"timeout": self._timeout})

    async def _bring_back(self, job_id: int, worker_id: int | None) -> None:
        ours = {"id": job_id, "worker": worker_id}
        note = {"id": job_id, "error": INTERRUPTED, "died": 1, "now": to_micros(self._clock())}
        async with self._database.begin() as session:
            deaths = (await session.execute(_NOTE, note)).scalar_one()
            if deaths > MOST_INTERRUPTIONS:
                await session.execute(_FAIL, ours)
            else:
                await _insist(session, _WAIT_AGAIN, ours | {"failures": 0, "at": None})

    async def take(self) -> Job | None:
        values = {"worker": self._worker, "names": self._names, "now": self._clock()}
        async with self._database.begin() as session:
            row = (await session.execute(_TAKE, values)).one_or_none()
        return None if row is None else Job(row.id, row.task_name, orjson.loads(row.payload), row.attempts)

    async def finish(self, job: Job) -> None:
        async with self._database.begin() as session:
            await session.execute(_FINISH, {"id": job.id})

    async def try_again(self, job: Job, error: str, delay_seconds: float) -> None:
        at = self._clock() + timedelta(seconds=delay_seconds)
        async with self._database.begin() as session:
            await session.execute(_NOTE, self._note(job, error))
            await _insist(session, _WAIT_AGAIN, self._ours(job) | {"failures": 1, "at": at})

    async def give_up(self, job: Job, error: str) -> None:
        async with self._database.begin() as session:
            await session.execute(_NOTE, self._note(job, error))
            await session.execute(_FAIL, self._ours(job))

    async def put_back(self, job: Job) -> None:
        async with self._database.begin() as session:
            await _insist(session, _WAIT_AGAIN, self._ours(job) | {"failures": 0, "at": None})

    def _note(self, job: Job, error: str) -> dict[str, Any]:
        return {"id": job.id, "error": error, "died": 0, "now": to_micros(self._clock())}

    def _ours(self, job: Job) -> dict[str, Any]:
        return {"id": job.id, "worker": self._worker}

    async def begin_period(self, task: str, begun_at: int) -> None:
        # Two that add it at once: the other one's job is as good.
        with suppress(IntegrityError):
            async with self._database.begin() as session:
                await session.execute(_BEGIN_PERIOD, {"task": task, "begun_at": begun_at, "key": f"every:{task}"})

    async def is_idle(self) -> bool:
        return True

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.terminate()
        if self._worker is not None:
            async with self._database.begin() as session:
                await session.execute(_UNREGISTER, {"worker": self._worker})
