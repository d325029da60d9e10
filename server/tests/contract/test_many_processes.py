"""Many serving processes on one PostgreSQL: nobody notices that they come and go, nor which one answers."""

import asyncio
import itertools
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from learntrac.kit.http.doors import API
from tests.backends.redis_server import RedisServer
from tests.conftest import PASSWORDS, TracCopy
from tests.contract.server_processes import KeptConnection, ServerProcess, is_alive, serving_process

pytestmark = [pytest.mark.service("redis"), pytest.mark.parametrize("trac_copy", ["postgresql"], indirect=True)]


@pytest.fixture
def two(quick_trac: TracCopy, redis_server: RedisServer, tmp_path: Path) -> Iterator[ServerProcess]:
    """`learntrac serve --workers 2`."""
    said = tmp_path / "said"
    variables = {"LEARNTRAC_REDIS_URL": redis_server.url, "LEARNTRAC_LOG_LEVEL": "INFO"}
    with serving_process(quick_trac.folder, said, "--workers", "2", **variables) as server:
        # One that answers is not both: a first child that ends before it serves ends the server.
        wait_until(lambda: any(all_serve(line) for line in server.said.splitlines()))
        yield server


def all_serve(line: str) -> bool:
    entry = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
    return entry.get("event") == "serving" and entry.get("processes") == 2


def wait_until(holds: Callable[[], bool], *, within_seconds: float = 30) -> None:
    until = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < until, f"did not hold within {within_seconds} s"
        time.sleep(0.05)


def log_in(url: str, name: str) -> str:
    answer = httpx.post(f"{url}{API}/auth/login", json={"username": name, "password": PASSWORDS[name]})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def study(connection: KeptConnection, concept_id: int) -> int:
    """Look, begin, complete; how many requests that were. Raises where one is not answered well."""
    for method, path, body in (("GET", "/concepts", None), ("GET", f"/concepts/{concept_id}", None)):
        assert (await connection.send(method, path, body))[0] == 200
    status, begun = await connection.send("POST", f"/concepts/{concept_id}/start", {})
    assert status == 200, begun
    ended = await connection.send("POST", f"/concepts/{concept_id}/complete", {"session_id": begun["session_id"]})
    assert ended[0] == 200, ended
    return 4


@asynccontextmanager
async def steady_load(server: ServerProcess) -> Any:
    """Sixteen keep-alive connections that never rest; gives the counts of requests and of connections."""
    learners = list(itertools.product(("alice", "bob", "ivan"), (1, 2, 3, 4, 5)))
    tokens = {name: await asyncio.to_thread(log_in, server.url, name) for name in ("alice", "bob", "ivan")}
    connections = [KeptConnection(server.port, tokens[name]) for name, _ in learners]
    done, over = [0], asyncio.Event()

    async def one(connection: KeptConnection, concept_id: int) -> None:
        while not over.is_set():
            done[0] += await study(connection, concept_id)
        connection.close()

    async with asyncio.TaskGroup() as group:
        for connection, (_, concept_id) in zip(connections, learners, strict=True):
            group.create_task(one(connection, concept_id))
        yield lambda: (done[0], sum(connection.opened for connection in connections))
        over.set()


async def holds(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(150):
        while not condition():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_no_request_fails_while_all_are_replaced_and_while_one_is_stopped(two: ServerProcess) -> None:
    old = set(two.children())
    async with steady_load(two) as counted:
        await asyncio.sleep(0.5)
        two.signal(signal.SIGHUP)
        await holds(lambda: len(two.children()) == 2 and not set(two.children()) & old)
        replaced = counted()
        assert replaced[0] > 100
        assert replaced[1] > 15, "connections of the old ones were told to go"

        stopped = two.children()[0]
        os.kill(stopped, signal.SIGTERM)
        await holds(lambda: len(two.children()) == 2 and stopped not in two.children())
        before = counted()[0]
        await holds(lambda: counted()[0] > before + 50)


async def test_those_who_wait_to_be_taken_when_all_stop_are_answered(two: ServerProcess) -> None:
    children = two.children()
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(KeptConnection(two.port).send("GET", "/health")) for _ in range(20)]
    await asyncio.sleep(0.2)
    two.signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    for pid in children:
        os.kill(pid, signal.SIGCONT)

    assert {status for status, _ in await asyncio.gather(*waiting)} == {200}


