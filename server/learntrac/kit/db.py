"""The database: short transactions for verbs, and written SQL for the reads that everybody waits for.

One code for SQLite and PostgreSQL. Times are microseconds in a BIGINT and JSON is text in both, so that one
statement gives one answer on either (docs/decisions/0004-portable-columns.md).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, BigInteger, Integer, event, make_url, text
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from learntrac.kit import sqlite
from learntrac.kit.away import unavailable_when_gone
from learntrac.kit.readers import PostgresReader, SqliteReader, WideReader
from learntrac.kit.written import WrittenSession

SCHEMA = "learntrac"
"""LearnTrac's own schema where it shares a PostgreSQL database with Trac."""

STATEMENTS_KEPT = 300
"""Each connection to PostgreSQL keeps so many prepared: there are more than the driver's hundred."""

LONGEST_PAUSE_SECONDS = 0.1
"""SQLite's own wait looks that often whether the lock is free."""

ENDS_WITHIN_SECONDS = 5.0
"""So long is a thread of SQLite's waited for at the end; it interrupts what it is at."""

BigKey = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of plain INTEGER."""


class Base(DeclarativeBase):
    """The tables of every feature, as one metadata for the migrations."""


def normalised(url: str) -> URL:
    """The SQLAlchemy URL with its async driver for `sqlite:///…`, `postgres://…` or `postgresql://…`.

    Raises ValueError for any other kind of database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ValueError(_WANTED) from error
    backend = parsed.drivername.split("+")[0]
    if backend == "sqlite" and parsed.database:
        return parsed.set(drivername="sqlite+aiosqlite")
    if backend in ("postgres", "postgresql") and parsed.database:
        return parsed.set(drivername="postgresql+asyncpg")
    raise ValueError(_WANTED)


_HAS_SCHEMA = text(f"SELECT to_regnamespace('{SCHEMA}') IS NOT NULL")
_WANTED = "a database URL is sqlite:///path/to/file or postgresql://user:password@host/database"


