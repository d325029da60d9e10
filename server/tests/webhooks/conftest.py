"""The API of an installation that lets webhooks reach this machine."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Api, TracCopy, serving
from tests.webhooks.receiving import NETWORKS


@pytest.fixture
async def hooked(trac_copy: TracCopy) -> AsyncIterator[Api]:
    """On each database in turn."""
    async with serving(trac_copy, webhook_networks=NETWORKS, access_token_seconds=86_400) as running:
        yield running
