"""The bare writer: a start and a completion as one transaction each, of the very statements that LearnTrac runs.

What a start and a completion run is recorded from LearnTrac itself (`record`): every statement as its driver got it,
with its values. The bare handler is FastAPI, the driver, and these statements with the request's learner, concept,
session and time in the places where LearnTrac had its own; it decides nothing, checks no token and keeps no log.
"""

import argparse
import json
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import httpx
import uvloop
from fastapi import Body, FastAPI, Header, Response
from sqlalchemy import Engine, event

from benchmarks.places import Place
from learntrac.config import Settings
from learntrac.kit import sqlite
from learntrac.kit.db import SCHEMA
from learntrac.kit.http.doors import API
from learntrac.kit.http.server import make_server
from learntrac.main import create_app, opened, site

Statement = tuple[str, list[Any]]
Recording = dict[str, list[Statement]]
"""{start or complete: the statements of one}, with `{user}`, `{concept}`, `{session}` and `{now}` among the values."""
Run = Callable[[Sequence[Statement], dict[str, Any]], Awaitable[None]]

_is_request: ContextVar[bool] = ContextVar("is_request", default=False)
"""What the server does beside, such as following Trac, runs in tasks of its own, where this is not set."""
_BYTES = "{bytes}"
_PLACES = ("{user}", "{concept}", "{session}", "{now}")


async def record(place: Place, user_id: str, token: str, concept_id: int) -> tuple[Recording, dict[str, Any]]:
    """The statements of a start and of a completion of a concept that is new to the learner, and the two replies."""
    settings = Settings(trac_env=place.folder, database_url=None)
    async with opened(settings) as parts:
        heard: list[Statement] = []
        event.listen(Engine, "before_cursor_execute", listener := _listener(heard))
        transport = httpx.ASGITransport(site(create_app(parts), settings))
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://b.test" + API, headers=headers) as client:
            recorded: Recording = {}
            replies: dict[str, Any] = {}
            body: dict[str, Any] = {"learning_mode": "guided"}
            for what in ("start", "complete"):
                heard.clear()
                _is_request.set(True)
                answer = await client.post(f"/concepts/{concept_id}/{what}", json=body)
                _is_request.set(False)
                replies[what] = answer.raise_for_status().json()
                session_id = replies["start"]["session_id"]
                recorded[what] = [_with_places(*said, user_id, concept_id, session_id) for said in heard]
                body = {
                    "session_id": session_id,
                    "completion_type": "completed",
                    "time_spent": 60,
                }
        event.remove(Engine, "before_cursor_execute", listener)
        return recorded, replies


def _listener(heard: list[Statement]) -> Callable[..., None]:
    def listen(_conn: Any, _cursor: Any, sql: str, values: Any, _context: Any, _many: Any) -> None:
        if _is_request.get() and not sql.startswith("BEGIN"):
            heard.append((sql, list(values)))

    return listen


def as_text(value: object) -> object:
    """For JSON, which has no bytes."""
    if isinstance(value, bytes):
        return {_BYTES: value.hex()}
    raise TypeError(type(value))


def _with_places(sql: str, values: list[Any], user_id: str, concept_id: int, session_id: str) -> Statement:
    own = {user_id: "{user}", concept_id: "{concept}", session_id: "{session}"}
    now = time.time() * 1e6

    def place(value: Any) -> Any:
        if isinstance(value, int) and abs(now - value) < 60e6:
            return "{now}"
        return own.get(value, value) if isinstance(value, str | int) else value

    return sql, [place(value) for value in values]


def make_app(run: Run, recorded: Recording, replies: dict[str, Any]) -> FastAPI:
    """The two routes; who asks is named by the token itself."""
    app = FastAPI()

    def places(user: str, concept_id: int, session_id: str) -> dict[str, Any]:
        return dict(
            zip(
                _PLACES,
                (user, concept_id, session_id, time.time_ns() // 1000),
                strict=True,
            )
        )

    @app.post("/concepts/{concept_id}/start")
    async def start(
        concept_id: int,
        body: Annotated[dict[str, Any], Body()],
        authorization: Annotated[str, Header()],
    ) -> Response:
        assert body
        session_id = str(uuid.uuid4())
        await run(recorded["start"], places(authorization[7:], concept_id, session_id))
        reply = replies["start"] | {"session_id": session_id, "concept_id": concept_id}
        return Response(json.dumps(reply), media_type="application/json")

    @app.post("/concepts/{concept_id}/complete")
    async def complete(
        concept_id: int,
        body: Annotated[dict[str, Any], Body()],
        authorization: Annotated[str, Header()],
    ) -> Response:
        await run(
            recorded["complete"],
            places(authorization[7:], concept_id, body["session_id"]),
        )
        return Response(
            json.dumps(replies["complete"] | {"concept_id": concept_id}),
            media_type="application/json",
        )

    return app


async def _postgres_runner(url: str) -> Run:
    pool = await asyncpg.create_pool(url, min_size=10, max_size=10, server_settings={"search_path": SCHEMA})

    async def run(statements: Sequence[Statement], places: dict[str, Any]) -> None:
        async with pool.acquire() as connection, connection.transaction():
            for sql, values in statements:
                await connection.fetch(sql, *_filled(values, places))

    return run


def _sqlite_runner(path: Path) -> Run:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for pragma in (*sqlite.PRAGMAS, sqlite.BUSY_TIMEOUT):
        connection.execute(pragma)

    async def run(statements: Sequence[Statement], places: dict[str, Any]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for sql, values in statements:
            connection.execute(sql, _filled(values, places)).fetchall()
        connection.execute("COMMIT")

    return run


def _filled(values: Sequence[Any], places: dict[str, Any]) -> list[Any]:
    return [places.get(value, value) if isinstance(value, str) else value for value in values]


def _with_bytes(found: dict[str, Any]) -> dict[str, Any] | bytes:
    return bytes.fromhex(found[_BYTES]) if found.keys() == {_BYTES} else found


async def _serve(database: str, recording: str, port: int) -> None:
    is_postgres = database.startswith("postgresql")
    run = await _postgres_runner(database) if is_postgres else _sqlite_runner(Path(database))
    recorded, replies = json.loads(recording, object_hook=_with_bytes)
    await make_server(make_app(run, recorded, replies), host="127.0.0.1", port=port).serve()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--recording", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    uvloop.run(_serve(given.database, given.recording.read_text(), given.port))


if __name__ == "__main__":
    main()
