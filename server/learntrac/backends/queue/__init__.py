"""The queue: the one place where background work lives.

A job is a row that is written in the caller's transaction, so a consequence is neither lost nor phantom. It runs at
least once: after a crash it may run twice, and a handler must do no harm then. A feature offers its tasks in `jobs.py`,
`main.all_tasks` collects them.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit import tracing

CONCURRENCY = 4
GRACE_SECONDS = 10.0
MOST_INTERRUPTIONS = 25
"""A job whose worker died so often is held to be what kills it, and fails."""
INTERRUPTED = "Its worker died while it ran."
FINISHED_KEPT_SECONDS = 86_400
FAILED_KEPT_SECONDS = 30 * 86_400

_FIRST_DELAY_SECONDS = 5.0
_LONGEST_DELAY_SECONDS = 3600.0
_LONGEST_ERROR = 2000
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

Handler = Callable[[dict[str, Any]], Awaitable[None]]
"""What a task does with a job's payload. It may be called twice with the same one; raising means to try again."""


class GiveUp(Exception):
    """Raised by a handler: trying again would not help, so the job fails for good."""


@dataclass(frozen=True)
class Task:
    """Something that can be done later: `name` is "feature.verb", at most 128 characters.

    `retries`: the delays in seconds before each further try, or how many tries more (after 5 s, 10 s, 20 s … at most
    an hour each). `every_seconds` makes it periodic: a job with an empty payload at each multiple of it since 1970 UTC,
    one for the whole cluster; a period is left out while the last one's job still waits.
    """

    name: str
    handler: Handler
    retries: int | tuple[float, ...] = 5
    every_seconds: int | None = None

    def delay_after(self, failures: int) -> float | None:
        """Seconds until the next try when `failures` tries failed before this one; None: it was the last."""
        if not isinstance(self.retries, int):
            return self.retries[failures] if failures < len(self.retries) else None
        if failures >= self.retries:
            return None
        return float(min(_FIRST_DELAY_SECONDS * 2 ** min(failures, 20), _LONGEST_DELAY_SECONDS))


class Tasks:
    """All tasks by name. A worker takes only jobs of these: what a newer version put waits for a newer worker."""

    def __init__(self, *tasks: Task) -> None:
        """Raises ValueError for a name that is there twice."""
        self._by_name = {task.name: task for task in tasks}
        if len(self._by_name) < len(tasks):
            raise ValueError("two tasks have the same name")

    def __getitem__(self, name: str) -> Task:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Task]:
        return iter(self._by_name.values())

    @property
    def names(self) -> list[str]:
        """Their names, sorted."""
        return sorted(self._by_name)


@dataclass(frozen=True)
class Job:
    """A job that was taken to be run; `failures`: how many tries of it failed before."""

    id: int
    task: str
    payload: dict[str, Any]
    failures: int


@dataclass(frozen=True)
class FailedJob:
    """A job that used up its tries, with its last error."""

    id: int
    task: str
    payload: dict[str, Any]
    error: str
    failed_at: datetime


@dataclass(frozen=True)
class Depth:
    """How much there is to do. `waiting` includes what is not due yet; `oldest_waiting_seconds` is how long the oldest
    job that is due has been so, 0 without one.
    """

    waiting: int
    running: int
    failed: int
    oldest_waiting_seconds: float


@dataclass
class Drained:
    """What became of the runs of one worker: done well, to be tried again, failed for good."""

    ran: int = 0
    retrying: int = 0
    failed: int = 0


class Queue(Protocol):
    """Jobs in LearnTrac's own database. Every method raises Unavailable while that is away, except `work`."""

    @property
    def name(self) -> Literal["embedded", "procrastinate"]:
        """Which twin this is."""
        ...

    async def put(
        self,
        session: AsyncSession,
        task: str,
        payload: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
        key: str | None = None,
    ) -> None:
        """Add a job in the caller's transaction: it exists once that is committed.

        `payload` is a JSON object; ValueError (TypeError for what is no JSON) where it cannot be kept. `at`: not
        before then. `key`: while a job with this key waits, another is not added; the one that waits then starts only
        after this transaction, so that it sees what was written here.
        """
        ...

    async def work(self, tasks: Tasks, *, concurrency: int = CONCURRENCY, grace_seconds: float = GRACE_SECONDS) -> None:
        """Run jobs until cancelled, periodic ones included; then finish what runs, for so long.

        Goes on by itself after the database was away.
        """
        ...

    async def drain(self, tasks: Tasks, *, concurrency: int = CONCURRENCY, periodic: bool = False) -> Drained:
        """Run what is due until nothing is left; with `periodic`, what this period asks for as well."""
        ...

    async def depth(self) -> Depth:
        """How much there is to do."""
        ...

    async def failed(self, *, limit: int = 100) -> list[FailedJob]:
        """Jobs that failed for good, latest first."""
        ...

    async def retry(self, job_id: int) -> bool:
        """Let a failed job run again, with all its tries; whether there was one."""
        ...

    async def forget_old(self) -> None:
        """Remove what was done a day ago, and what failed thirty days ago."""
        ...


TRACE = "_trace"
"""Where a payload carries the trace that it was put in, which its job goes on with; no handler sees it."""


def encoded(payload: Mapping[str, Any] | None) -> str:
    """A payload as JSON text that every database takes. Raises TypeError or ValueError."""
    traced = tracing.carrier()
    text = orjson.dumps(dict(payload or {}) | ({TRACE: traced} if traced else {})).decode()
    if _NUL.search(text):
        raise ValueError("a payload cannot hold the character NUL")
    return text


def told(error: BaseException) -> str:
    """An error as it is kept with a job."""
    name, message = type(error).__name__, str(error).replace("\0", "\ufffd")
    text = f"{name}: {message}" if message else name
    return text.encode("utf-8", "replace").decode()[:_LONGEST_ERROR]
