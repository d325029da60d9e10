"""The cache: one suite for the embedded twin and a real Redis, and what happens when Redis goes away."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from learntrac.backends.cache import Cache, CacheDown, Counts, Window
from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.cache.redis import CALLS_AT_ONCE, TRY_AGAIN_AFTER_SECONDS, RedisCache
from tests.accounts.helpers import log_in, stay_within_one_window, write_htpasswd
from tests.backends.redis_server import RedisServer
from tests.conftest import Person, TracCopy, serving

HOUR = 3600


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service("redis"))])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """Each kind of cache in turn."""
    await stay_within_one_window(HOUR)
    made: Cache = MemoryCache()
    if request.param == "redis":
        made = RedisCache(request.getfixturevalue("redis_server").url)
    yield made
    await made.close()


async def hits(cache: Cache, key: str, *, times: int, limit: int = 3) -> list[bool]:
    return [(await cache.hit(key, limit=limit, window_seconds=HOUR)).allowed for _ in range(times)]


class TestWindows:
    """What is told of a limit of ten in a hundred seconds, at the time 1000."""

    @pytest.mark.parametrize(
        ("counts", "remaining", "reset_at"),
        [
            ((0, 0.0, 0, 0.0), 10, 1000),
            ((0, 0.0, 1, 200.0), 9, 1100),  # the first moment of a window
            ((0, 0.0, 10, 150.0), 0, 1050),
            ((0, 0.0, 12, 150.0), 0, 1050),
            ((10, 55.0, 0, 0.0), 5, 1005),  # one of ten slides out every ten seconds
            ((10, 55.0, 5, 155.0), 0, 1005),
            ((1, 55.0, 5, 155.0), 5, 1055),
            ((0, 0.0, 1, 150.2), 9, 1051),  # not too early
        ],
    )
    def test_follow_from_the_counts(self, counts: Counts, remaining: int, reset_at: int) -> None:
        window = Window.of(counts, allowed=True, limit=10, window_seconds=100, now=1000)
        assert window == Window(allowed=True, limit=10, remaining=remaining, reset_at=reset_at)


class TestEveryCache:
    async def test_of_a_hundred_hits_at_once_exactly_the_limit_is_allowed(self, cache: Cache) -> None:
        windows = await asyncio.gather(*(cache.hit("k", limit=30, window_seconds=HOUR) for _ in range(100)))

        assert sum(window.allowed for window in windows) == 30
        assert (await cache.peek("k", limit=30, window_seconds=HOUR)).remaining == 0

    async def test_says_how_many_are_left_and_until_when(self, cache: Cache) -> None:
        windows = [await cache.hit("k", limit=3, window_seconds=HOUR) for _ in range(5)]

        assert [window.remaining for window in windows] == [2, 1, 0, 0, 0]
        assert [window.allowed for window in windows] == [True, True, True, False, False]
        # Memory slides by the hours of the clock, Redis by the hour of the first hit.
        end = HOUR - time.time() % HOUR if cache.name == "embedded" else HOUR
        for window in windows:
            assert window.limit == 3
            assert abs(window.reset_at - time.time() - end) < 2

    async def test_looking_does_not_count(self, cache: Cache) -> None:
        looks = [await cache.peek("k", limit=2, window_seconds=HOUR) for _ in range(5)]
        assert {(look.allowed, look.remaining) for look in looks} == {(True, 2)}
        assert await hits(cache, "k", times=3, limit=2) == [True, True, False]

        look = await cache.peek("k", limit=2, window_seconds=HOUR)
        assert (look.allowed, look.remaining) == (False, 0)

    async def test_what_is_cleared_starts_afresh(self, cache: Cache) -> None:
        await hits(cache, "k", times=4)
        await hits(cache, "other", times=2)
        await cache.clear("k", limit=3, window_seconds=HOUR)
        await cache.clear("never hit", limit=3, window_seconds=HOUR)

        assert await hits(cache, "k", times=4) == [True, True, True, False]
        assert await hits(cache, "other", times=2) == [True, False]

    async def test_each_key_counts_for_itself(self, cache: Cache) -> None:
        for key in ("alice", "alice:", "a b", "zoë", "x" * 300, "{curly}", "a/-1"):
            assert await hits(cache, key, times=4) == [True, True, True, False], key

    async def test_answers_when_asked(self, cache: Cache) -> None:
        await cache.ping()
        assert cache.name in ("embedded", "redis")


@pytest.mark.service("redis")
async def test_from_reset_on_there_is_more(redis_server: RedisServer) -> None:
    async def use_up(cache: Cache) -> None:
        windows = [await cache.hit("k", limit=2, window_seconds=1) for _ in range(3)]
        assert [window.allowed for window in windows] == [True, True, False]
        await asyncio.sleep(windows[-1].reset_at - time.time() + 0.01)
        assert (await cache.hit("k", limit=2, window_seconds=1)).allowed

    await stay_within_one_window(1, needed=0.5)
    caches: tuple[Cache, ...] = (MemoryCache(), RedisCache(redis_server.url))
    await asyncio.gather(*(use_up(cache) for cache in caches))
    await asyncio.gather(*(cache.close() for cache in caches))


@pytest.mark.service("redis")
class TestRedis:
    async def test_all_workers_share_one_count(self, redis_server: RedisServer) -> None:
        workers = [RedisCache(redis_server.url), RedisCache(f"unix://{redis_server.socket_file}?db=0")]
        allowed = [await hits(workers[number % 2], "k", times=1, limit=5) for number in range(7)]

        assert allowed == [[True]] * 5 + [[False]] * 2
        for worker in workers:
            await worker.close()

    @pytest.mark.parametrize("away", ["killed", "hung"])
    async def test_while_it_is_away_this_process_counts_and_afterwards_redis_again(
        self, redis_server: RedisServer, away: str
    ) -> None:
        cache, other = RedisCache(redis_server.url), RedisCache(redis_server.url)
        await hits(cache, "before", times=2)
        redis_server.kill() if away == "killed" else redis_server.hang()

        begun = time.monotonic()
        assert await hits(cache, "k", times=5) == [True, True, True, False, False]
        assert not (await cache.peek("k", limit=3, window_seconds=HOUR)).allowed
        await cache.clear("k", limit=3, window_seconds=HOUR)
        assert await hits(cache, "k", times=1) == [True]
        assert time.monotonic() - begun < 1
        begun = time.monotonic()
        with pytest.raises(CacheDown):
            await cache.ping()
        assert time.monotonic() - begun < 1

        redis_server.start() if away == "killed" else redis_server.go_on()
        await asyncio.sleep(TRY_AGAIN_AFTER_SECONDS)
        await cache.ping()
        await hits(cache, "after", times=2)
        assert (await other.peek("after", limit=3, window_seconds=HOUR)).remaining == 1
        for worker in (cache, other):
            await worker.close()

    async def test_of_a_hundred_hits_while_it_hangs_none_waits_long(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        redis_server.hang()
        begun = time.monotonic()
        windows = await asyncio.gather(*(cache.hit("k", limit=30, window_seconds=HOUR) for _ in range(100)))

        assert time.monotonic() - begun < 1
        assert sum(window.allowed for window in windows) == 30
        await cache.close()

    async def test_a_burst_opens_a_few_connections_only(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        await asyncio.gather(*(cache.hit("k", limit=30, window_seconds=HOUR) for _ in range(200)))
        clients = await cache._client.info("clients")

        assert clients["connected_clients"] <= CALLS_AT_ONCE
        await cache.close()

    async def test_an_address_where_nothing_is_counts_here(self) -> None:
        for url in ("redis://127.0.0.1:1/0", "unix:///nowhere/redis.socket"):
            cache = RedisCache(url)
            assert await hits(cache, "k", times=4) == [True, True, True, False]
            with pytest.raises(CacheDown):
                await cache.ping()
            await cache.close()

    @pytest.mark.parametrize("url", ["", "zork", "http://host", "redis://host:secret/0", "redis://host:99999"])
    def test_what_is_no_url_of_a_redis_is_refused_without_echo(self, url: str) -> None:
        with pytest.raises(ValueError, match="a Redis URL is redis://") as refused:
            RedisCache(url)
        assert "secret" not in str(refused.value)

    async def test_the_doors_stay_open_while_it_hangs(
        self, redis_server: RedisServer, sqlite_template: Path, tmp_path: Path
    ) -> None:
        trac = TracCopy(shutil.copytree(sqlite_template, tmp_path / "trac"))
        write_htpasswd(trac.folder)
        async with serving(trac, redis_url=redis_server.url) as api:
            alice = await api.sign_in("alice")
            assert (await api.anybody.get("/status"))["services"]["redis"] == "healthy"
            redis_server.hang()

            token = (await log_in(api.anybody, "bob"))["access_token"]
            answers = [await person.get("/auth/me") for person in (alice, Person(api.client, token))]
            assert [answer.status for answer in answers] == [200, 200]
            assert all("x-ratelimit-remaining" in answer.headers for answer in answers)
            assert (await api.anybody.get("/status"))["services"]["redis"] == "unavailable"
            assert (await alice.post("/auth/logout")).status == 200
            assert (await alice.get("/auth/me")).status == 401
