"""A lease: of all processes over one database, one has it, until it lets go or dies.

On PostgreSQL it is an advisory lock of a session of its own, on SQLite a lock on a file beside the database. Either is
let go by the system at once when its process ends, however it ends, so that nobody waits for a time to run out.
"""

import asyncio
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

import asyncpg

from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable

_NUMBER = 7264
"""The class of LearnTrac's leases among PostgreSQL's advisory locks."""
_WITHIN_SECONDS = 3
# A machine that lost its power says nothing: the server then notices within eight seconds.
_KEEPALIVE = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3"


class Lease(Protocol):
    """The right of one process to do something."""

    async def holds(self) -> bool:
        """Whether this process has the lease now; takes it where it is free. Raises Unavailable.

        One that was lost meanwhile is not taken again in the same call: somebody may have had it in between.
        """
        ...

    async def release(self) -> None:
        """Let it go."""
        ...


def make_lease(database: Database, name: str) -> Lease:
    """The lease called `name` (a word) of everybody who shares this database; nobody has it yet."""
    if database.is_sqlite:
        return FileLease(Path(f"{database.url.database}.{name}.lock"))
    return PostgresLease(database.url.set(drivername="postgresql").render_as_string(hide_password=False), name)


class FileLease:
    """A lock on a file, which stays when the lock is let go: removing it would let two have it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    async def holds(self) -> bool:
        try:
            if self._file is not None and not self._is_in_place(self._file):
                await self.release()
            elif self._file is None:
                self._file = self._try_to_lock()
        except OSError as error:
            raise Unavailable(f"{self._path.name} cannot be locked: {error.strerror}.") from error
        return self._file is not None

    def _is_in_place(self, file: IO[str]) -> bool:
        """Whether the others would meet our lock: somebody may have put another file there."""
        with suppress(FileNotFoundError):
            return os.path.samestat(self._path.stat(), os.fstat(file.fileno()))
        return False

    def _try_to_lock(self) -> IO[str] | None:
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            if isinstance(error, BlockingIOError):
                return None
            raise
        return file

    async def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class PostgresLease:
    """An advisory lock. Its connection is asked each time: one that broke has lost the lock."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._is_ours = False

    async def holds(self) -> bool:
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                return await self._ask()
        except Exception as error:
            # Anything: the driver has more than one kind of error for a connection that ended.
            self._break()
            raise Unavailable("The database does not answer.", retry_after_seconds=2) from error
        except asyncio.CancelledError:
            self._break()
            raise

    async def _ask(self) -> bool:
        if self._connection is not None and self._connection.is_closed():
            self._break()
            return False
        connection = self._connection
        if connection is None:
            connection = self._connection = await asyncpg.connect(self._url)
            await connection.execute(_KEEPALIVE)
        if self._is_ours:
            await connection.execute("SELECT 1")
        else:
            locked = await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _NUMBER, self._name)
            self._is_ours = bool(locked)
        return self._is_ours

    def _break(self) -> None:
        """Let go without waiting for an answer: what the server thinks of this connection is not known."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection, self._is_ours = None, False

    async def release(self) -> None:
        if self._connection is not None:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._connection.close(timeout=_WITHIN_SECONDS)
        self._break()
