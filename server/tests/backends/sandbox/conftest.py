"""A sandbox for a test: real boxes behind real walls. The first run on a machine builds the interpreter."""

from collections.abc import AsyncIterator

import pytest_asyncio

from learntrac.backends.sandbox.boxed import BoxedSandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> AsyncIterator[BoxedSandbox]:
    """Every tier of this machine, tested and ready."""
    running = BoxedSandbox(None)
    await running.opened()
    yield running
    await running.close()
