"""Queues for tests: an empty one over each real database, and what a test asks of it."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.backends.queue import Queue, Task, Tasks
from learntrac.backends.queue.embedded import EmbeddedQueue
from learntrac.backends.queue.procrastinate import ProcrastinateQueue
from learntrac.kit.db import Database
from learntrac.schema import migrate
from tests.conftest import Clock
from tests.environments import Postgres

TIMEOUT_SECONDS = 2
"""After which a worker of these tests counts as dead."""
_numbers = itertools.count(1)


@dataclass
class Place:
    """A database of a test's own, where each `queue()` is what another process would have."""

    url: str
    database: Database
    clock: Clock = field(default_factory=Clock)

    def queue(self, database: Database | None = None) -> Queue:
        chosen = database or self.database
        if chosen.is_sqlite:
            return EmbeddedQueue(chosen, clock=self.clock)
        return ProcrastinateQueue(chosen, clock=self.clock, worker_timeout_seconds=TIMEOUT_SECONDS)

    async def put(self, *tasks: str, **more: Any) -> None:
        """A job of each task, in one transaction."""
        async with self.database.begin() as session:
            for task in tasks:
                await self.queue().put(session, task, **more)

    async def rows(self, sql: str) -> list[Any]:
        async with self.database.read() as session:
            return [tuple(row) for row in await session.execute(text(sql))]


@dataclass
class Seen:
    """A handler that keeps what it was called with, and fails as long as it is told to."""

    payloads: list[dict[str, Any]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    seconds: float = 0.0
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, payload: dict[str, Any]) -> None:
        self.payloads.append(payload)
        self.called.set()
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.sleep(self.seconds)

    def tasks(self, name: str = "test.see", **more: Any) -> Tasks:
        return Tasks(Task(name, self, **more))


@asynccontextmanager
async def at_work(queue: Queue, tasks: Tasks, **more: Any) -> AsyncIterator["asyncio.Task[None]"]:
    """A worker for as long as the context lasts."""
    working = asyncio.create_task(queue.work(tasks, **more))
    try:
        yield working
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


@dataclass(frozen=True)
class Template:
    """An empty file or database with all tables, to be copied."""

    folder: Path
    postgres: Postgres | None
    name: str

    @property
    def url(self) -> str:
        return self._url(self.name)

    def _url(self, name: str) -> str:
        return f"sqlite:///{self.folder}/{name}.db" if self.postgres is None else self.postgres.url(name, "plain")

    def copied(self) -> str:
        """The URL of a copy."""
        name = f"{self.name}_{next(_numbers)}"
        if self.postgres is None:
            shutil.copy(self.folder / f"{self.name}.db", self.folder / f"{name}.db")
        else:
            self.postgres.create_database(name, template=self.name)
        return self._url(name)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def queue_template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Where an empty queue is copied from, on each database in turn."""
    postgres: Postgres | None = None
    name = f"queue_{next(_numbers)}"
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        postgres.create_database(name)
    template = Template(tmp_path_factory.mktemp("queue"), postgres, name)

    async def make() -> None:
        database = Database(template.url)
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return template


@pytest.fixture
async def place(queue_template: Template) -> AsyncIterator[Place]:
    """An empty queue of a test's own."""
    url = queue_template.copied()
    database = Database(url)
    yield Place(url, database)
    await database.close()
    if queue_template.postgres is not None:
        queue_template.postgres.drop_database(str(database.url.database))
