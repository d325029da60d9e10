"""Written SQL within a transaction, on the driver itself: SQLAlchemy's way to it takes five times as long as the
statement, and a learner's completion is some twenty statements (docs/decisions/0046-written-sql-in-transactions.md).
"""

import asyncio
import functools
import re
import sqlite3
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import asyncpg
from sqlalchemy import Connection, Dialect, TextClause, text
from sqlalchemy.engine import IteratorResult, Result
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, AsyncSessionTransaction
from sqlalchemy.types import NullType

from learntrac.kit.sqlite import Pace, SqliteConnection

_KEPT = 2_000
"""Statements whose form for a driver is kept: there are some hundreds, and one more for each length of a list."""
_REFUSED = (asyncpg.IntegrityConstraintViolationError, sqlite3.IntegrityError)
_FAILED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, sqlite3.Error, TimeoutError)


class Written:
    """A statement as a driver takes it: the SQL, and the names of its values in their order."""

    def __init__(self, statement: TextClause, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.sql: str = compiled.string
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self.columns: SimpleResultMetaData | None = None
        self.pace = Pace()

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the SQL. Raises KeyError for one that is missing."""
        return [given[name] for name in self.names]

    def result(self, rows: list[tuple[Any, ...]], columns: Sequence[str] = ()) -> Result[Any]:
        """The rows as SQLAlchemy shows them; `columns` are told with the first."""
        if self.columns is None:
            self.columns = SimpleResultMetaData(columns)
        return IteratorResult(self.columns, iter(rows))


class _Driver(Protocol):
    """A driver's own connection."""

    async def run(self, written: Written, values: list[Any]) -> Result[Any]: ...


class _Link(NamedTuple):
    """The open transaction's connection, as the driver's own and as the one that tells who listens at the engine."""

    driver: _Driver
    connection: AsyncConnection
    told: Connection

    def tell_before(self, sql: str, values: list[Any], context: object, *, many: bool = False) -> None:
        self.told.dispatch.before_cursor_execute(self.told, None, sql, values, context, many)

    def tell_after(self, sql: str, values: list[Any], context: object, *, many: bool = False) -> None:
        self.told.dispatch.after_cursor_execute(self.told, None, sql, values, context, many)

    def tell_failed(self, context: object, error: Exception) -> bool:
        """Whether somebody says that the connection is lost by it."""
        failure = SimpleNamespace(
            connection=self.told, execution_context=context, original_exception=error, is_disconnect=False
        )
        for listen in self.told.dialect.dispatch.handle_error:
            listen(failure)
        return bool(failure.is_disconnect)


class _PostgresDriver(NamedTuple):
    connection: "asyncpg.Connection[asyncpg.Record]"
    lent: Any
    """The same connection as SQLAlchemy has it, which commits or rolls back the transaction that it knows of."""

    async def run(self, written: Written, values: list[Any]) -> Result[Any]:
        if self.lent._transaction is None:  # noqa: SLF001 - SQLAlchemy begins with the first statement that it runs
            transaction = self.connection.transaction()
            await transaction.start()
            self.lent._transaction = transaction  # noqa: SLF001
        rows = [tuple(record) for record in await self.connection.fetch(written.sql, *values)]
        if written.columns is not None:
            return written.result(rows)
        prepared = await self.connection.prepare(written.sql)
        return written.result(rows, [column.name for column in prepared.get_attributes()])


class _SqliteDriver(NamedTuple):
    connection: SqliteConnection

    async def run(self, written: Written, values: list[Any]) -> Result[Any]:
        columns, rows = await self.connection.rows(written.sql, values, written.pace)
        return written.result(rows, columns)


class WrittenSession(AsyncSession):
    """A session whose written statements (`text()` with plain values) go to the driver. What listens at the engine
    hears of each all the same.
    """

    _link: _Link | None = None

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As AsyncSession's, without a `rowcount`: a statement says by RETURNING what it did."""
        if not options and isinstance(statement, TextClause) and not isinstance(params, list) and self.in_transaction():
            written = _find_written(statement, params or {}, self.get_bind().dialect)
            if written is not None:
                return await self._run(written, written.values(_spread(statement, params or {})))
        if not self.in_transaction():
            self._link = None  # of a transaction that has ended
        return await super().execute(statement, params, **options)

    def begin_nested(self) -> AsyncSessionTransaction:
        # The savepoint is made where a connection is next asked for.
        self._link = None
        return super().begin_nested()

    async def _run(self, written: Written, values: list[Any]) -> Result[Any]:
        link = self._link = self._link or await self._linked()
        context = SimpleNamespace()
        link.tell_before(written.sql, values, context)
        try:
            result = await link.driver.run(written, values)
        except asyncio.CancelledError:
            await link.connection.invalidate()
            raise
        except _FAILED as error:
            is_lost = link.tell_failed(context, error)
            if is_lost:
                await link.connection.invalidate()
            kind = IntegrityError if isinstance(error, _REFUSED) else DBAPIError
            raise kind(written.sql, None, error, hide_parameters=True, connection_invalidated=is_lost) from error
        link.tell_after(written.sql, values, context)
        return result

    async def _linked(self) -> _Link:
        connection = await self.connection()
        told: Any = connection.sync_connection
        return _Link(_driver_of(await connection.get_raw_connection()), connection, told)


def _driver_of(pooled: Any) -> _Driver:
    connection = pooled.driver_connection
    if isinstance(connection, SqliteConnection):
        return _SqliteDriver(connection)
    return _PostgresDriver(connection, pooled.dbapi_connection)


def _find_written(statement: TextClause, params: Mapping[str, Any], dialect: Dialect) -> Written | None:
    """The statement for this driver and so many values in each of its lists; None for one that SQLAlchemy must run."""
    return _written(statement, tuple(len(params[name]) for name in _lists(statement)), dialect)


@functools.lru_cache(maxsize=_KEPT)
def _written(statement: TextClause, lengths: tuple[int, ...], dialect: Dialect) -> Written | None:
    return Written(_with_lists(statement, lengths), dialect) if _is_plain(statement, lengths) else None


def _is_plain(statement: TextClause, lengths: Sequence[int]) -> bool:
    # A list of none has a meaning of its own in SQL, which SQLAlchemy knows.
    kinds = (isinstance(bound.type, NullType) or bound.expanding for bound in statement._bindparams.values())  # noqa: SLF001 - it has no other name
    return all(kinds) and 0 not in lengths


@functools.lru_cache(maxsize=_KEPT)
def _lists(statement: TextClause) -> tuple[str, ...]:
    return tuple(name for name, bound in statement._bindparams.items() if bound.expanding)  # noqa: SLF001 - it has no other name


def _with_lists(statement: TextClause, lengths: Sequence[int]) -> TextClause:
    """The statement with a parameter for each value of its lists."""
    sql = statement.text
    for name, length in zip(_lists(statement), lengths, strict=True):
        places = ", ".join(f":{name}_{number}" for number in range(length))
        sql = re.sub(rf"(?<!:):{name}\b", f"({places})", sql)
    return text(sql) if lengths else statement


def _spread(statement: TextClause, params: Mapping[str, Any]) -> Mapping[str, Any]:
    lists = _lists(statement)
    if not lists:
        return params
    return {**params, **{f"{name}_{number}": one for name in lists for number, one in enumerate(params[name])}}
