"""Real requests with secrets in every place where one may be: none is found in any line of the log."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel
from sqlalchemy import text

from learntrac.accounts.routes import _login_request
from learntrac.accounts.schemas import LoginRequest
from learntrac.kit import logs
from learntrac.main import create_app, site
from tests.accounts.helpers import log_in, refresh
from tests.conftest import PASSWORDS, SECRET, Api, Person, TracCopy, make_settings, serving
from tests.environments import find_free_port
from tests.kit.conftest import Log

SECRETS = {
    name: f"{name}-Zork42"
    for name in ("wrong", "sql", "driver", "unique", "model", "query", "bearer", "broken", "field", "key", "free")
}
JSON = {"Content-Type": "application/json"}


class _Model(BaseModel):
    number: int


def add_failures_of_the_database(app: FastAPI) -> None:
    """Doors that fail as real ones might, each with a secret among the values of its statement."""

    @app.get("/api/learntrac/v1/fail/sql")
    async def sql(request: Request) -> None:
        async with request.app.state.database.begin() as session:
            await session.execute(text("SELECT no_such_column WHERE 1 = :it"), {"it": SECRETS["sql"]})

    @app.get("/api/learntrac/v1/fail/driver")
    async def driver(request: Request) -> None:
        database = request.app.state.database
        statement = "SELECT $1 + no_such" if database.is_sqlite else "SELECT $1::int"
        await database.hot.rows(statement, SECRETS["driver"])

    @app.get("/api/learntrac/v1/fail/unique")
    async def unique(request: Request) -> None:
        async with request.app.state.database.begin() as session:
            await session.execute(text("CREATE TABLE only_once (name TEXT PRIMARY KEY)"))
            for _ in range(2):
                await session.execute(text("INSERT INTO only_once VALUES (:name)"), {"name": SECRETS["unique"]})


def add_failures_of_a_request(app: FastAPI) -> None:
    """Doors whose error repeats what came with the request."""

    @app.get("/api/learntrac/v1/fail/model")
    async def model() -> None:
        _Model.model_validate({"number": SECRETS["model"]})

    @app.get("/api/learntrac/v1/fail/request")
    async def words(request: Request) -> None:
        logs.get_logger("learntrac.test").warning("odd", headers=dict(request.headers), url=str(request.url))
        raise RuntimeError(f"{request.headers['authorization']} {request.url} {dict(request.query_params)}")

    @app.post("/api/learntrac/v1/fail/login")
    async def login(body: Annotated[LoginRequest, Depends(_login_request)]) -> None:
        raise LookupError(f"nothing is known of {body.password}")

    @app.get("/api/learntrac/v1/fail/words")
    async def bare(request: Request) -> None:
        raise LookupError(request.query_params["token"])


@asynccontextmanager
async def failing(api: Api) -> AsyncIterator[Person]:
    """Somebody who calls the same server with those doors added."""
    app = create_app(api.parts)
    add_failures_of_the_database(app)
    add_failures_of_a_request(app)
    transport = httpx.ASGITransport(site(app, api.parts.settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
        yield Person(client)


def server_lines(log: Log) -> list[dict[str, Any]]:
    """Every line but those of the test's own client."""
    logging.getLogger("httpx").setLevel("WARNING")
    return [line for line in log.lines if not line["event"].startswith("HTTP Request: ")]


def found(log: Log, secrets: list[str]) -> list[str]:
    written = str(server_lines(log))
    return [secret for secret in secrets if secret in written]


async def test_signing_in_and_staying_signed_in(api: Api, log: Log) -> None:
    log.configure("json", "DEBUG")
    right = await log_in(api.anybody, "alice", headers={"Idempotency-Key": SECRETS["key"]})
    await log_in(api.anybody, "alice", SECRETS["wrong"])
    await log_in(api.anybody, SECRETS["wrong"], "x" * 2000)
    renewed = await refresh(api.anybody, right["refresh_token"])
    await refresh(api.anybody, right["refresh_token"][::-1])
    await Person(api.client, renewed["access_token"]).get("/auth/me", token=SECRETS["query"])
    await Person(api.client, renewed["access_token"] + "x").get("/auth/me")
    await Person(api.client, SECRETS["bearer"]).post("/auth/logout")
    await Person(api.client, renewed["access_token"]).post("/auth/logout")

    assert len([line for line in server_lines(log) if line["event"] == "request"]) == 9
    tokens = [right["access_token"], right["refresh_token"], renewed["access_token"], right["refresh_token"][::-1]]
    assert found(log, [*SECRETS.values(), *tokens, PASSWORDS["alice"]]) == []


