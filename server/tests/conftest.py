"""What tests share: a real Trac with a small course, on SQLite and on PostgreSQL, and the API over it.

A test that takes `api` runs twice, once on each database, through the same doors as any client.
"""

import asyncio
import gc
import itertools
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import psycopg2
import pytest
from hypothesis import settings as hypothesis_settings

from learntrac.backends.queue import Drained
from learntrac.config import Settings
from learntrac.kit.http.doors import API
from learntrac.main import Parts, all_tasks, create_app, opened, site
from learntrac.trac.author import add_user, write_course
from tests.backends.neo4j_server import Neo4jServer, find_missing, shared_server
from tests.course import COURSE
from tests.environments import CACHE, Postgres, make_trac16, postgres_server

# How long an example takes is the machine's doing.
hypothesis_settings.register_profile("learntrac", deadline=None)
hypothesis_settings.load_profile("learntrac")

PASSWORDS = {"admin": "admin-password", "ivan": "ivan-password", "alice": "alice-password", "bob": "bob-password"}
RIGHTS = {"admin": ("TRAC_ADMIN",), "ivan": ("LEARNTRAC_INSTRUCTOR",)}
SECRET = "a secret key for tests, long enough"
WRITTEN_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

_numbers = itertools.count(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped service test is a failure: a service that is missing there must not go unnoticed."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("service"):
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="module", autouse=True)
def garbage() -> Iterator[None]:
    """What outlives a module is looked at no more: walking what thousands of tests have made took up to four seconds,
    in which everything that a later test waits for stood still.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for as long as the tests run."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """The one real Neo4j of the session, started when the first test needs it."""
    if missing := find_missing():
        pytest.skip(f"no {missing} here")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # what all workers share
    with shared_server(folder / "neo4j", CACHE) as server:
        yield server


@pytest.fixture
def neo4j(neo4j_server: Neo4jServer) -> Iterator[Neo4jServer]:
    """The Neo4j for one test at a time; it holds nothing yet."""
    with neo4j_server.alone():
        neo4j_server.run("MATCH (n) DETACH DELETE n")
        yield neo4j_server


@dataclass
class Clock:
    """The time, which a test may move. It runs along with the real one."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **amount: float) -> None:
        """Let time pass, in the units of timedelta."""
        self.ahead += timedelta(**amount)


def _fill(folder: Path) -> None:
    write_course(folder, COURSE, author="ivan", now=WRITTEN_AT)
    # Hashes that are checked at once, as nearly every test signs somebody in; what is there already is kept.
    hashes = {name: bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)) for name, password in PASSWORDS.items()}
    lines = [f"{name}:{known.decode()}\n" for name, known in hashes.items()]
    (folder / "conf" / "htpasswd").write_text("".join(lines))
    for name, password in PASSWORDS.items():
        rights, full_name = RIGHTS.get(name, ()), name.title()
        add_user(folder, name, password, permissions=rights, email=f"{name}@example.org", full_name=full_name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Trac on SQLite with the small course, to be copied."""
    folder = tmp_path_factory.mktemp("trac") / "sqlite"
    make_trac16(folder)
    _fill(folder)
    return folder


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Path:
    """The same Trac on PostgreSQL: its folder; its database is called `template_trac`."""
    folder = tmp_path_factory.mktemp("trac") / "postgresql"
    postgres.create_database("template_trac")
    make_trac16(folder, postgres.url("template_trac", "trac"))
    _fill(folder)
    return folder


def _warmed(cold: Path, folder: Path, settle: Callable[[Path], None]) -> Path:
    """The same Trac as a server leaves it: LearnTrac's tables made, the catalog read. Most tests begin there."""
    shutil.copytree(cold, folder)
    settle(folder)

    async def serve_once() -> None:
        async with serving(TracCopy(folder)):
            pass

    asyncio.run(serve_once())
    return folder


@pytest.fixture(scope="session")
def warm_sqlite_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _warmed(sqlite_template, tmp_path_factory.mktemp("warm") / "sqlite", lambda _: None)


@pytest.fixture(scope="session")
def warm_postgres_template(
    postgres_template: Path, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Path:
    """Its database is called `template_warm`."""

    def settle(folder: Path) -> None:
        postgres.create_database("template_warm", template="template_trac")
        _point(folder, "template_trac", "template_warm")

    return _warmed(postgres_template, tmp_path_factory.mktemp("warm") / "postgresql", settle)


def _point(folder: Path, old: str, new: str) -> None:
    """Have trac.ini name another database."""
    ini = folder / "conf" / "trac.ini"
    ini.write_text(ini.read_text().replace(f"/{old}?", f"/{new}?"))


@dataclass
class TracCopy:
    """A Trac of a test's own: its folder, and how to run SQL in its database as Trac's owner would."""

    folder: Path
    plain_url: str | None = None

    def execute(self, sql: str, *values: object) -> list[Any]:
        """Run one statement with `?` parameters in Trac's database; its rows, if it has any."""
        if self.plain_url is None:
            with sqlite3.connect(self.folder / "db" / "trac.db") as connection:
                rows = connection.execute(sql, values).fetchall()
            connection.close()
            return rows
        connection = psycopg2.connect(self.plain_url, options="-c search_path=trac")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql.replace("?", "%s"), values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def set_option(self, section: str, option: str, value: str) -> None:
        """Set one option of trac.ini, as an operator's editor would."""
        file = self.folder / "conf" / "trac.ini"
        file.write_text(f"{file.read_text()}\n[{section}]\n{option} = {value}\n")


@pytest.fixture(params=["sqlite", "postgresql"])
def trac_copy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TracCopy]:
    """A Trac with the small course, on each database in turn. LearnTrac has been there before where a test uses `api`;
    for the others it is as Trac made it.
    """
    folder, warm = tmp_path / "trac", "warm_" if "api" in request.fixturenames else ""
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue(f"{warm}sqlite_template"), folder)
        yield TracCopy(folder)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    shutil.copytree(request.getfixturevalue(f"{warm}postgres_template"), folder)
    template, name = "template_warm" if warm else "template_trac", f"test_{next(_numbers)}"
    postgres.create_database(name, template=template)
    _point(folder, template, name)
    yield TracCopy(folder, postgres.url(name, "plain"))
    postgres.drop_database(name)


