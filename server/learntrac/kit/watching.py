"""Watching a database at work: how long each statement takes, and how full the pools are."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from learntrac.kit.db import Database
from learntrac.kit.metrics import Calls, Metrics
from learntrac.kit.readers import Row, WideReader

_BEGUN = "learntrac_begun"


class WatchedReader:
    """A hot reader whose reads are noted."""

    def __init__(self, reader: WideReader, calls: Calls) -> None:
        self._reader, self._calls = reader, calls

    async def rows(self, sql: str, *args: object) -> Sequence[Row]:
        begun = time.perf_counter()
        try:
            return await self._reader.rows(sql, *args)
        except Exception:
            self._calls.failed()
            raise
        finally:
            self._calls.observe(time.perf_counter() - begun)

    async def slow_rows(self, sql: str, *args: object) -> Sequence[Row]:
        begun = time.perf_counter()
        try:
            return await self._reader.slow_rows(sql, *args)
        except Exception:
            self._calls.failed()
            raise
        finally:
            self._calls.observe(time.perf_counter() - begun)

    def among(self, column: str, parameter: int) -> str:
        return self._reader.among(column, parameter)

    def ids(self, numbers: Iterable[int]) -> object:
        return self._reader.ids(numbers)

    def as_json(self, select: str, *columns: str) -> str:
        return self._reader.as_json(select, *columns)

    async def close(self) -> None:
        await self._reader.close()


def watch_database(database: Database, metrics: Metrics) -> None:
    """From here on, note every statement of LearnTrac's own database and how full its pools are."""
    calls = metrics.calls("database")
    reader, engines = database.hot, database.engines
    for engine in engines.values():
        watch_engine(engine, calls)
    database.hot = WatchedReader(reader, calls)

    def sample() -> None:
        for name, engine in engines.items():
            pool = engine.pool
            if isinstance(pool, QueuePool):
                metrics.observe_pool(name, in_use=pool.checkedout(), limit=pool.size())
        usage = database.hot_usage()
        if usage is not None:
            metrics.observe_pool("hot", in_use=usage[0], limit=usage[1])

    metrics.add_sampler(sample)


def watch_engine(engine: AsyncEngine, calls: Calls) -> None:
    """From here on, note every statement that goes through this engine."""
    sync_engine = engine.sync_engine

    @event.listens_for(sync_engine, "before_cursor_execute")
    def before(connection: Any, *_: object) -> None:
        connection.info[_BEGUN] = time.perf_counter()

    @event.listens_for(sync_engine, "after_cursor_execute")
    def after(connection: Any, *_: object) -> None:
        _note(connection)

    @event.listens_for(sync_engine, "handle_error")
    def failed(context: Any) -> None:
        calls.failed()
        if context.connection is not None:
            _note(context.connection)

    def _note(connection: Any) -> None:
        begun = connection.info.pop(_BEGUN, None)
        if begun is not None:
            calls.observe(time.perf_counter() - begun)
