"""Readings by written SQL, on each database's own driver: an ORM row costs twenty times as much."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import asyncpg
import orjson
from sqlalchemy import URL

from learntrac.kit.away import unavailable_when_gone
from learntrac.kit.room import Room

Row = Sequence[Any]
_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

ROOM_WITHIN_SECONDS = 10
"""How long a read waits for a free connection before it is told that the database does not answer."""


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


class WideReader(HotReader, Protocol):
    """A reader for statements about many rows at once."""

    def among(self, column: str, parameter: int) -> str:
        """SQL for `column` being one of the numbers in this parameter, which `ids` makes."""
        ...

    def ids(self, numbers: Iterable[int]) -> object:
        """A parameter that holds many numbers: one statement then serves any count of them."""
        ...

    def as_json(self, select: str, *columns: str) -> str:
        """SQL for these columns of a `SELECT`'s rows, in its order, as the text of one JSON array of arrays: what
        belongs to a row then comes with it.
        """
        ...


class SqliteReader:
    """Reads on the event loop's own thread: WAL readers wait for nobody, and a hand-over to a thread costs more than
    the read.

    What may take longer has one thread of its own, which makes its connection, reads with it and closes it: a read
    whose caller has given up goes on there, and a connection used by two threads at once ends the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inline: sqlite3.Connection | None = None
        self._in_thread: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slow-reads")

    async def rows(self, sql: str, *args: object) -> Sequence[Row]:
        with unavailable_when_gone():
            if self._inline is None:
                self._inline = _read_only(self._path)
            return self._inline.execute(sql, _named(args)).fetchall()

    async def slow_rows(self, sql: str, *args: object) -> Sequence[Row]:
        with unavailable_when_gone():
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._read_in_thread, sql, args)

    def _read_in_thread(self, sql: str, args: tuple[object, ...]) -> Sequence[Row]:
        if self._in_thread is None:
            self._in_thread = _read_only(self._path)
        return self._in_thread.execute(sql, _named(args)).fetchall()

    def among(self, column: str, parameter: int) -> str:
        return f"{column} IN (SELECT value FROM json_each(${parameter}))"  # noqa: S608 - our own column, and a parameter

    def ids(self, numbers: Iterable[int]) -> object:
        return orjson.dumps(list(numbers)).decode()

    def as_json(self, select: str, *columns: str) -> str:
        return f"(SELECT json_group_array(json_array({', '.join(columns)})) FROM ({select}))"  # noqa: S608 - our own SQL

    async def close(self) -> None:
        if self._inline is not None:
            self._inline.close()
            self._inline = None
        if self._in_thread is not None:
            self._in_thread.interrupt()  # nobody waits for what is still being read
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close_in_thread)

    def _close_in_thread(self) -> None:
        if self._in_thread is not None:
            self._in_thread.close()
            self._in_thread = None


def _named(args: tuple[object, ...]) -> dict[str, object]:
    # SQLite reads `$1` as a parameter named "1": the same text then serves PostgreSQL.
    return {str(number): value for number, value in enumerate(args, 1)}


def _read_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, cached_statements=512)
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA busy_timeout=2000")
    # 32 MiB at most. With SQLite's two, a page of a large course reads most of its rows from the file again.
    connection.execute("PRAGMA cache_size=-32768")
    return connection


class PostgresReader:
    """Reads through asyncpg's own connections; statements are prepared once on each.

    Not by asyncpg's pool: to take a connection from it and to give it back costs as much as a short read
    (docs/decisions/0007-hot-reads.md).
    """

    def __init__(self, url: URL, schema: str, pool_size: int, answer_within_seconds: float | None) -> None:
        self._settings = {"search_path": schema}
        self._answer_within = answer_within_seconds
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._room = Room(pool_size, within_seconds=ROOM_WITHIN_SECONDS)
        self._idle: list[_Connection] = []

    async def rows(self, sql: str, *args: object) -> Sequence[Row]:
        with unavailable_when_gone():
            await self._room.enter()
            try:
                return await self._read(sql, args)
            finally:
                self._room.leave()

    slow_rows = rows

    async def _read(self, sql: str, args: tuple[object, ...]) -> Sequence[Row]:
        connection = self._find_idle() or await self._connect()
        try:
            rows = await connection.fetch(sql, *args)
        except BaseException:
            # Whatever went on there, a cancelled read too: the next reader gets another.
            connection.terminate()
            raise
        self._idle.append(connection)
        return cast("Sequence[Row]", rows)

    def _find_idle(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> _Connection:
        return await asyncpg.connect(
            self._url, timeout=5, command_timeout=self._answer_within, server_settings=self._settings
        )

    def among(self, column: str, parameter: int) -> str:
        return f"{column} = ANY(${parameter}::int[])"

    def ids(self, numbers: Iterable[int]) -> object:
        return list(numbers)

    def as_json(self, select: str, *columns: str) -> str:
        array = f"coalesce(json_agg(json_build_array({', '.join(columns)})), '[]')::text"
        return f"(SELECT {array} FROM ({select}) AS found)"  # noqa: S608 - our own SQL

    def usage(self) -> tuple[int, int]:
        """Connections that are at work, and the most there may be."""
        return self._room.taken, self._room.size

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()
