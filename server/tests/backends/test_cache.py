"""Limits: one suite for the embedded twin and a real Redis, and what happens when Redis goes away."""

import asyncio
import math
import sys
import time

import pytest

from learntrac.backends.cache import Cache, CacheDown, Counts, Window
from learntrac.backends.cache.counting import Counters
from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.cache.redis import CALLS_AT_ONCE, TRY_AGAIN_AFTER_SECONDS, RedisCache
from tests.accounts.helpers import stay_within_one_window
from tests.backends.redis_server import RedisServer, mute_server

HOUR = 3600


@pytest.fixture(autouse=True)
async def one_window() -> None:
    """Limits slide by the clock on the wall: figures are exact within one window."""
    await stay_within_one_window(HOUR)


async def hits(cache: Cache, key: str, *, times: int, limit: int = 3) -> list[bool]:
    return [(await cache.hit(key, limit=limit, window_seconds=HOUR)).allowed for _ in range(times)]


class TestWindows:
    """What is told of a limit of ten in a hundred seconds, at the time 1000."""

    @pytest.mark.parametrize(
        ("counts", "remaining", "reset_at"),
        [
            ((0, 0, 70.0), 10, 1000),
            ((0, 1, 100.0), 9, 1100),  # the first moment of a window
            ((0, 10, 50.0), 0, 1050),
            ((0, 12, 50.0), 0, 1050),
            ((10, 0, 55.0), 5, 1005),  # one of ten slides out every ten seconds
            ((10, 5, 55.0), 0, 1005),
            ((1, 5, 55.0), 5, 1055),
            ((0, 1, 50.2), 9, 1051),  # not too early
        ],
    )
    def test_follow_from_the_counts(self, counts: tuple[int, int, float], remaining: int, reset_at: int) -> None:
        window = Window.of(Counts(*counts), allowed=True, limit=10, window_seconds=100, now=1000)
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
        end = (time.time() // HOUR + 1) * HOUR
        assert all(window.limit == 3 and 0 <= window.reset_at - end <= 1 for window in windows)

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
async def test_the_window_before_slides_out_at_an_even_pace(redis_server: RedisServer) -> None:
    async def used(cache: Cache) -> int:
        return 100 - (await cache.peek("k", limit=100, window_seconds=1)).remaining

    async def slide(cache: Cache) -> None:
        for _ in range(100):
            await cache.hit("k", limit=100, window_seconds=1)
        end = time.time() // 1 + 1
        await asyncio.sleep(end + 0.3 - time.time())
        earliest = time.time()
        counted = await used(cache)
        assert math.floor(100 * (end + 1 - time.time())) <= counted <= math.floor(100 * (end + 1 - earliest))
        await asyncio.sleep(end + 1 - time.time())
        assert await used(cache) == 0

    await stay_within_one_window(1, needed=0.8)
    caches: tuple[Cache, ...] = (MemoryCache(), RedisCache(redis_server.url))
    await asyncio.gather(*(slide(cache) for cache in caches))
    await asyncio.gather(*(cache.close() for cache in caches))


class TestCountersOfThisProcess:
    def test_go_when_they_have_slid_out(self) -> None:
        now = 7200.0
        counters = Counters(clock=lambda: now)
        for number in range(5):
            counters.count(f"k{number}", limit=3, window_seconds=HOUR, by=1)
        now += 2 * HOUR
        counters.count("new", limit=3, window_seconds=HOUR, by=1)

        assert len(counters) == 1

    def test_are_never_too_many_and_those_in_use_stay(self) -> None:
        counters = Counters(most=10)
        for _ in range(3):
            counters.count("guesser", limit=3, window_seconds=HOUR, by=1)
        for number in range(50):
            counters.count(f"k{number}", limit=3, window_seconds=HOUR, by=1)
            assert not counters.count("guesser", limit=3, window_seconds=HOUR, by=0).allowed

        assert len(counters) == 10

    def test_a_look_makes_none(self) -> None:
        counters = Counters()
        assert counters.count("k", limit=3, window_seconds=HOUR, by=0).remaining == 3
        assert len(counters) == 0


HAMMER = """
import asyncio, sys
from learntrac.backends.cache.redis import RedisCache

async def main():
    cache = RedisCache(sys.argv[1])
    await cache.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    hits = [cache.hit("k", limit=500, window_seconds=3600) for _ in range(125)]
    print(sum(window.allowed for window in await asyncio.gather(*hits)))
    await cache.close()

asyncio.run(main())
"""


@pytest.mark.service("redis")
async def test_of_a_thousand_hits_from_eight_processes_exactly_the_limit_is_allowed(redis_server: RedisServer) -> None:
    command, pipe = (sys.executable, "-c", HAMMER, redis_server.url), asyncio.subprocess.PIPE
    starts = [asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe) for _ in range(8)]
    processes = await asyncio.gather(*starts)
    for process in processes:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    allowed = [int(out) for out, _ in await asyncio.gather(*(process.communicate(b"\n") for process in processes))]

    assert sum(allowed) == 500
    assert len([count for count in allowed if count]) > 1, "they were at it at the same time"


