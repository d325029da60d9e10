"""Answers kept for some seconds: one suite for the embedded twin and a real Redis, and Redis going away."""

import asyncio
import time

import pytest

from learntrac.backends.cache import LARGEST_VALUE_BYTES, Cache
from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.cache.redis import TRY_AGAIN_AFTER_SECONDS, RedisCache
from tests.backends.redis_server import RedisServer, mute_server


class TestEveryCache:
    async def test_what_was_put_is_there_until_it_is_dropped(self, cache: Cache) -> None:
        assert await cache.get("k") is None
        for value in (b"first", b"", b"\x00\xff", b"x" * LARGEST_VALUE_BYTES):
            await cache.put("k", value, seconds=60)
            assert await cache.get("k") == value
        await cache.put("other", b"other", seconds=60)
        await cache.drop("k")
        await cache.drop("never put")

        assert (await cache.get("k"), await cache.get("other")) == (None, b"other")

    async def test_it_is_gone_when_its_seconds_are_over(self, cache: Cache) -> None:
        await cache.put("short", b"old", seconds=0.05)
        await cache.put("again", b"old", seconds=0.05)
        await cache.put("again", b"new", seconds=60)
        await asyncio.sleep(0.06)

        assert (await cache.get("short"), await cache.get("again")) == (None, b"new")

    async def test_what_is_too_large_is_not_kept_and_neither_is_what_it_replaces(self, cache: Cache) -> None:
        await cache.put("k", b"old", seconds=60)
        await cache.put("k", b"x" * (LARGEST_VALUE_BYTES + 1), seconds=60)

        assert await cache.get("k") is None

    async def test_values_and_limits_do_not_meet(self, cache: Cache) -> None:
        await cache.hit("k", limit=3, window_seconds=3600)
        await cache.put("k", b"value", seconds=60)
        await cache.clear("k", limit=3, window_seconds=3600)

        assert await cache.get("k") == b"value"

    async def test_a_claim_is_one_s_own_until_it_is_released_or_over(self, cache: Cache) -> None:
        assert await cache.claim("door", "me", seconds=60)
        assert not await cache.claim("door", "you", seconds=60)
        await cache.release("door", "you")
        assert not await cache.claim("door", "you", seconds=60), "it was not yours to release"
        await cache.release("door", "me")
        assert await cache.claim("door", "you", seconds=0.05)
        await asyncio.sleep(0.06)
        assert await cache.claim("door", "me", seconds=60)


class TestMemory:
    async def test_what_was_used_least_recently_makes_room(self) -> None:
        cache = MemoryCache(kept_bytes=10_000)
        for number in range(100):
            await cache.put(f"k{number}", b"x" * 1000, seconds=60)
            assert await cache.get("k0"), "in use"
        kept = [number for number in range(100) if await cache.get(f"k{number}")]

        assert kept == [0, *range(93, 100)]

    async def test_what_is_gone_takes_no_room(self) -> None:
        cache = MemoryCache(kept_bytes=10_000)
        await cache.put("stays", b"x" * 1000, seconds=60)
        for number in range(100):
            await cache.put("k", b"x" * 7000, seconds=60)
            await (cache.drop("k") if number % 2 else cache.put("k", b"", seconds=0))
            assert await cache.get("k") is None

        assert await cache.get("stays")


@pytest.mark.service("redis")
class TestRedis:
    async def test_all_processes_share_what_is_kept(self, redis_server: RedisServer) -> None:
        one, other = RedisCache(redis_server.url), RedisCache(redis_server.url)
        await one.put("k", b"value", seconds=60)
        assert await other.get("k") == b"value"
        await other.drop("k")

        assert await one.get("k") is None
        await asyncio.gather(one.close(), other.close())

    async def test_every_value_ends(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        await cache.put("k", b"value", seconds=60)
        await cache.put("soon", b"value", seconds=0.0001)
        await cache.close()

        assert 59_000 < redis_server.lives()["learntrac:kept:k"] <= 60_000

    @pytest.mark.parametrize("away", ["killed", "hung", "full"])
    async def test_while_it_is_away_everything_is_a_miss(self, redis_server: RedisServer, away: str) -> None:
        cache = RedisCache(redis_server.url)
        end = {"killed": redis_server.kill, "hung": redis_server.hang, "full": redis_server.fill_up}
        back = {"killed": redis_server.start, "hung": redis_server.go_on, "full": redis_server.make_room}
        end[away]()
        begun = time.monotonic()
        await cache.put("k", b"value", seconds=60)
        assert await cache.get("k") is None
        await cache.drop("k")
        assert time.monotonic() - begun < 3

        back[away]()
        await asyncio.sleep(TRY_AGAIN_AFTER_SECONDS)
        await cache.put("k", b"value", seconds=60)
        assert await cache.get("k") == b"value"
        await cache.close()

    async def test_at_an_address_that_never_answers_everything_is_a_miss(self) -> None:
        with mute_server() as url:
            cache = RedisCache(url)
            await cache.put("k", b"value", seconds=60)
            assert await cache.get("k") is None
            await cache.close()
