"""The database: short transactions for verbs, and written SQL for the reads that everybody waits for.

One code for SQLite and PostgreSQL. Times are microseconds in a BIGINT and JSON is text in both, so that one
statement gives one answer on either (docs/decisions/0004-portable-columns.md).
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import asyncpg
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from learntrac.kit.errors import Unavailable

SCHEMA = "learntrac"
"""LearnTrac's own schema where it shares a PostgreSQL database with Trac."""

Row = Sequence[Any]


class Base(DeclarativeBase):
    """The tables of every feature, as one metadata for the migrations."""


class HotReader(Protocol):
    """Reads by written SQL with `$1` parameters, on a driver of its own: an ORM row costs twenty times as much."""

    async def rows(self, sql: str, *args: object) -> Sequence[Row]:
        """All rows of a short indexed read."""
        ...

    async def slow_rows(self, sql: str, *args: object) -> Sequence[Row]:
        """The same for a read that may take milliseconds: never on the event loop's thread."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


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


_WANTED = "a database URL is sqlite:///path/to/file or postgresql://user:password@host/database"


class Database:
    """LearnTrac's own database. `begin()` for verbs that write, `read()` for those that do not, `hot` for written
    SQL.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = normalised(url)
        self.is_sqlite = self.url.drivername.startswith("sqlite")
        self._writer, self._reader = _engines(self.url, pool_size)
        self._write_session = async_sessionmaker(self._writer, expire_on_commit=False)
        self._read_session = async_sessionmaker(self._reader, expire_on_commit=False)
        self.hot: HotReader = SqliteReader(_file(self.url)) if self.is_sqlite else PostgresReader(self.url, pool_size)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A write transaction: committed at the end of the block, rolled back when it raises."""
        with _unavailable_when_gone():
            async with self._write_session() as session, session.begin():
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for reading only; nothing of it is kept."""
        with _unavailable_when_gone():
            async with self._read_session() as session:
                yield session

    @asynccontextmanager
    async def administer(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for the migrations; makes the file's folder or the schema where they are missing."""
        with _unavailable_when_gone():
            if self.is_sqlite:
                _file(self.url).parent.mkdir(parents=True, exist_ok=True)
            async with self._writer.begin() as connection:
                if not self.is_sqlite:
                    # Two processes may start at once; the second waits here and then finds everything made.
                    await connection.execute(text("SELECT pg_advisory_xact_lock(7263)"))
                    await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self.hot.close()
        await self._writer.dispose()
        await self._reader.dispose()


class _unavailable_when_gone:  # noqa: N801 - reads as a phrase where it is used
    """Turns a database that is away, locked or full into a 503; a statement that was wrong stays what it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and (_is_away(error) or _is_lost(error)):
            raise Unavailable("The database does not answer.", retry_after_seconds=2) from error


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and (error.connection_invalidated or _is_away(error.orig))


def _is_away(error: BaseException | None) -> bool:
    if isinstance(error, OSError | NoConnectionFree | asyncpg.InterfaceError):
        return True
    state = str(getattr(error, "sqlstate", None) or "")
    return state.startswith(_POSTGRES_AWAY) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_AWAY


_POSTGRES_AWAY = ("08", "28", "3D", "53", "57P", "58")
"""SQLSTATE: connection, authorisation, no such database, out of resources, shut down or starting, system error."""
_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


def _file(url: URL) -> Path:
    return Path(url.database or "")


def _engines(url: URL, pool_size: int) -> tuple[AsyncEngine, AsyncEngine]:
    # Parameters are hidden from the messages of errors: these are logged, and what a learner wrote is not for a log.
    if not url.drivername.startswith("sqlite"):
        engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            hide_parameters=True,
            connect_args={"server_settings": {"search_path": SCHEMA}, "timeout": 5},
        )
        return engine, engine
    # One writer: waiting in line for the connection is fair and cheap, waiting for SQLite's lock is neither.
    writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=30, hide_parameters=True)
    reader = create_async_engine(url, pool_size=4, max_overflow=0, pool_timeout=30, hide_parameters=True)
    _prepare_sqlite(writer, begin="BEGIN IMMEDIATE")
    _prepare_sqlite(reader, begin="BEGIN")
    return writer, reader


def _prepare_sqlite(engine: AsyncEngine, *, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        # The driver's own BEGIN comes late (before the first write), which lets a reader's snapshot grow stale.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            _insist(cursor, pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _insist(cursor: Any, pragma: str) -> None:
    # Two processes that make the file at once are in each other's way for a moment, and SQLite does not wait then.
    until = time.monotonic() + 2
    while True:
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if not _is_away(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
)
"""FULL, not NORMAL: what was acknowledged must survive the machine's power as well as the process."""


class SqliteReader:
    """Reads on the event loop's own thread: WAL readers wait for nobody, and a hand-over to a thread costs more than
    the read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inline: sqlite3.Connection | None = None
        self._in_thread: sqlite3.Connection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def rows(self, sql: str, *args: object) -> Sequence[Row]:
        with _unavailable_when_gone():
            if self._inline is None:
                self._inline = _read_only(self._path)
            return self._inline.execute(sql, _named(args)).fetchall()

    async def slow_rows(self, sql: str, *args: object) -> Sequence[Row]:
        async with self._one_at_a_time:
            with _unavailable_when_gone():
                return await asyncio.to_thread(self._read_in_thread, sql, args)

    def _read_in_thread(self, sql: str, args: tuple[object, ...]) -> Sequence[Row]:
        if self._in_thread is None:
            self._in_thread = _read_only(self._path)
        return self._in_thread.execute(sql, _named(args)).fetchall()

    async def close(self) -> None:
        for connection in (self._inline, self._in_thread):
            if connection is not None:
                connection.close()
        self._inline = self._in_thread = None


def _named(args: tuple[object, ...]) -> dict[str, object]:
    # SQLite reads `$1` as a parameter named "1": the same text then serves PostgreSQL.
    return {str(number): value for number, value in enumerate(args, 1)}


def _read_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, cached_statements=512)
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA busy_timeout=2000")
    return connection


class PostgresReader:
    """Reads through asyncpg's own pool; statements are prepared once per connection."""

    def __init__(self, url: URL, pool_size: int) -> None:
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._size = pool_size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def rows(self, sql: str, *args: object) -> Sequence[Row]:
        with _unavailable_when_gone():
            pool = self._pool or await self._open()
            async with pool.acquire(timeout=10) as connection:
                return cast("Sequence[Row]", await connection.fetch(sql, *args))

    slow_rows = rows

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=1,
                    max_size=self._size,
                    timeout=5,
                    server_settings={"search_path": SCHEMA},
                    # Reads leave nothing behind on a connection: asyncpg's reset would be a second round trip.
                    reset=_leave_as_it_is,
                )
            return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None


async def _leave_as_it_is(_connection: object) -> None:
    return None