@pytest.mark.parametrize("kind", ["sql", "driver", "unique", "model"])
async def test_an_error_that_names_a_value(api: Api, log: Log, kind: str) -> None:
    log.configure("json", "DEBUG")
    async with failing(api) as anybody:
        answer = await anybody.get(f"/fail/{kind}")
    (error,) = [line for line in server_lines(log) if line["event"] == "unexpected error"]

    assert answer.error == (500, "SERVER_ERROR")
    assert "Traceback" in error["exception"]
    assert found(log, list(SECRETS.values())) == []


async def test_an_error_that_repeats_the_request(api: Api, log: Log) -> None:
    async with failing(api) as anybody:
        caller = Person(anybody.client, SECRETS["bearer"])
        await caller.send("GET", "/fail/request", headers={"X-Api-Key": SECRETS["key"]}, params={"token": "q " * 9})
        await anybody.get("/fail/words", token=SECRETS["query"])

    assert len([line for line in log.lines if line["event"] == "unexpected error"]) == 2
    assert found(log, [*SECRETS.values(), "q q", "q+q", "q%20q"]) == []


async def test_an_error_that_holds_the_password_as_it_is(api: Api, log: Log) -> None:
    async with failing(api) as anybody:
        answer = await anybody.post("/fail/login", {"username": "alice", "password": SECRETS["free"]})

    assert answer.error == (500, "SERVER_ERROR")
    assert "LookupError: nothing is known of ***" in str(log.lines)
    assert found(log, [SECRETS["free"]]) == []


async def test_bodies_that_are_no_bodies(sqlite_api: Api, log: Log) -> None:
    log.configure("json", "DEBUG")
    secret = SECRETS["broken"]
    bodies = [
        f'{{"username": "alice", "password": "{secret}"',
        f'{{"username": "alice", "password": ["{secret}"]}}',
        f'{{"refresh_token": {{"{secret}": 1}}}}',
        f'"{secret}"',
        f"password={secret}",
        f'{{"username": "alice\\ud800", "password": "{secret}"}}',
    ]
    for path in ("/auth/login", "/auth/refresh", "/auth/logout", "/concepts/1/start"):
        for body in bodies:
            await sqlite_api.anybody.send("POST", path, content=body.encode(), headers=JSON)
    form = {"username": "alice", "password": secret, "extra": secret}
    await sqlite_api.anybody.send("POST", "/auth/login", data=form)

    assert len([line for line in server_lines(log) if line["event"] == "request"]) == 25
    assert found(log, [secret]) == []


async def test_what_the_server_itself_knows(sqlite_copy: TracCopy, log: Log) -> None:
    redis = f"redis://:{SECRETS['field']}@127.0.0.1:{find_free_port()}/0"
    settings = make_settings(sqlite_copy.folder, redis_url=redis, metrics_token="a token for scrapers")
    logs_before = len(log.lines)
    log.configure("json", "DEBUG", secrets=settings.secrets())
    async with serving(sqlite_copy, redis_url=redis) as api:
        await api.sign_in("alice")
    logs.get_logger("learntrac.test").error("settings", dump=settings.model_dump(), words=f"so: {SECRET}")
    logging.getLogger("a library").warning("%r", settings)

    assert any("redis does not answer" in line["event"] for line in log.lines[logs_before:])
    assert found(log, [SECRETS["field"], SECRET, "a token for scrapers"]) == []


async def test_every_line_of_a_request_names_it_and_who_asked(sqlite_api: Api, log: Log) -> None:
    app = create_app(sqlite_api.parts)

    @app.get("/api/learntrac/v1/talk")
    async def talk(request: Request) -> None:
        request.scope["edge"].user_id = "alice"
        logging.getLogger("a library").warning("one")
        await asyncio.gather(asyncio.to_thread(logs.get_logger("learntrac.test").warning, "two"), say("three"))
        raise RuntimeError("four")

    async def say(word: str) -> None:
        logs.get_logger("learntrac.test").warning(word)

    transport = httpx.ASGITransport(site(app, sqlite_api.parts.settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
        await Person(client).send("GET", "/talk", headers={"X-Request-ID": "mine"})
    lines = [line for line in server_lines(log) if line.get("request_id") == "mine"]

    assert sorted(line["event"] for line in lines) == ["one", "request", "three", "two", "unexpected error"]
    assert {line["user_id"] for line in lines} == {"alice"}
