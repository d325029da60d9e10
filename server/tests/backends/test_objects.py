"""The object storage, by the real client against a server that speaks S3's protocol."""

from collections.abc import AsyncIterator

import httpx
import pytest

from learntrac.backends.objects import ObjectsDown
from learntrac.backends.objects.s3 import S3Storage
from tests.backends.object_server import BUCKET, CREDENTIALS, ObjectServer, object_server
from tests.environments import find_free_port


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ObjectServer]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    async with object_server() as running:
        yield running


@pytest.fixture
async def storage(server: ObjectServer) -> AsyncIterator[S3Storage]:
    opened = S3Storage(BUCKET, endpoint_url=server.url)
    yield opened
    await opened.close()


async def test_what_is_put_is_fetched_from_a_signed_address_until_it_is_deleted(
    server: ObjectServer, storage: S3Storage
) -> None:
    await storage.put("voice/a.mp3", b"sound", content_type="audio/mpeg")
    address = await storage.url("voice/a.mp3", seconds=60)

    async with httpx.AsyncClient() as anybody:
        fetched = await anybody.get(address)
        unsigned = await anybody.get(address.partition("?")[0])
        await storage.delete("voice/a.mp3")
        await storage.delete("voice/a.mp3")
        gone = await anybody.get(address)

    assert (fetched.content, fetched.headers["content-type"]) == (b"sound", "audio/mpeg")
    assert (unsigned.status_code, gone.status_code) == (403, 404)
    assert server.objects == {}


async def test_a_ping_finds_the_bucket(storage: S3Storage) -> None:
    await storage.ping()


async def test_a_bucket_that_is_not_there_is_down(server: ObjectServer) -> None:
    storage = S3Storage("another", endpoint_url=server.url)
    for call in (storage.ping(), storage.put("a", b"x", content_type="audio/mpeg")):
        with pytest.raises(ObjectsDown):
            await call
    await storage.close()


@pytest.mark.usefixtures("server")
async def test_a_storage_that_is_away_is_down() -> None:
    storage = S3Storage(BUCKET, endpoint_url=f"http://127.0.0.1:{find_free_port()}")
    with pytest.raises(ObjectsDown):
        await storage.put("a", b"x", content_type="audio/mpeg")
    await storage.close()
