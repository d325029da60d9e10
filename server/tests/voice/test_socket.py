"""Talking with the tutor over a WebSocket of the server itself."""

import pytest
import pytest_asyncio

from tests.voice.conftest import Live
from tests.voice.conversations import Conversations, Door

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(live: Live) -> Door:
    """The server's own socket."""
    return Door(live.api, live.url, has_partials=True)


class TestSocket(Conversations):
    """Over the server's own socket."""
