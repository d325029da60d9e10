"""Messages to all processes: one suite for the embedded twin and a real Redis, and Redis going away.

Two caches on one Redis are to it what two processes are: each has its own connections and its own mark.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from learntrac.backends.cache import Cache, listening
from learntrac.backends.cache.fanout import QUEUE_LENGTH, Subscription
from learntrac.backends.cache.redis import RedisCache
from tests.backends.redis_server import RedisServer, mute_server
from tests.conftest import eventually


async def take(messages: Subscription, count: int) -> list[bytes]:
    """The next messages; fails where they do not come."""
    async with asyncio.timeout(30):
        return [await anext(messages) for _ in range(count)]


async def is_silent(messages: Subscription) -> bool:
    """Whether nothing more comes."""
    try:
        async with asyncio.timeout(0.1):
            return not await anext(messages)
    except TimeoutError:
        return True


class TestEveryCache:
    async def test_every_subscriber_gets_every_message_once_and_in_order(self, cache: Cache) -> None:
        sent = [b"", b"\x00\xff", *(str(number).encode() for number in range(50))]
        async with cache.subscribe("c") as one, cache.subscribe("c") as two:
            for message in sent:
                await cache.publish("c", message)

            assert [await take(one, len(sent)), await take(two, len(sent))] == [sent, sent]
            assert await is_silent(one)
            assert (one.dropped, two.dropped) == (0, 0)

    async def test_each_channel_is_by_itself(self, cache: Cache) -> None:
        async with cache.subscribe("c") as here, cache.subscribe("zoë: a b") as there:
            await cache.publish("c", b"1")
            await cache.publish("zoë: a b", b"2")
            await cache.publish("nobody", b"3")

            assert [await take(here, 1), await take(there, 1)] == [[b"1"], [b"2"]]
            assert await is_silent(here)

    async def test_what_was_published_before_or_after_is_not_there(self, cache: Cache) -> None:
        await cache.publish("c", b"before")
        async with cache.subscribe("c") as messages:
            await cache.publish("c", b"meanwhile")
        await cache.publish("c", b"after")
        async with cache.subscribe("c") as again:
            assert await is_silent(again)

        assert await take(messages, 1) == [b"meanwhile"]

    async def test_who_is_too_slow_loses_the_oldest_and_is_told_how_many(self, cache: Cache) -> None:
        async with cache.subscribe("c") as slow, cache.subscribe("c") as quick:
            for number in range(QUEUE_LENGTH + 10):
                await cache.publish("c", str(number).encode())
                assert await take(quick, 1) == [str(number).encode()]

            assert (slow.dropped, quick.dropped) == (10, 0)
            assert await take(slow, QUEUE_LENGTH) == [str(number + 10).encode() for number in range(QUEUE_LENGTH)]

    async def test_closing_ends_the_loops_after_what_waits(self, cache: Cache) -> None:
        async with cache.subscribe("c") as messages, asyncio.timeout(30):
            waiting = asyncio.create_task(take(messages, 1))
            await cache.publish("c", b"first")
            assert await waiting == [b"first"]
            await cache.publish("c", b"last")
            await cache.close()

            assert [message async for message in messages] == [b"last"]

    async def test_closing_wakes_who_waits(self, cache: Cache) -> None:
        async def read(messages: Subscription) -> list[bytes]:
            return [message async for message in messages]

        async with cache.subscribe("c") as messages, asyncio.timeout(30):
            reading = asyncio.create_task(read(messages))
            await asyncio.sleep(0)
            await cache.close()
            assert await reading == []


@pytest.fixture
async def two(redis_server: RedisServer) -> AsyncIterator[tuple[RedisCache, RedisCache]]:
    """The caches of two processes."""
    one, other = RedisCache(redis_server.url), RedisCache(redis_server.url)
    yield one, other
    await asyncio.gather(one.close(), other.close())


async def is_connected(one: RedisCache, other: RedisCache, messages: Subscription) -> bool:
    """Whether what `other` publishes comes to `messages` of `one`; nothing may be on its way."""
    await other.publish("c", b"are you there?")
    return not await is_silent(messages)


PUBLISH = """
import asyncio, sys
from learntrac.backends.cache.redis import RedisCache

async def main():
    cache = RedisCache(sys.argv[1])
    await cache.publish("c", b"from elsewhere")
    await cache.close()