@pytest.mark.service("redis")
class TestRedis:
    async def test_all_workers_share_one_count(self, redis_server: RedisServer) -> None:
        workers = [RedisCache(redis_server.url), RedisCache(f"unix://{redis_server.socket_file}?db=0")]
        allowed = [await hits(workers[number % 2], "k", times=1, limit=5) for number in range(7)]

        assert allowed == [[True]] * 5 + [[False]] * 2
        for worker in workers:
            await worker.close()

    async def test_a_hit_is_one_call(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        await hits(cache, "k", times=1)
        with redis_server.calls() as calls:
            await hits(cache, "k", times=5, limit=4)
        await cache.close()

        assert calls.pop("evalsha") == 5
        assert calls == {"time": 5, "get": 5, "set": 4}, "these are inside the script"

    async def test_every_counter_ends(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        await hits(cache, "k", times=3)
        await cache.ping()
        lives = redis_server.lives()
        await cache.close()

        assert lives.keys() == {"learntrac:limit:3/3600:k", "learntrac:ping"}
        assert 0 < lives["learntrac:ping"] <= 1000
        assert HOUR * 1000 < lives["learntrac:limit:3/3600:k"] <= 2 * HOUR * 1000

    async def test_a_key_may_be_any_text(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        assert await hits(cache, "\ud800", times=4) == [True, True, True, False]
        await cache.put("\ud800", b"value", seconds=60)
        assert await cache.get("\ud800") == b"value"
        await cache.close()

        assert len(redis_server.lives()) == 2, "neither made it look as if Redis were away"

    async def test_what_is_forgotten_starts_afresh(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        await hits(cache, "k", times=4)
        redis_server.flush()

        assert await hits(cache, "k", times=4) == [True, True, True, False]
        assert redis_server.lives().keys() == {"learntrac:limit:3/3600:k"}, "counted there, not here"
        await cache.close()

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
        assert time.monotonic() - begun < 3
        begun = time.monotonic()
        with pytest.raises(CacheDown):
            await cache.ping()
        assert time.monotonic() - begun < 3

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

        assert time.monotonic() - begun < 3
        assert sum(window.allowed for window in windows) == 30
        await cache.close()

    async def test_a_burst_opens_a_few_connections_only(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        await asyncio.gather(*(cache.hit("k", limit=30, window_seconds=HOUR) for _ in range(200)))
        clients = await cache._client.info("clients")

        assert clients["connected_clients"] <= CALLS_AT_ONCE
        await cache.close()

    async def test_while_it_hangs_one_call_in_a_second_tries_it(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        redis_server.hang()
        await hits(cache, "k", times=1)
        await asyncio.sleep(TRY_AGAIN_AFTER_SECONDS)
        trying = asyncio.create_task(cache.hit("k", limit=3, window_seconds=HOUR))
        await asyncio.sleep(0)
        others = asyncio.gather(*(cache.hit("k", limit=3, window_seconds=HOUR) for _ in range(20)))
        await asyncio.wait([others])

        assert not trying.done(), "the others did not wait for it"
        assert (await trying).limit == 3
        await cache.close()

    async def test_one_that_is_full_counts_as_away_though_it_answers(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        await cache.put("k", b"value", seconds=60)
        redis_server.fill_up()
        assert await hits(cache, "k", times=4) == [True, True, True, False]
        await asyncio.sleep(TRY_AGAIN_AFTER_SECONDS)
        assert await cache.get("k") is None, "that it still can be read does not make it well"
        with pytest.raises(CacheDown, match="each process counts limits for itself"):
            await cache.ping()

        redis_server.make_room()
        await cache.ping()
        assert await hits(cache, "k", times=4) == [True, True, True, False]
        await cache.close()

    async def test_an_address_that_never_answers_counts_here(self) -> None:
        with mute_server() as url:
            cache = RedisCache(url)
            begun = time.monotonic()
            assert await hits(cache, "k", times=4) == [True, True, True, False]
            assert time.monotonic() - begun < 3
            with pytest.raises(CacheDown):
                await cache.ping()
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