@dataclass
class Answer:
    """What the API answered."""

    status: int
    body: Any
    headers: httpx.Headers

    def __getitem__(self, key: str) -> Any:
        return self.body[key]

    @property
    def error(self) -> tuple[int, str]:
        """(status, code) of an error in the envelope."""
        assert set(self.body) == {"error"}, self.body
        assert set(self.body["error"]) == {"code", "message", "details", "request_id", "timestamp"}
        return self.status, self.body["error"]["code"]


@dataclass
class Person:
    """Somebody who calls the API, signed in or not."""

    client: httpx.AsyncClient
    token: str | None = None
    login: dict[str, Any] = field(default_factory=dict)

    async def get(self, path: str, **params: Any) -> Answer:
        return await self.send("GET", path, params=params)

    async def post(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.send("POST", path, json=json, **more)

    async def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = await self.client.request(method, API + path, headers=authorization | (headers or {}), **more)
        body = response.json() if response.headers["content-type"].startswith("application/json") else response.text
        return Answer(response.status_code, body, response.headers)


@dataclass
class Api:
    """The API over a test's own Trac."""

    parts: Parts
    trac: TracCopy
    clock: Clock
    client: httpx.AsyncClient

    @property
    def anybody(self) -> Person:
        """Somebody without a token."""
        return Person(self.client)

    async def drain(self) -> Drained:
        """Run the jobs that are due, as a worker would."""
        return await self.parts.queue.drain(all_tasks(self.parts))

    async def sign_in(self, name: str) -> Person:
        """One of PASSWORDS, signed in."""
        answer = await self.anybody.post("/auth/login", {"username": name, "password": PASSWORDS[name]})
        assert answer.status == 200, answer.body
        return Person(self.client, answer["access_token"], answer.body)


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Settings for a test's Trac; the environment's own variables do not matter."""
    known: dict[str, Any] = {"trac_env": folder, "secret_key": SECRET, "sync_interval_seconds": 0.2}
    return Settings(**(known | changes))


@asynccontextmanager
async def serving(trac: TracCopy, clock: Clock | None = None, **changes: Any) -> AsyncIterator[Api]:
    """The API over this Trac, with settings as given; for tests that need other settings or a second server."""
    clock = clock or Clock()
    settings = make_settings(trac.folder, **changes)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(opened(settings, clock=clock))
        transport = httpx.ASGITransport(site(create_app(parts), settings), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://learn.test")
        yield Api(parts, trac, clock, await stack.enter_async_context(client))


@pytest.fixture
async def api(trac_copy: TracCopy) -> AsyncIterator[Api]:
    """The API over the small course, on each database in turn, in step with Trac."""
    async with serving(trac_copy) as running:
        while not running.parts.sync.synced_at:  # noqa: ASYNC110 - it has no event: nobody else waits for it
            await asyncio.sleep(0.005)
        yield running


async def eventually(holds: Callable[[], Awaitable[bool]], *, within_seconds: float = 20) -> None:
    """Wait until something holds. How soon it does is measured in benchmarks/sync_cost: tests share a machine."""
    until = time.monotonic() + within_seconds
    while not await holds():
        assert time.monotonic() < until, f"did not hold within {within_seconds} s"
        await asyncio.sleep(0.05)
