"""Talking with the tutor through an API gateway, any of whose messages reaches any of two servers."""

import pytest
import pytest_asyncio

from tests.voice.conftest import TwoServers
from tests.voice.conversations import Conversations, Door

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.service("redis")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(two_servers: TwoServers) -> Door:
    """The gateway."""
    return Door(two_servers.api, two_servers.url, has_partials=False)


class TestGateway(Conversations):
    """Through the gateway."""
