"""The bare handler: what a page of concepts costs when there is nothing but FastAPI and the database.

It answers the very same pages: the same filters, parsed by FastAPI, and each concept's JSON ready in a row of a table
of its own, with the learner's statuses and the total. It asks nobody for a token, counts no limit, writes no log line,
knows no permissions and never looks whether Trac has changed. `--keep-totals` keeps a total for two seconds.
"""

import argparse
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import asyncpg
import uvloop
from fastapi import FastAPI, Query, Response

from benchmarks.places import LEARNER
from benchmarks.seeding import Tables
from learntrac.kit.db import SCHEMA
from learntrac.kit.http.server import make_server

KEPT_SECONDS = 2.0
_FILTERS = ("type", "component", "milestone", "owner", "level")
_ANY = "bare_concept c LEFT JOIN bare_standing s ON s.user_id = $1 AND s.concept_id = c.id"
_BEGUN = "bare_standing s JOIN bare_concept c ON c.id = s.concept_id AND s.user_id = $1"

Reader = Callable[[str, Sequence[object]], Awaitable[Sequence[Any]]]


def prepare(tables: Tables) -> None:
    """Make the bare handler's tables from LearnTrac's: the filters' columns, the ready JSON and the statuses."""
    columns = ", ".join(_FILTERS)
    tables.execute(f"CREATE TABLE bare_concept AS SELECT id, {columns}, doc_head, doc_tail FROM concept")
    tables.execute("CREATE UNIQUE INDEX bare_concept_id ON bare_concept (id)")
    for name in _FILTERS:
        tables.execute(f"CREATE INDEX bare_concept_{name} ON bare_concept ({name}, id)")
    tables.execute("CREATE TABLE bare_standing AS SELECT user_id, concept_id, status FROM standing")
    tables.execute("CREATE UNIQUE INDEX bare_standing_key ON bare_standing (user_id, concept_id)")
    tables.execute("CREATE INDEX bare_standing_status ON bare_standing (user_id, status, concept_id)")
    tables.commit()
    tables.vacuum()


def make_app(read: Reader, *, keep_totals: bool) -> FastAPI:
    """The one route."""
    app = FastAPI()
    totals: dict[tuple[object, ...], tuple[float, int]] = {}

    @app.get("/concepts")
    async def list_concepts(
        status: Literal["new", "learning", "practicing", "mastered"] | None = None,
        type: str | None = None,  # noqa: A002 - the name of the filter
        difficulty: Annotated[float | None, Query(ge=1, le=5)] = None,
        component: str | None = None,
        milestone: str | None = None,
        owner: str | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        level = None if difficulty is None else int(difficulty)
        where, args = _where(status, (type, component, milestone, owner, level))
        key = (where, *args)
        known = totals.get(key) if keep_totals else None
        fresh = known is not None and known[0] > time.monotonic()
        sql = _statement(status, where, is_counting=not fresh)
        rows = await read(f"{sql} ORDER BY c.id LIMIT {limit} OFFSET {offset}", args)
        total = known[1] if known and fresh else rows[0][0] if rows else 0
        if keep_totals and not fresh:
            totals[key] = (time.monotonic() + KEPT_SECONDS, total)
        concepts = ",".join([f"{row[1]}{row[2] or 'new'}{row[3]}" for row in rows])
        body = f'{{"concepts":[{concepts}],"total":{total},"limit":{limit},"offset":{offset}}}'
        return Response(body.encode(), media_type="application/json")

    return app


def _statement(status: str | None, where: str, *, is_counting: bool) -> str:
    tables = _ANY if status in (None, "new") else _BEGUN
    counted_in = "bare_concept c" if status is None else tables
    total = f"(SELECT count(*) FROM {counted_in}{where})" if is_counting else "0"
    return f"SELECT {total}, c.doc_head, s.status, c.doc_tail FROM {tables}{where}"


def _where(status: str | None, values: Sequence[object]) -> tuple[str, list[object]]:
    clauses: list[str] = []
    args: list[object] = [LEARNER]
    if status == "new":
        clauses.append("s.concept_id IS NULL")
    elif status is not None:
        args.append(status)
        clauses.append(f"s.status = ${len(args)}")
    for name, value in zip(_FILTERS, values, strict=True):
        if value is not None:
            args.append(value)
            clauses.append(f"c.{name} = ${len(args)}")
    return (" WHERE " + " AND ".join(clauses) if clauses else ""), args


async def _postgres_reader(url: str) -> Reader:
    async def leave(_connection: object) -> None:
        """What asyncpg would undo costs a round trip, and there is nothing to undo."""

    pool = await asyncpg.create_pool(
        url,
        min_size=10,
        max_size=10,
        server_settings={"search_path": SCHEMA},
        reset=leave,
    )

    async def read(sql: str, args: Sequence[object]) -> Sequence[Any]:
        async with pool.acquire() as connection:
            rows: Sequence[Any] = await connection.fetch(sql, *args)
        return rows

    return read


def _sqlite_reader(path: Path) -> Reader:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)

    async def read(sql: str, args: Sequence[object]) -> Sequence[Any]:
        return connection.execute(sql, {str(number): value for number, value in enumerate(args, 1)}).fetchall()

    return read


async def open_reader(database: str) -> Reader:
    """What reads from PostgreSQL's URL or a SQLite file."""
    is_postgres = database.startswith("postgresql")
    return await _postgres_reader(database) if is_postgres else _sqlite_reader(Path(database))


async def _serve(database: str, port: int, *, keep_totals: bool) -> None:
    read = await open_reader(database)
    await make_server(make_app(read, keep_totals=keep_totals), host="127.0.0.1", port=port).serve()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keep-totals", action="store_true")
    given = parser.parse_args()
    uvloop.run(_serve(given.database, given.port, keep_totals=given.keep_totals))


if __name__ == "__main__":
    main()
