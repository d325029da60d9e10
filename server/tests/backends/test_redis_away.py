"""Through the API: whatever Redis does, nobody but the operator notices."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from learntrac.backends.cache.patience import at_most
from tests.accounts.helpers import log_in, stay_within_one_window, write_htpasswd
from tests.backends.redis_server import RedisServer, mute_server
from tests.conftest import Answer, Api, Person, TracCopy, eventually, serving
from tests.contract.servers import ROOT

pytestmark = pytest.mark.service("redis")

GUIDE = ROOT / "docs" / "guide"
SLOWEST_SECONDS = 1.5
TOO_MANY = (429, "RATE_LIMIT_EXCEEDED")
AWAY: dict[str, tuple[Callable[[RedisServer], None], Callable[[RedisServer], None]]] = {
    "killed": (RedisServer.kill, RedisServer.start),
    "hung": (RedisServer.hang, RedisServer.go_on),
    "full": (RedisServer.fill_up, RedisServer.make_room),
}
"""How it goes away, and how it comes back."""


@pytest.fixture(params=AWAY)
def away(request: pytest.FixtureRequest) -> str:
    """Each way to go away in turn."""
    return str(request.param)


@pytest.fixture
def trac(sqlite_template: Path, tmp_path: Path) -> TracCopy:
    """A Trac whose passwords are checked in no time."""
    copy = TracCopy(shutil.copytree(sqlite_template, tmp_path / "trac"))
    write_htpasswd(copy.folder)
    return copy


@asynccontextmanager
async def served(trac: TracCopy, url: str, **changes: Any) -> AsyncIterator[Api]:
    """The API with this Redis, within one window of both limits."""
    await stay_within_one_window(300, needed=15)
    async with serving(trac, redis_url=url, **changes) as api:
        yield api


@dataclass
class Answers:
    """What was answered, each in time: by a clock that stands still while other tests hold this process up."""

    statuses: list[int] = field(default_factory=list)

    async def to(self, request: Awaitable[Answer]) -> Answer:
        async with at_most(SLOWEST_SECONDS):
            answer = await request
        self.statuses.append(answer.status)
        return answer


async def a_day_at_school(api: Api, alice: Person) -> None:
    """What people do; every answer must be a good one, in time."""
    answers, bob = Answers(), Person(api.client)
    bob.token = (await answers.to(log_in(bob, "bob")))["access_token"]
    begun = await answers.to(alice.post("/concepts/1/start", {}))
    requests = [
        alice.get("/concepts"),
        bob.get("/progress"),
        alice.get("/auth/me"),
        bob.get("/concepts/1"),
        alice.post("/concepts/1/complete", {"session_id": begun["session_id"]}),
        *(bob.get("/auth/me") for _ in range(30)),
    ]
    found = await asyncio.gather(*(answers.to(request) for request in requests))
    assert all("x-ratelimit-remaining" in answer.headers for answer in found)
    await answers.to(bob.post("/auth/logout"))
    assert (await bob.get("/auth/me")).status == 401

    assert Counter(answers.statuses) == {200: len(answers.statuses)}


async def redis_is(api: Api, state: str) -> bool:
    """What `/status` says of Redis, and that it says so in time."""
    async with at_most(SLOWEST_SECONDS):
        answer = await api.anybody.get("/status")
    assert answer["status"] == ("operational" if answer["services"]["redis"] == "healthy" else "degraded")
    return bool(answer["services"]["redis"] == state)


async def guesses(api: Api, name: str, times: int) -> Counter[int]:
    return Counter([(await log_in(api.anybody, name, f"guess {number}")).status for number in range(times)])


async def test_it_may_go_away_and_come_back(trac: TracCopy, redis_server: RedisServer, away: str) -> None:
    leave, come_back = AWAY[away]
    async with served(trac, redis_server.url) as api:
        alice = await api.sign_in("alice")
        assert await redis_is(api, "healthy")
        leave(redis_server)

        await a_day_at_school(api, alice)
        assert await redis_is(api, "unavailable")
        await asyncio.sleep(1.1)  # once more when it is tried again
        await a_day_at_school(api, alice)

        come_back(redis_server)
        await eventually(lambda: redis_is(api, "healthy"))
        assert (await alice.get("/auth/me")).status == 200
        assert "learntrac:limit:1000/3600:api:alice" in redis_server.lives(), "counted there again"


async def test_the_guides_access_list_is_enough(trac: TracCopy, redis_server: RedisServer) -> None:
    line = next(line for line in (GUIDE / "redis.md").read_text().splitlines() if line.startswith("ACL SETUSER "))
    redis_server.execute(line.replace("PASSWORD", "secret"))
    async with served(trac, redis_server.url.replace("//", "//learntrac:secret@")) as api:
        cache = api.parts.cache
        assert await guesses(api, "alice", 1) == {401: 1}
        alice = await api.sign_in("alice")
        assert (await alice.get("/auth/me")).status == 200
        assert "learntrac:limit:1000/3600:api:alice" in redis_server.lives(), "counted there"
        async with cache.subscribe("c") as messages:
            await cache.put("k", b"value", seconds=60)
            assert await cache.get("k") == b"value"
            await cache.drop("k")
            await cache.publish("c", b"message")
            assert await anext(messages) == b"message"
            assert b"learntrac:channel:c" in redis_server.channels()
        assert await redis_is(api, "healthy")

        redis_server.execute("ACL SETUSER learntrac -set")
        assert await redis_is(api, "unavailable")


async def test_it_may_be_down_at_the_start(trac: TracCopy, redis_server: RedisServer) -> None:
    redis_server.kill()
    async with served(trac, redis_server.url) as api:
        assert await redis_is(api, "unavailable")
        await a_day_at_school(api, await api.sign_in("alice"))

        redis_server.start()
        await eventually(lambda: redis_is(api, "healthy"))


async def test_something_else_may_be_at_its_address(trac: TracCopy) -> None:
    with mute_server() as url:
        async with served(trac, url) as api:
            await a_day_at_school(api, await api.sign_in("alice"))
            assert await redis_is(api, "unavailable")


async def test_it_may_forget_everything(trac: TracCopy, redis_server: RedisServer) -> None:
    async with served(trac, redis_server.url, rate_limit_per_hour=50) as api:
        alice = await api.sign_in("alice")
        answers = [await alice.get("/auth/me") for _ in range(51)]
        assert [answer.status for answer in answers] == [200] * 50 + [429]
        redis_server.flush()

        assert await redis_is(api, "healthy")
        await a_day_at_school(api, alice)


async def test_two_servers_share_one_limit(trac: TracCopy, redis_server: RedisServer) -> None:
    async with served(trac, redis_server.url, rate_limit_per_hour=10) as one:
        alice = await one.sign_in("alice")
        async with served(trac, redis_server.url, rate_limit_per_hour=10) as other:
            people = [alice, Person(other.client, alice.token)]
            answers = await asyncio.gather(*(people[number % 2].get("/auth/me") for number in range(40)))

    assert Counter(answer.status for answer in answers) == {200: 10, 429: 30}


async def test_while_it_is_away_the_limit_holds_in_each_process(
    trac: TracCopy, redis_server: RedisServer, away: str
) -> None:
    async with served(trac, redis_server.url, rate_limit_per_hour=5) as api:
        alice = await api.sign_in("alice")
        AWAY[away][0](redis_server)
        answers = [await alice.get("/auth/me") for _ in range(7)]

    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].error == TOO_MANY


async def test_guessing_is_slowed_down_while_it_is_away_and_afterwards(
    trac: TracCopy, redis_server: RedisServer, away: str
) -> None:
    leave, come_back = AWAY[away]
    async with served(trac, redis_server.url) as api:
        assert await guesses(api, "alice", 5) == {401: 5}
        leave(redis_server)
        assert await guesses(api, "alice", 12) == {401: 10, 429: 2}, "this process counts from nothing"
        assert (await log_in(api.anybody, "bob")).status == 200

        come_back(redis_server)
        await eventually(lambda: redis_is(api, "healthy"))
        still_there = 0 if away == "killed" else 5
        assert await guesses(api, "alice", 12) == {401: 10 - still_there, 429: 2 + still_there}


async def test_guessing_is_slowed_down_after_it_forgot_everything(trac: TracCopy, redis_server: RedisServer) -> None:
    async with served(trac, redis_server.url) as api:
        for _ in range(2):
            assert await guesses(api, "alice", 12) == {401: 10, 429: 2}
            redis_server.flush()


async def test_guesses_at_two_servers_are_counted_together(trac: TracCopy, redis_server: RedisServer) -> None:
    async with served(trac, redis_server.url) as one, served(trac, redis_server.url) as other:
        assert await guesses(one, "alice", 6) == {401: 6}
        assert await guesses(other, "alice", 6) == {401: 4, 429: 2}