class Database:
    """LearnTrac's own database. `begin()` for verbs that write, `read()` for those that do not, `hot` for written
    SQL. At PostgreSQL these share `connections`.
    """

    def __init__(self, url: str, *, connections: int = 10, answer_within_seconds: float | None = None) -> None:
        """A statement at PostgreSQL that takes longer than `answer_within_seconds` is given up; None: never. SQLite
        waits for nobody but other writers, and bounds that itself.
        """
        self.url = normalised(url)
        self.is_sqlite = self.url.drivername.startswith("sqlite")
        # A hot read holds its connection for a fraction of what a transaction does.
        for_hot_reads = max(1, connections * 2 // 5)
        self._answer_within = answer_within_seconds
        self._made: WeakSet[sqlite.SqliteConnection] = WeakSet()
        for_transactions = max(1, connections - for_hot_reads)
        if self.is_sqlite:
            self._writer, self._reader = _sqlite_engines(self.url, partial(sqlite.connect, _file(self.url), self._made))
        else:
            self._writer = self._reader = _postgres_engine(self.url, for_transactions, answer_within_seconds)
        self._administrator = self._writer if self.is_sqlite else _patient_engine(self.url)
        self._write_session = async_sessionmaker(self._writer, class_=WrittenSession, expire_on_commit=False)
        self._read_session = async_sessionmaker(self._reader, class_=WrittenSession, expire_on_commit=False)
        self._own_reader = (
            SqliteReader(_file(self.url))
            if self.is_sqlite
            else PostgresReader(self.url, SCHEMA, for_hot_reads, answer_within_seconds)
        )
        self.hot: WideReader = self._own_reader

    @property
    def engines(self) -> dict[str, AsyncEngine]:
        """The engines by what they are for: one for all on PostgreSQL, a writer and a reader on SQLite."""
        return {"write": self._writer, "read": self._reader} if self.is_sqlite else {"transactions": self._writer}

    def hot_usage(self) -> tuple[int, int] | None:
        """Connections of the hot reads at work, and at most; None where they need none of their own."""
        return self._own_reader.usage() if isinstance(self._own_reader, PostgresReader) else None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A write transaction: committed at the end of the block, rolled back when it raises."""
        with unavailable_when_gone():
            async with self._write_session() as session, session.begin():
                yield session

    @asynccontextmanager
    async def begin_step(self) -> AsyncIterator[AsyncSession]:
        """A write transaction of work that has many of them, one after the other: others have as long afterwards.

        At SQLite one writes at a time, and another process looks only now and then whether it may: work that begins
        again at once would keep it out for good.
        """
        begun = time.monotonic()
        async with self.begin() as session:
            yield session
        if self.is_sqlite:
            await asyncio.sleep(min(time.monotonic() - begun, LONGEST_PAUSE_SECONDS))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for reading only; nothing of it is kept."""
        with unavailable_when_gone():
            async with self._read_session() as session:
                await session.begin()
                yield session

    @asynccontextmanager
    async def administer(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for the migrations; makes the file's folder or the schema where they are missing."""
        with unavailable_when_gone():
            if self.is_sqlite:
                _file(self.url).parent.mkdir(parents=True, exist_ok=True)
            async with self._administrator.begin() as connection:
                if not self.is_sqlite:
                    # Two processes may start at once; the second waits here and then finds everything made.
                    await connection.execute(text("SELECT pg_advisory_xact_lock(7263)"))
                    # Only where it is missing: PostgreSQL asks for the right to make schemas even when it need not.
                    if not (await connection.execute(_HAS_SCHEMA)).scalar_one():
                        await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self.hot.close()
        for engine in {self._writer, self._reader, self._administrator}:
            await engine.dispose()
        ending = [connection.ends for connection in self._made if connection.ends]
        if ending:
            # A thread of one that was given up may outlive its user, but not the loop that it tells of its end.
            await asyncio.wait(ending, timeout=ENDS_WITHIN_SECONDS)


def _file(url: URL) -> Path:
    return Path(url.database or "")


# Parameters are hidden from the messages of errors: these are logged, and what a learner wrote is not for a log.
def _postgres_engine(url: URL, pool_size: int, answer_within_seconds: float | None) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        hide_parameters=True,
        connect_args={
            "server_settings": {"search_path": SCHEMA},
            "timeout": 5,
            "command_timeout": answer_within_seconds,
            "statement_cache_size": STATEMENTS_KEPT,
            "max_cached_statement_lifetime": 0,
        },
    )
    replace_dead_connections(engine)
    return engine


def _sqlite_engines(url: URL, connect: Callable[[], Awaitable[Any]]) -> tuple[AsyncEngine, AsyncEngine]:
    # One writer: waiting in line for the connection is fair and cheap, waiting for SQLite's lock is neither.
    settings: dict[str, Any] = {"async_creator": connect, "hide_parameters": True}
    writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=30, **settings)
    reader = create_async_engine(url, pool_size=4, max_overflow=0, pool_timeout=30, **settings)
    sqlite.prepare(writer, begin="BEGIN IMMEDIATE")
    sqlite.prepare(reader, begin="BEGIN")
    return writer, reader


def _patient_engine(url: URL) -> AsyncEngine:
    # For the migrations: they wait for each other, and a large table takes its time.
    settings = {"server_settings": {"search_path": SCHEMA}, "timeout": 5}
    return create_async_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=settings)


def replace_dead_connections(engine: AsyncEngine) -> None:
    """Let a pool of asyncpg's connections hand out none that PostgreSQL has closed, as it may have been started again,
    and keep none that did not answer.

    Without a round trip, which the pool's own check would take each time: the driver has seen the connection end.
    """

    @event.listens_for(engine.sync_engine, "checkout")
    def check(connection: Any, _record: object, _proxy: object) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "handle_error")
    def give_up(context: Any) -> None:
        # One that did not answer in time may never do so: it must not be asked to roll back.
        if isinstance(context.original_exception, TimeoutError):
            context.is_disconnect = True