async def test_one_that_is_killed_is_replaced_and_the_rest_end_with_their_parent(two: ServerProcess) -> None:
    first, second = two.children()
    os.kill(first, signal.SIGKILL)
    await holds(lambda: len(two.children()) == 2 and first not in two.children())
    assert second in two.children()
    assert (await asyncio.to_thread(httpx.get, f"{two.url}{API}/concepts")).status_code == 200

    children = two.children()
    two.kill()
    await holds(lambda: not any(map(is_alive, children)))
    with pytest.raises(httpx.ConnectError):
        await asyncio.to_thread(httpx.get, f"{two.url}{API}/health")


@pytest.fixture
def pair(quick_trac: TracCopy, redis_server: RedisServer, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two servers, so that one can choose which to ask."""
    redis = {"LEARNTRAC_REDIS_URL": redis_server.url}
    with (
        serving_process(quick_trac.folder, tmp_path / "one", **redis) as one,
        serving_process(quick_trac.folder, tmp_path / "other", **redis) as other,
    ):
        yield one.url, other.url


async def test_a_logout_counts_at_once_on_every_process_with_redis_down_too(
    pair: tuple[str, str], redis_server: RedisServer
) -> None:
    async with httpx.AsyncClient() as client:
        assert await accepted_after_logout(client, pair, times=100) == 0
        redis_server.kill()
        assert await accepted_after_logout(client, pair, times=100) == 0


async def accepted_after_logout(client: httpx.AsyncClient, pair: tuple[str, str], *, times: int) -> int:
    """How many tokens are still accepted by one server right after a logout at the other."""
    accepted = 0
    for number in range(times):
        here, there = pair if number % 2 else reversed(pair)
        answer = await client.post(
            f"{here}{API}/auth/login", json={"username": "alice", "password": PASSWORDS["alice"]}
        )
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        for url in (here, there, here, there):
            assert (await client.get(f"{url}{API}/auth/me", headers=bearer)).status_code == 200
        assert (await client.post(f"{here}{API}/auth/logout", headers=bearer)).status_code == 200
        accepted += (await client.get(f"{there}{API}/auth/me", headers=bearer)).status_code != 401
    return accepted


Work = Callable[[], Awaitable[None]]


async def test_a_role_that_is_changed_or_taken_counts_at_once_on_every_process(
    pair: tuple[str, str], quick_trac: TracCopy
) -> None:
    add = "INSERT INTO learntrac.local_account (user_id, password_hash, role, created_at) VALUES (?, 'x', ?, 1)"
    await asyncio.to_thread(quick_trac.execute, add, "bob", "instructor")
    token = await asyncio.to_thread(signed_in_before, pair, quick_trac)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:

        async def seen() -> list[int]:
            return [(await client.get(f"{url}{API}/progress/alice")).status_code for url in pair]

        assert await seen() == [200, 200]
        change = "UPDATE learntrac.local_account SET role = ? WHERE user_id = ?"
        await asyncio.to_thread(quick_trac.execute, change, "student", "bob")
        assert await seen() == [403, 403]
        end = "UPDATE learntrac.auth_session SET revoked_at = 1 WHERE user_id = ?"
        await asyncio.to_thread(quick_trac.execute, end, "bob")
        assert await seen() == [401, 401]


def signed_in_before(pair: tuple[str, str], trac: TracCopy) -> str:
    """Bob's token from a sign-in with Trac's password; his local account is put aside for it."""
    trac.execute("UPDATE learntrac.local_account SET user_id = 'aside' WHERE user_id = 'bob'")
    token = log_in(pair[0], "bob")
    trac.execute("UPDATE learntrac.local_account SET user_id = 'bob' WHERE user_id = 'aside'")
    return token
