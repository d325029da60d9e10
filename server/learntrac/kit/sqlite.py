"""SQLite in transactions: what is quick runs on the event loop's own thread, what may wait or take long in another.

A hand-over to a thread takes longer than most statements, and on a busy loop it waits for the interpreter's lock each
time, there and back (docs/decisions/0047-quick-statements-on-the-loop.md).
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

import aiosqlite
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from learntrac.kit.away import is_away

QUICK_SECONDS = 0.002
"""What takes longer than this has no place on the loop's thread: others wait meanwhile."""
_FIRST_PENALTY, _LONGEST_PENALTY = 4, 1024

BUSY_TIMEOUT = "PRAGMA busy_timeout=10000"
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
"""FULL, not NORMAL: what was acknowledged must survive the machine's power as well as the process."""

_T = TypeVar("_T")
Rows = tuple[list[str], list[tuple[Any, ...]]]
"""The names of the columns, and the rows."""


class Pace:
    """How quick something has been. It is tried in the thread first, and on the loop's own from then on; once it was
    slow there, it goes back to the thread for a while, longer each time that it is slow again.
    """

    def __init__(self) -> None:
        self._aside_for = 1
        self._penalty = _FIRST_PENALTY

    @property
    def is_quick(self) -> bool:
        """Whether the loop may wait for it."""
        return self._aside_for == 0

    def at_once(self, function: Callable[..., _T], *given: Any) -> _T:
        """Run it here, on the loop's thread."""
        begun = time.perf_counter()
        try:
            return function(*given)
        finally:
            if time.perf_counter() - begun > QUICK_SECONDS:
                self._aside_for = self._penalty
                self._penalty = min(4 * self._penalty, _LONGEST_PENALTY)
            else:
                self._penalty = max(_FIRST_PENALTY, self._penalty // 2)

    def aside(self, function: Callable[..., _T], *given: Any) -> _T:
        """Run it here, in a thread of its own: only its own work counts, as it may wait long for the interpreter."""
        begun = time.thread_time()
        try:
            return function(*given)
        finally:
            if time.thread_time() - begun <= QUICK_SECONDS:
                self._aside_for = max(0, self._aside_for - 1)


class Rolled(sqlite3.Connection):
    """Gives up its transaction before it closes: with a statement half read, SQLite would keep it and its lock."""

    def close(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # closed already
            self.rollback()
            # Ends an interruption that met nothing: it would keep what is committed out of the file itself.
            self.execute("SELECT 1").close()
        super().close()


class SqliteConnection(aiosqlite.Connection):
    """One whose user may be cancelled in the middle of a statement, and then once more while SQLAlchemy closes it."""

    ends: "asyncio.Future[None] | None" = None
    """That its thread has come to its end, from when it was told to on."""
    _is_told = False
    _is_given_up = False

    def __init__(self, make: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(make, iter_chunk_size=64)
        self._thread.daemon = True  # as SQLAlchemy does: a thread that waits must not hold the process
        self._commits = Pace()

    async def rows(self, sql: str, values: list[Any], pace: Pace) -> Rows:
        """All that a statement gives."""
        return await self._paced(pace, self._rows, sql, values)

    def begin_at_once(self, how: str) -> bool:
        """Begin a transaction, unless another process holds the lock that it needs; whether it has begun."""
        if self._is_given_up:
            return False
        self._conn.execute("PRAGMA busy_timeout=0")
        try:
            self._conn.execute(how)
        except sqlite3.OperationalError as error:
            if not is_away(error):
                raise
            return False
        finally:
            self._conn.execute(BUSY_TIMEOUT)
        return True

    async def begin(self, how: str) -> None:
        """Begin a transaction, and wait for its lock in the thread."""
        await self._execute(self._conn.execute, how)

    async def commit(self) -> None:
        # Waits for the disk, which may be quick or slow.
        await self._paced(self._commits, self._conn.commit)

    async def rollback(self) -> None:
        if self._is_given_up:
            await super().rollback()
        else:
            self._conn.rollback()

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()  # nobody waits for what still runs
        await super().close()

    def stop(self) -> "asyncio.Future[None] | None":
        # Told twice, aiosqlite would wait for a thread that has ended, and the process would never end.
        if self._is_told:
            return None
        self._is_told = True
        self.ends = super().stop()
        return self.ends

    async def _paced(self, pace: Pace, function: Callable[..., _T], *given: Any) -> _T:
        if pace.is_quick and not self._is_given_up:
            return pace.at_once(function, *given)
        found: _T = await self._execute(pace.aside, function, *given)
        return found

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            # The thread may still be at it, and a connection serves one thread at a time.
            self._is_given_up = True
            raise

    def _rows(self, sql: str, values: list[Any]) -> Rows:
        cursor = self._conn.execute(sql, values)
        try:
            return [column[0] for column in cursor.description or ()], cursor.fetchall()
        finally:
            cursor.close()


async def connect(file: Path, made: WeakSet[SqliteConnection]) -> aiosqlite.Connection:
    """A connection of its own thread to this file, which is also put into `made`."""
    connection = SqliteConnection(partial(sqlite3.connect, file, check_same_thread=False, factory=Rolled))
    made.add(connection)
    return await connection


def prepare(engine: AsyncEngine, *, begin: str) -> None:
    """Have the engine's connections set up, and its transactions begun by this statement."""

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # The driver's own BEGIN comes late (before the first write), which lets a reader's snapshot grow stale.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, BUSY_TIMEOUT):
            insist(cursor, pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        driver: SqliteConnection = connection.connection.driver_connection
        if not driver.begin_at_once(begin):
            await_only(driver.begin(begin))


def insist(cursor: Any, pragma: str) -> None:
    """Execute it, where two processes that make the file at once are in each other's way for a moment: SQLite does not
    wait then.
    """
    until = time.monotonic() + 2
    while True:
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if not is_away(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