asyncio.run(main())
"""


@pytest.mark.service("redis")
class TestRedis:
    async def test_a_message_reaches_another_process(self, redis_server: RedisServer) -> None:
        cache = RedisCache(redis_server.url)
        async with cache.subscribe("c") as messages:
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", PUBLISH, redis_server.url)
            assert await take(messages, 1) == [b"from elsewhere"]
            assert await process.wait() == 0
        await cache.close()

    async def test_every_process_gets_it_once(self, two: tuple[RedisCache, RedisCache]) -> None:
        one, other = two
        async with one.subscribe("c") as here, one.subscribe("c") as too, other.subscribe("c") as there:
            for cache in two:
                await cache.publish("c", cache.name.encode())

            for messages in (here, too, there):
                assert await take(messages, 2) == [b"redis", b"redis"]
                assert await is_silent(messages)

    async def test_a_process_has_one_connection_for_all_it_listens_to(
        self, two: tuple[RedisCache, RedisCache], redis_server: RedisServer
    ) -> None:
        one, other = two
        before = redis_server.connections()
        opened = [one.subscribe(f"c{number}") for number in range(20)]
        subscriptions = [await context.__aenter__() for context in opened]
        for number in range(20):
            await other.publish(f"c{number}", b"x")
        assert [await take(messages, 1) for messages in subscriptions] == [[b"x"]] * 20
        assert redis_server.connections() - before <= 2, "one to listen, one to publish"

        for context in opened:
            await context.__aexit__(None, None, None)
        await eventually(lambda: _nobody_listens(redis_server))

    async def test_leaving_and_coming_back_at_once_works(self, two: tuple[RedisCache, RedisCache]) -> None:
        one, other = two
        for number in range(10):
            async with one.subscribe("c") as messages:
                await other.publish("c", str(number).encode())
                assert await take(messages, 1) == [str(number).encode()]

    @pytest.mark.parametrize("away", ["killed", "disconnected"])
    async def test_it_comes_back_by_itself(
        self, two: tuple[RedisCache, RedisCache], redis_server: RedisServer, away: str
    ) -> None:
        one, other = two
        async with one.subscribe("c") as messages:
            if away == "killed":
                redis_server.kill()
                await one.publish("c", b"within one process")
                await other.publish("c", b"never arrives")
                assert await take(messages, 1) == [b"within one process"]
                redis_server.start()
            else:
                redis_server.disconnect_everybody()
            await eventually(lambda: is_connected(one, other, messages))

    async def test_a_subscription_that_began_while_it_was_down_is_made_good(
        self, two: tuple[RedisCache, RedisCache], redis_server: RedisServer
    ) -> None:
        one, other = two
        redis_server.kill()
        async with one.subscribe("c") as messages:
            await one.publish("c", b"here")
            assert await take(messages, 1) == [b"here"]
            redis_server.start()
            await eventually(lambda: is_connected(one, other, messages))

    async def test_while_it_hangs_nobody_waits_long(
        self, two: tuple[RedisCache, RedisCache], redis_server: RedisServer
    ) -> None:
        one, _ = two
        async with one.subscribe("c") as before:
            redis_server.hang()
            async with asyncio.timeout(1.5), one.subscribe("d") as during:
                for channel in ("c", "d"):
                    await one.publish(channel, b"here")
            assert [await take(before, 1), await take(during, 1)] == [[b"here"], [b"here"]]

    async def test_a_connection_that_went_silent_is_replaced(
        self, two: tuple[RedisCache, RedisCache], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listening, "ASK_EVERY_SECONDS", 0.2)
        one, other = two
        async with one.subscribe("c") as messages:
            await asyncio.sleep(0.7)
            redis_server.hang()
            await asyncio.sleep(0.7)
            redis_server.go_on()
            await eventually(lambda: is_connected(one, other, messages))

    async def test_an_address_that_never_answers_serves_this_process(self) -> None:
        with mute_server() as url:
            cache = RedisCache(url)
            async with asyncio.timeout(2), cache.subscribe("c") as messages:
                await cache.publish("c", b"here")
                assert await take(messages, 1) == [b"here"]
            await cache.close()

    async def test_what_others_say_on_the_channel_is_passed_over(
        self, two: tuple[RedisCache, RedisCache], redis_server: RedisServer
    ) -> None:
        one, other = two
        async with one.subscribe("c") as messages:
            redis_server.publish("learntrac:channel:c", b"short")
            await other.publish("c", b"ours")

            assert await take(messages, 1) == [b"ours"]


async def _nobody_listens(server: RedisServer) -> bool:
    return server.channels() == []
